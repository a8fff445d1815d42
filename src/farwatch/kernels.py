"""The one decorator for compiled kernels, with a disk cache that is keyed by source.

numba's own cache looks at the modification time of the file that holds a function and does not see a change in a
kernel that the function calls. Here the key of a kernel is a digest of its source, of the constants that it reads and
of the keys of the kernels that it calls, so a change recompiles what depends on it and nothing else.
"""

from __future__ import annotations

import dis
import hashlib
import inspect
import os
import sys
import tempfile
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numba
from numba.core import config as _config
from numba.core.caching import UserProvidedCacheLocator

_KEY = "__kernel_key__"
_WANTED: dict[tuple[str, str], str] = {}  # what kernels of a module read that is not defined yet, and one of them
config: Any = _config  # numba sets its attributes at run time
njit: Any = numba.njit  # its types do not tell of `_nrt`


def cache_directory() -> Path:
    """Directory of the compiled kernels: $FARWATCH_CACHE, else the user's cache folder, else a temporary one."""
    if chosen := os.environ.get("FARWATCH_CACHE"):
        return Path(chosen) / "kernels"
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    path = base / "farwatch" / "kernels"
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError:
        return Path(tempfile.gettempdir()) / f"farwatch-{os.getuid()}" / "kernels"


class SourceKeyedLocator(UserProvidedCacheLocator):
    """Places a kernel's compiled form under a name that carries the digest of its source."""

    def __init__(self, py_func: Any, py_file: str) -> None:
        super().__init__(py_func, py_file)  # type: ignore[no-untyped-call]
        self._key: str = getattr(py_func, _KEY)
        self._cache_path = str(cache_directory())

    def get_source_stamp(self) -> str:
        return self._key

    def get_disambiguator(self) -> str:
        return self._key

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> SourceKeyedLocator:
        locator = cls(py_func, py_file)
        locator.ensure_cache_path()  # type: ignore[no-untyped-call]
        return locator


def source_key(function: Any) -> str:
    """Digest of a kernel: its module and source, the constants and kernels that it uses, the compiler's settings."""
    digest = hashlib.sha256()
    digest.update(f"{numba.__version__} {sys.version_info[:2]} {config.BOUNDSCHECK}".encode())
    # A compiled form names the modules of the kernels that it calls.
    digest.update(f"{function.__module__} {inspect.getsource(function)}".encode())
    names = function.__globals__
    for name in sorted(_globals_of(function.__code__)):
        value = names.get(name)
        if value is None:
            _WANTED[function.__module__, name] = function.__name__
            continue
        key = getattr(getattr(value, "py_func", value), _KEY, None)
        if key is not None:
            digest.update(f"{name}={key}".encode())
        elif isinstance(value, int | float | str | tuple):
            digest.update(f"{name}={value!r}".encode())
    return digest.hexdigest()[:20]


def _globals_of(code: types.CodeType) -> set[str]:
    names = {str(step.argval) for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _globals_of(constant)
    return names


def inlined(function: Callable[..., Any]) -> Any:
    """A kernel whose body is copied into its callers: for one that only hands on, a call costs more than it does."""
    return kernel(function, inline="always")


def leaf(function: Callable[..., Any]) -> Any:
    """A kernel that makes no arrays and calls leaves alone: compiled without reference counts.

    Taking an array out of a tuple counts a reference, atomically; for small kernels that cost more than their work.
    """
    return kernel(function, counted=False)


def kernel(function: Callable[..., Any], inline: Literal["never", "always"] = "never", counted: bool = True) -> Any:
    """Compile a function with numba (nopython, no fastmath, releases the GIL) and cache it on disk by its source."""
    if user := _WANTED.get((function.__module__, function.__name__)):
        raise TypeError(
            f"kernel {function.__name__} stands below {user}, which calls it: its key would not tell changes"
        )
    setattr(function, _KEY, source_key(function))
    before = config.CACHE_LOCATOR_CLASSES, config.CACHE_DIR
    config.CACHE_LOCATOR_CLASSES = f"{__name__}.SourceKeyedLocator"
    config.CACHE_DIR = str(cache_directory())
    try:
        compiled = njit(function, cache=True, nogil=True, error_model="numpy", inline=inline, _nrt=counted)
    finally:
        config.CACHE_LOCATOR_CLASSES, config.CACHE_DIR = before
    return compiled


def is_cached(compiled: Any) -> bool:
    """True where the cache folder already holds a compiled form of a kernel as it is now."""
    key = getattr(compiled.py_func, _KEY)
    return any(cache_directory().glob(f"*-{key}.*.nbi"))
