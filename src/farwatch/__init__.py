"""farwatch: radar plots, ADS-B and multilateration in, one live, honest air picture out. Surveillance only."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from farwatch.api import listen, replay, simulate
    from farwatch.errors import ConfigError, FarwatchError, FormatError
    from farwatch.evaluation import evaluate
    from farwatch.picture import Picture
    from farwatch.pipeline import run
    from farwatch.plots import Batch, Plots, Progress, without_identity
    from farwatch.scenario import Scenario, load
    from farwatch.sinks import open_sink
    from farwatch.tracker import Tracker, TrackerOptions
    from farwatch.truth import Truth

__version__ = "0.1.0"

# Imported when first asked for: `import farwatch` costs nothing, and no kernel is compiled before it is needed.
_HOME = {
    "Batch": "plots",
    "ConfigError": "errors",
    "FarwatchError": "errors",
    "FormatError": "errors",
    "Picture": "picture",
    "Plots": "plots",
    "Progress": "plots",
    "Scenario": "scenario",
    "Tracker": "tracker",
    "TrackerOptions": "tracker",
    "Truth": "truth",
    "evaluate": "evaluation",
    "listen": "api",
    "load": "scenario",
    "open_sink": "sinks",
    "replay": "api",
    "run": "pipeline",
    "simulate": "api",
    "without_identity": "plots",
}

__all__ = [
    "Batch",
    "ConfigError",
    "FarwatchError",
    "FormatError",
    "Picture",
    "Plots",
    "Progress",
    "Scenario",
    "Tracker",
    "TrackerOptions",
    "Truth",
    "evaluate",
    "listen",
    "load",
    "open_sink",
    "replay",
    "run",
    "simulate",
    "without_identity",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'farwatch' has no attribute {name!r}")
    return getattr(importlib.import_module(f"farwatch.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
