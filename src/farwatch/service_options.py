"""How the live service records, remembers and lets go, as a site file's [service] says; the command line may differ."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from farwatch.web_options import WebOptions


class ServiceOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of `farwatch serve`.

    `record`: folder of the journal, `state`: folder of the checkpoints. A journal keeps `keep_gb` and `keep_hours`.
    What waits longer than `backlog_s`, or beyond `backlog_plots`, is shed. `replica`: where this one hands its stream
    to a standby, as 10.0.0.1:8766; `peer`: the same of the other of the pair; both know `replica_token_file`. A standby
    takes over when the active one has been silent for `takeover_s`. `web`: the map and the rest of the web side.
    """

    record: str | None = None
    state: str | None = None
    keep_gb: Annotated[float, Meta(gt=0)] = 20.0
    keep_hours: Annotated[float, Meta(gt=0)] = 48.0
    segment_mb: Annotated[float, Meta(ge=0.01, le=4096)] = 64.0
    checkpoint_s: Annotated[float, Meta(ge=0.1, le=3600)] = 5.0
    checkpoints: Annotated[int, Meta(ge=2, le=100)] = 4
    backlog_s: Annotated[float, Meta(ge=0.1, le=600)] = 5.0
    backlog_plots: Annotated[int, Meta(ge=100)] = 500_000
    replica: str | None = None
    peer: str | None = None
    replica_token_file: str | None = None
    takeover_s: Annotated[float, Meta(ge=0.2, le=60)] = 2.0
    web: WebOptions = WebOptions()
