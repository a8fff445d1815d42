"""The server: all of the web side in threads of its own, from a board to a port."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import uvicorn

from farwatch.errors import ConfigError, FarwatchError
from farwatch.scenario import Scenario
from farwatch.service.app import make_app
from farwatch.service.board import Board
from farwatch.service.commands import LONGEST
from farwatch.service.connections import HEAD_BYTES, Doors, protocols
from farwatch.service.frame_store import FrameStore
from farwatch.service.frames import FrameEncoder
from farwatch.service.history import History
from farwatch.service.interpreter import settle
from farwatch.service.live_socket import LiveSocket
from farwatch.service.metrics import Metrics, WebState
from farwatch.service.page import WEB_ROOT, load_page
from farwatch.service.publisher import Publisher
from farwatch.service.rest import Rest
from farwatch.web_options import WebOptions, allowed_hosts, is_loopback, read_token

LOG = logging.getLogger(__name__)

HISTORY_SHARE = 0.25  # of the room, for the states of tracks; the rest is for pictures
PING_S = 20.0  # a client that does not answer for so long has gone
START_S = 20.0
STOP_S = 3


class Server:
    """A running web side. `url` is where it is; `stop` ends it and writes what is waiting."""

    def __init__(self, url: str, publisher: Publisher, store: FrameStore, live: LiveSocket, parts: ExitStack) -> None:
        self.url = url
        self.publisher, self.store, self.live = publisher, store, live
        self._parts = parts

    def stop(self) -> None:
        """End; may be called again."""
        self._parts.close()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_server(
    board: Board,
    scenario: Scenario,
    options: WebOptions,
    *,
    folder: Path | None = None,
    lossless: bool = False,
    from_start: bool = False,
    web_root: Path = WEB_ROOT,
) -> Server:
    """Serve what the board is told, until `stop()`.

    Pictures and states of tracks are kept in `folder`, or in one that goes at the end. `lossless`: publishing waits for
    them to be written, for replays as fast as possible; with `from_start` who comes begins with the oldest picture.
    Raises `FarwatchError` where the port, the token, the folder or the scenario will not do.
    """
    if scenario.frame.flat:
        raise ConfigError('the map shows the Earth, and this scenario lies in a plane: set [frame] kind = "wgs84"')
    token = read_token(options)
    tls = _tls(options)
    with ExitStack() as parts:
        sock = _bound(options)
        parts.callback(sock.close)
        if folder is None:
            folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="farwatch-")))
        ids = [sensor.id for sensor in scenario.sensors]
        web = WebState()
        hours, gigabytes = options.history_hours, options.history_gb
        store = FrameStore(folder / "pictures", hours, gigabytes * (1.0 - HISTORY_SHARE), lossless)
        parts.callback(store.close)
        history = History(folder, hours, gigabytes * HISTORY_SHARE, options.history_s, ids, lossless)
        parts.callback(history.close)
        encoder = FrameEncoder(scenario)
        metrics = Metrics(web, lambda: {"pictures": store.dropped, "history": history.dropped})
        publisher = Publisher(board, encoder, store, history, metrics, web, lossless)
        parts.callback(publisher.close)
        live = LiveSocket(scenario, options, publisher, store, history, encoder.hits, web, from_start)
        rest = Rest(ids, live, publisher, history, metrics, load_page(web_root), options.ready_s)
        parts.callback(rest.close)
        app = make_app(rest, live, allowed_hosts(options), token, tls is not None)
        doors = Doors(options.max_connections, options.max_connections_per_address, web)
        http, websocket = protocols(doors)
        config = uvicorn.Config(
            app,
            http=http,
            ws=websocket,
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="error",  # whoever sends nonsense shall not fill the log
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws_max_size=LONGEST,
            ws_per_message_deflate=False,
            ws_ping_interval=PING_S,
            ws_ping_timeout=PING_S,
            h11_max_incomplete_event_size=HEAD_BYTES,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=STOP_S,
        )
        config.load()
        config.ssl = tls
        parts.callback(settle())
        _Loop(uvicorn.Server(config), sock, live).start_in(parts)
        scheme = "https" if tls else "http"
        url = f"{scheme}://{_shown(options.host)}:{sock.getsockname()[1]}"
        if token is not None and tls is None and not is_loopback(options.host):
            LOG.warning("%s: the token crosses the network unencrypted; give `certificate` and `key`, or a proxy", url)
        return Server(url, publisher, store, live, parts.pop_all())


class _Loop:
    """uvicorn in a thread of its own."""

    def __init__(self, server: uvicorn.Server, sock: socket.socket, live: LiveSocket) -> None:
        self._server, self._sock, self._live = server, sock, live
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="web server", daemon=True)

    def start_in(self, parts: ExitStack) -> None:
        """Start, and have `parts` end it."""
        self._thread.start()
        parts.callback(self._stop)
        self._ready.wait(START_S)
        if self._error is not None or not self._ready.is_set():
            raise FarwatchError(f"the web server did not start ({self._error or 'it took too long'})")

    def _stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            LOG.exception("the web server has ended")
            self._error = error
        self._ready.set()

    async def _serve(self) -> None:
        self._live.run_in(asyncio.get_running_loop())
        serving = asyncio.create_task(self._server.serve(sockets=[self._sock]))
        while not self._server.started and not serving.done():
            await asyncio.sleep(0.005)
        self._ready.set()
        await serving


def _bound(options: WebOptions) -> socket.socket:
    """A listening socket; raises `ConfigError` where there can be none."""
    try:
        found = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise ConfigError(f"host {options.host!r} is no address of this machine; give one such as 127.0.0.1") from None
    family, _, _, _, address = found[0]
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(128)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        where = f"port {options.port} of {options.host}"
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(f"{where} is in use by another program; end that, or give another `port`") from None
        if error.errno == errno.EACCES:
            raise ConfigError(f"{where}: the system does not allow it; give a `port` above 1023") from None
        if error.errno == errno.EADDRNOTAVAIL:
            raise ConfigError(
                f"host {options.host} is no address of this machine; give one such as 127.0.0.1"
            ) from None
        raise ConfigError(f"{where} cannot be listened to ({error.strerror})") from None
    return sock


def _tls(options: WebOptions) -> ssl.SSLContext | None:
    """The context of the certificate, None without one; raises `ConfigError`."""
    if options.certificate is None and options.key is None:
        return None
    if options.certificate is None or options.key is None:
        raise ConfigError("TLS needs both `certificate` and `key`, the names of PEM files")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(options.certificate, options.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{options.certificate}, {options.key}: no certificate and key in PEM ({error})") from None
    return context


def _shown(host: str) -> str:
    if host in ("0.0.0.0", "::", ""):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
