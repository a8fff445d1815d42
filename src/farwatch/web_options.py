"""Options of the service's web side: where it listens, whom it lets in, and how far back in time it can go."""

from __future__ import annotations

import os
import socket
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from farwatch.errors import ConfigError

TOKEN_VARIABLE = "FARWATCH_TOKEN"
SHORTEST_TOKEN = 16
LONGEST_TOKEN = 512

Count = Annotated[int, Meta(ge=1, le=100_000)]


class WebOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The web side of the service.

    Any `host` that is not of this machine alone needs a token of at least 16 characters, from `token_file` or the
    environment (FARWATCH_TOKEN). `hosts` are further names by which browsers may call it, as behind a proxy. Where
    `certificate` and `key` name PEM files it speaks TLS. `history_hours` and `history_gb` bound the pictures and the
    tracks' states that are kept, each of them; a track's state is kept every `history_s`. The service is ready while
    the last update is younger than `ready_s`.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8765
    token_file: str | None = None
    hosts: tuple[str, ...] = ()
    certificate: str | None = None
    key: str | None = None
    max_clients: Count = 100
    max_clients_per_address: Count = 50
    max_connections: Count = 400
    max_connections_per_address: Count = 100
    history_hours: Annotated[float, Meta(gt=0, le=8784)] = 24.0
    history_gb: Annotated[float, Meta(ge=0.001, le=100_000)] = 4.0
    history_s: Annotated[float, Meta(ge=1, le=3600)] = 5.0
    ready_s: Annotated[float, Meta(gt=0, le=3600)] = 10.0


def is_loopback(host: str) -> bool:
    """True where only this machine can reach a host."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def read_token(options: WebOptions, environment: dict[str, str] | None = None) -> str | None:
    """The token that lets users in, None where none is needed nor given; raises `ConfigError`."""
    environment = dict(os.environ) if environment is None else environment
    if options.token_file is not None:
        where = options.token_file
        try:
            token = Path(options.token_file).read_text("utf-8").strip()
        except FileNotFoundError:
            raise ConfigError(f"{where}: no such token file; write a long random word into it") from None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{where}: the token file cannot be read ({error})") from None
    elif TOKEN_VARIABLE in environment:
        where, token = f"${TOKEN_VARIABLE}", environment[TOKEN_VARIABLE].strip()
    elif is_loopback(options.host):
        return None
    else:
        raise ConfigError(
            f"host {options.host} can be reached from other machines, so it needs a token: write a long random word "
            f"into a file and name it with `token_file`, or set ${TOKEN_VARIABLE}"
        )
    if not SHORTEST_TOKEN <= len(token) <= LONGEST_TOKEN or not token.isprintable():
        raise ConfigError(f"{where}: a token has {SHORTEST_TOKEN} to {LONGEST_TOKEN} printable characters")
    return token


def allowed_hosts(options: WebOptions) -> frozenset[str]:
    """Names that a request may call this service by, besides addresses: no other's page can take one of them over."""
    return frozenset(name.lower() for name in ("localhost", socket.gethostname(), *options.hosts))
