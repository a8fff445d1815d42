"""Settings of all tests."""

from __future__ import annotations

from hypothesis import settings

# An example may have to compile a kernel first, and machines are shared: pytest's own time limit serves instead.
settings.register_profile("farwatch", deadline=None)
settings.load_profile("farwatch")
