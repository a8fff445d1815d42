"""The errors that farwatch raises on purpose: each says what, where and what to do."""

from __future__ import annotations


class FarwatchError(Exception):
    """Base of every error that a user's input can cause; the command line prints it and exits 1."""


class FormatError(FarwatchError):
    """Bytes or a file that do not hold what their format promises."""


class ConfigError(FarwatchError):
    """A scenario or site file that cannot be used as written."""
