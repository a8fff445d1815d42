"""The page: the files of the map as built, read once, or a stub that says how to build it."""

from __future__ import annotations

import gzip
import logging
import mimetypes
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

LOG = logging.getLogger(__name__)

WEB_ROOT = Path(str(files("farwatch"))) / "page"
LARGEST = 64 << 20
_PACKED = (".html", ".js", ".css", ".json", ".svg", ".map", ".txt")
_HASHED = "/assets/"  # names there carry a hash of their content
_TYPES = {".js": "text/javascript", ".json": "application/json", ".woff2": "font/woff2", ".svg": "image/svg+xml"}

STUB = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>farwatch</title><link rel="stylesheet" href="/login.css"></head>
<body><main><h1>farwatch is running</h1>
<p>The map page has not been built in this installation. Its interface works: see
<a href="/api/v1/scenario">/api/v1/scenario</a>, <a href="/api/v1/tracks">/api/v1/tracks</a>,
<a href="/data/aircraft.json">/data/aircraft.json</a> and <a href="/metrics">/metrics</a>.</p>
<p>To build the page, with Node 20.19 or newer: <code>FARWATCH_PAGE=require pip install .</code> in a checkout; then
start farwatch again.</p></main></body></html>
"""

LOGIN = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>farwatch: log in</title><link rel="stylesheet" href="/login.css"></head>
<body><main><h1>farwatch</h1>
<form method="post" action="/login"><label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Log in</button></form></main></body></html>
"""

LOGIN_CSS = b"""body { background: #0b0e11; color: #d8dee4; font: 16px/1.5 system-ui, sans-serif; margin: 0 }
main { max-width: 36rem; margin: 15vh auto 0; padding: 0 1rem }
a { color: #56b4e9 }
label, input, button { display: block; margin-top: .5rem; font: inherit }
input { width: 100%; box-sizing: border-box; padding: .4rem; background: #161b20; color: inherit;
  border: 1px solid #66707a }
button { padding: .4rem 1rem; background: #56b4e9; color: #0b0e11; border: 0 }
"""


class Asset(NamedTuple):
    """A file of the page."""

    content: bytes
    packed: bytes | None  # by gzip, where that pays
    content_type: str
    cache: str


def load_page(root: Path = WEB_ROOT) -> dict[str, Asset]:
    """The plain files below `root` by their path in the address, no links; a stub where the page is not built."""
    assets: dict[str, Asset] = {}
    if (root / "index.html").is_file():
        for path in sorted(root.rglob("*")):
            plain = path.is_file() and path.resolve() == root.resolve() / path.relative_to(root)
            if plain and path.stat().st_size <= LARGEST:
                assets["/" + path.relative_to(root).as_posix()] = _asset(path, root)
        assets["/"] = assets["/index.html"]
    else:
        LOG.warning("the map page is not built: %s holds no index.html; a stub stands in its place", root)
        assets["/"] = Asset(STUB, None, "text/html; charset=utf-8", "no-cache")
    return assets


def _asset(path: Path, root: Path) -> Asset:
    content = path.read_bytes()
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if kind.startswith("text/") or kind in ("application/json", "image/svg+xml"):
        kind += "; charset=utf-8"
    packed = gzip.compress(content, 6, mtime=0) if path.suffix in _PACKED and len(content) > 512 else None
    lasting = f"/{path.relative_to(root).as_posix()}".startswith(_HASHED)
    return Asset(content, packed, kind, "private, max-age=31536000, immutable" if lasting else "no-cache")
