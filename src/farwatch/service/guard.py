"""Guard: who may ask for what. Host and Origin are checked, then the token; every answer carries the strict headers."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterable
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address, ip_network

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from farwatch.clock import now_ns

COOKIE = "farwatch"
COOKIE_S = 7 * 86_400
FAILURES, FAILURE_S = 5, 60.0  # so many wrong tokens of one address in so long; then it waits
ADDRESSES = 10_000  # remembered at most
OPEN = frozenset({"/livez", "/login", "/login.css"})

POLICY = "; ".join(
    (
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data: blob:",
        "connect-src 'self'", "font-src 'self'", "worker-src 'self'", "manifest-src 'self'", "base-uri 'none'",
        "form-action 'self'", "frame-ancestors 'none'",
    )
)  # fmt: skip
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Attempts:
    """Counts wrong tokens by address, in a table that cannot grow without end. `now_s` is told.

    There is no limit for all addresses together: whoever reached it would lock out everybody, and a token is too long
    to be guessed from many.
    """

    def __init__(self) -> None:
        self._failed: dict[str, list[float]] = {}

    def wait_s(self, address: str, now_s: float) -> float:
        """How long an address must wait before its next attempt; 0: it need not."""
        failed = [at for at in self._failed.get(network_of(address), ()) if at > now_s - FAILURE_S]
        return failed[-FAILURES] + FAILURE_S - now_s if len(failed) >= FAILURES else 0.0

    def failed(self, address: str, now_s: float) -> None:
        """Note a wrong token."""
        network = network_of(address)
        own = [*self._failed.pop(network, ()), now_s][-FAILURES:]
        while len(self._failed) >= ADDRESSES:
            self._failed.pop(next(iter(self._failed)))
        self._failed[network] = own


def network_of(address: str) -> str:
    """What counts as one address: of IPv6, whoever has one has 2^64 of them."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(found) if found.version == 4 else str(ip_network((int(found) >> 64 << 64, 64)))


class Pass:
    """The token, and cookies that prove that it was known; a cookie does not tell it, and ends with it."""

    def __init__(self, token: str) -> None:
        self._digest = hashlib.sha256(token.encode()).digest()
        self._key = hashlib.sha256(b"farwatch cookie\0" + token.encode()).digest()

    def is_token(self, given: str) -> bool:
        """Whether it is the token; takes the same time for any."""
        return hmac.compare_digest(hashlib.sha256(given.encode("utf-8", "replace")).digest(), self._digest)

    def cookie(self, now_s: float) -> str:
        """A new value, good for a week."""
        claim = f"{int(now_s) + COOKIE_S}.{secrets.token_urlsafe(12)}"
        return f"{claim}.{self._sign(claim)}"

    def is_cookie(self, value: str, now_s: float) -> bool:
        """Whether it was given by this token and still holds."""
        claim, _, signature = value.rpartition(".")
        if not hmac.compare_digest(self._sign(claim).encode(), signature.encode("utf-8", "replace")):
            return False
        return int(claim.partition(".")[0]) > now_s

    def _sign(self, claim: str) -> str:
        return hmac.new(self._key, claim.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


class Guard:
    """Stands before the application. Without a token only Host and Origin are checked.

    `hosts` are the names that it may be called by; addresses are always allowed, as no page of another's can have one
    for its name.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Iterable[str],
        token: str | None,
        secure: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._pass = Pass(token) if token else None
        self._secure = secure
        self._attempts = Attempts()
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = _headers(scope)
        refused = self._refused(scope, headers)
        if refused is not None:
            await refuse(scope, receive, send, *refused)
            return
        scope.setdefault("state", {})["guard"] = self
        await self._app(scope, receive, _with_headers(send, self._secure) if scope["type"] == "http" else send)

    def _refused(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str, dict[str, str]] | None:
        """Status, text and headers of the answer to one who may not; None: may."""
        host = headers.get("host", "")
        if not self._is_host(host):
            return 421, "this service does not go by that name; add it to `hosts` of its options\n", {}
        path, websocket = str(scope["path"]), scope["type"] == "websocket"
        method = "GET" if websocket else str(scope["method"])
        if websocket or method not in ("GET", "HEAD"):
            origin = headers.get("origin")
            wanted = {f"{scheme}://{host.lower()}" for scheme in ("http", "https")}
            # A browser always tells where a page comes from; a program that is none need not.
            if (origin is not None and origin.lower() not in wanted) or headers.get("sec-fetch-site") == "cross-site":
                return 403, "asked by a page of another origin\n", {}
        if not websocket and method not in ("GET", "HEAD") and path not in ("/login", "/logout"):
            return 405, "only GET is answered here\n", {"allow": "GET, HEAD"}
        if method != "POST" and (headers.get("content-length", "0") != "0" or "transfer-encoding" in headers):
            return 413, "nothing but /login takes a body\n", {}
        if self._pass is None or path in OPEN:
            return None
        return self._without_token(scope, headers, path)

    def _without_token(
        self, scope: Scope, headers: dict[str, str], path: str
    ) -> tuple[int, str, dict[str, str]] | None:
        assert self._pass is not None
        if self._pass.is_cookie(_cookie(headers.get("cookie", "")), now_ns() * 1e-9):
            return None
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            said = self.attempt(_address(scope), given.strip())
            if said is None:
                return None
            return said[0], said[1], said[2] | ({"www-authenticate": "Bearer"} if said[0] == 401 else {})
        if scope["type"] == "http" and scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
            return 303, "log in first\n", {"location": "/login"}
        return (
            401,
            "a token is needed: log in at /login, or send it as Authorization: Bearer\n",
            {"www-authenticate": "Bearer"},
        )

    def _is_host(self, host: str) -> bool:
        name = host.lower()
        if name.startswith("[") and "]" in name:
            name = name[1:].partition("]")[0]
        else:
            name = name.partition(":")[0]
        if name in self._hosts:
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True

    def attempt(self, address: str, given: str) -> tuple[int, str, dict[str, str]] | None:
        """None where that is the token or none is needed; else status, text and headers of the answer."""
        now_s = self._clock()
        if self._pass is None:
            return None
        wait_s = self._attempts.wait_s(address, now_s)
        if wait_s > 0.0:
            return 429, "too many wrong tokens; wait a minute\n", {"retry-after": str(int(wait_s) + 1)}
        if self._pass.is_token(given):
            return None
        self._attempts.failed(address, now_s)
        return 401, "that is not the token\n", {}

    @property
    def asks(self) -> bool:
        """Whether a token is needed."""
        return self._pass is not None

    def cookie_header(self) -> str:
        """Set-Cookie of one who has shown the token."""
        value = self._pass.cookie(now_ns() * 1e-9) if self._pass else ""
        return f"{COOKIE}={value}; Path=/; Max-Age={COOKIE_S}; HttpOnly; SameSite=Strict" + (
            "; Secure" if self._secure else ""
        )


def _headers(scope: Scope) -> dict[str, str]:
    """Headers by lower-case name. Two of one name are a trick, but for those that may be split: the last is void."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}; {text}" if key in found else text
    return found


def _address(scope: Scope) -> str:
    return scope["client"][0] if scope.get("client") else ""


def _cookie(header: str) -> str:
    """Our cookie out of the header; '' where there is none."""
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def _with_headers(send: Send, secure: bool) -> Send:
    extra = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
    if secure:
        extra.append((b"strict-transport-security", b"max-age=31536000"))

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", []))
            if not any(name == b"cache-control" for name, _ in given):
                given.append((b"cache-control", b"no-store"))
            message = {**message, "headers": given + extra}
        await send(message)

    return sent


async def refuse(
    scope: Scope, receive: Receive, send: Send, status: int, text: str, headers: dict[str, str] | None = None
) -> None:
    """Answer with a status and a line of text, also where a WebSocket was wanted."""
    body = text.encode()
    # Closed, lest somebody goes on sending what nobody reads.
    given = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    given += [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    websocket = scope["type"] == "websocket"
    if websocket:
        await receive()
    prefix = "websocket.http.response" if websocket else "http.response"
    out = _with_headers(send, False) if not websocket else send
    await out({"type": f"{prefix}.start", "status": status, "headers": given})
    await out({"type": f"{prefix}.body", "body": body})
