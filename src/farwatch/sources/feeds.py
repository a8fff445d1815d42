"""Feeds: where live data comes from, as a scenario declares it."""

from __future__ import annotations

import datetime
from ipaddress import IPv4Address
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from farwatch.errors import ConfigError, FormatError
from farwatch.formats.asterix.editions import Rule, rule_of
from farwatch.formats.asterix.table import load_table
from farwatch.network import Endpoint, Interface, find_interface, parse_url


class Feed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """ASTERIX over UDP (`udp://ADDRESS:PORT`, a group or an address of this machine) or from a TCP server.

    Other formats are those of ADS-B receivers, each over TCP or UDP, one receiver a feed: `beast` (port 30005), `avr`
    (30002), `sbs` (30003), `aircraft_json`, `modes_jsonl`, `mlat_csv`. `gps`: the counter of a Beast or AVR receiver is
    the time of day.

    `url` may be several of them. `interface`: name or address of the interface that joins the groups. `from`: only
    datagrams of these senders are taken. `network`: "A" and "B" carry the same blocks, and one copy of each is used.
    `editions` by category, as { 048 = "1.31" }, or of one source or port of it, as { "001@1/10" = "1.2", "048@:8600" =
    "1.30" }. `day`: a recording of that day (UTC) is played to the feed, so that its times are not those of this
    machine's clock. What is more than `max_ahead_s` ahead of the clock is left out: one wild time would make all others
    late. The queue holds `queue_mb`; beyond it the oldest datagrams go.
    """

    url: str | tuple[str, ...]
    format: Literal["asterix", "beast", "avr", "sbs", "aircraft_json", "modes_jsonl", "mlat_csv"] = "asterix"
    interface: str | None = None
    from_: tuple[str, ...] = msgspec.field(default=(), name="from")
    network: Literal["A", "B"] | None = None
    editions: dict[str, str] = {}
    day: datetime.date | None = None
    gps: bool = False
    max_ahead_s: Annotated[float, Meta(gt=0, le=43_200)] = 2.0
    queue_mb: Annotated[float, Meta(gt=0, le=4096)] = 32.0
    buffer_mb: Annotated[float, Meta(gt=0, le=1024)] = 8.0


COUNTING = ("beast", "avr")  # formats with a receiver's counter


class Ready(NamedTuple):
    """A feed with all that was said of it checked."""

    feed: Feed
    endpoints: tuple[Endpoint, ...]
    interface: Interface
    senders: frozenset[str]
    editions: dict[int | Rule, str]
    day_ns: int  # start of the day that is played, 0: today


def urls_of(feed: Feed) -> tuple[str, ...]:
    """The addresses of a feed."""
    return (feed.url,) if isinstance(feed.url, str) else feed.url


def checked(feed: Feed, number: int) -> Ready:
    """The feed, ready to be opened; raises `ConfigError` that names it."""
    try:
        endpoints = tuple(parse_url(url) for url in urls_of(feed))
        if not endpoints:
            raise ConfigError("`url` is empty; give at least one")
        if len({endpoint.scheme for endpoint in endpoints}) > 1:
            raise ConfigError("UDP and TCP in one feed; give each a feed of its own")
        _refuse_options(feed)
        if len(endpoints) > 1 and endpoints[0].scheme == "tcp":
            raise ConfigError("several TCP servers in one feed; give each a feed of its own")
        return Ready(
            feed,
            endpoints,
            find_interface(feed.interface),
            frozenset(_sender(text) for text in feed.from_),
            _editions(feed.editions),
            _day_ns(feed.day),
        )
    except (ConfigError, FormatError) as error:
        raise ConfigError(f"$.feeds[{number}]: {error}") from None


def _refuse_options(feed: Feed) -> None:
    """Options that mean nothing for a format."""
    if feed.format == "asterix":
        given = {"gps": feed.gps}
    else:
        given = {"network": feed.network is not None, "editions": bool(feed.editions), "day": feed.day is not None}
        given["gps"] = feed.gps and feed.format not in COUNTING
        if len(urls_of(feed)) > 1:
            raise ConfigError(f"several addresses in one feed of format {feed.format!r}; give each receiver a feed")
    for name, is_given in given.items():
        if is_given:
            raise ConfigError(f"`{name}` says nothing for the format {feed.format!r}; leave it out")


def _sender(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except ValueError:
        raise ConfigError(f"`from` = {text!r} is no IPv4 address; give those of the senders, as 10.0.0.5") from None


def _editions(given: dict[str, str]) -> dict[int | Rule, str]:
    editions: dict[int | Rule, str] = {}
    for text, edition in given.items():
        rule = rule_of(text)
        if rule is None:
            raise ConfigError(
                f"`editions` names {text!r}; give categories, as {{ 048 = {edition!r} }}, or those of a source or a "
                f'port, as {{ "048@1/10" = {edition!r}, "048@:8600" = {edition!r} }}'
            )
        load_table(rule.category, edition)
        editions[rule] = edition
    return editions


def _day_ns(day: datetime.date | None) -> int:
    return 0 if day is None else (day - datetime.date(1970, 1, 1)).days * 86_400 * 10**9
