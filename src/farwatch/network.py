"""Addresses such as udp://239.1.1.1:8600, and sockets on them; what cannot be is told before anything starts.

Only `sources/`, `sinks/asterix_udp.py` and `farwatch play` open sockets, all of them here.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from ipaddress import IPv4Address
from typing import NamedTuple

from farwatch.errors import ConfigError

ANY = "0.0.0.0"
# Linux numbers that Python's socket module does not name (asm-generic/socket.h, linux/in.h).
SO_TIMESTAMPNS, SO_RXQ_OVFL, SO_RCVBUFFORCE, IP_MULTICAST_ALL = 35, 40, 33, 49
LINUX = sys.platform == "linux"


class Endpoint(NamedTuple):
    """One end of a feed or an output."""

    scheme: str  # "udp" or "tcp"
    host: str  # an IPv4 address; for TCP a name may stand for one
    port: int

    @property
    def multicast(self) -> bool:
        """True where the host is a group."""
        return self.scheme == "udp" and IPv4Address(self.host).is_multicast

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


def parse_url(url: str, schemes: tuple[str, ...] = ("udp", "tcp")) -> Endpoint:
    """An address out of "udp://239.1.1.1:8600"; raises `ConfigError` that says what is wrong with it."""
    allowed = " or ".join(f"{name}://ADDRESS:PORT" for name in schemes)
    scheme, mark, rest = url.partition("://")
    if not mark or scheme.lower() not in schemes:
        raise ConfigError(f"{url}: no such kind of address; give {allowed}")
    host, mark, port = rest.rstrip("/").rpartition(":")
    if not mark or not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ConfigError(f"{url}: has no port from 1 to 65535; give {allowed}")
    if scheme.lower() == "udp":
        _ipv4(host, url)
    return Endpoint(scheme.lower(), host, int(port))


def _ipv4(host: str, where: str) -> IPv4Address:
    try:
        return IPv4Address(host)
    except ValueError:
        raise ConfigError(f"{where}: {host} is no IPv4 address; give one such as 239.1.1.1 or 127.0.0.1") from None


class Interface(NamedTuple):
    """A network interface, by its address or its number; neither: the system chooses."""

    address: str = ANY
    number: int = 0

    @property
    def request(self) -> bytes:
        """As the options of a multicast socket want it (struct ip_mreqn, without the group)."""
        return socket.inet_aton(self.address) + struct.pack("@i", self.number)


def find_interface(given: str | None) -> Interface:
    """The interface of a name ("eth0") or of an address of its own ("127.0.0.1"); raises `ConfigError`."""
    if given is None:
        return Interface()
    known = ", ".join(name for _, name in socket.if_nameindex())
    try:
        address = IPv4Address(given)
    except ValueError:
        try:
            return Interface(number=socket.if_nametoindex(given))
        except OSError:
            raise ConfigError(
                f"no network interface {given!r}; give one of {known}, or the address of one here"
            ) from None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            raise ConfigError(f"no network interface here has the address {given}; interfaces are {known}") from None
    return Interface(address=str(address))


def open_receiver(endpoint: Endpoint, interface: Interface, buffer_bytes: int) -> tuple[socket.socket, int]:
    """A bound UDP socket that does not block, joined to its group, and the receive buffer (bytes) that it got.

    A unicast address that is not of this machine, a port in use, a group that cannot be joined: `ConfigError`.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        granted = _widen(sock, buffer_bytes)
        if LINUX:
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            sock.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
        if endpoint.multicast:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if LINUX:
                sock.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
            # Bound to the group: datagrams to other groups on the port are none of this socket's.
            sock.bind((endpoint.host if LINUX else "", endpoint.port))
            group = socket.inet_aton(endpoint.host) + interface.request
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
        else:
            sock.bind((endpoint.host, endpoint.port))
    except OSError as error:
        sock.close()
        raise ConfigError(f"{endpoint}: {_reason(error)}") from None
    return sock, granted


def _widen(sock: socket.socket, wanted: int) -> int:
    """Raise the receive buffer as far as the system lets it; returns what it is now."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, wanted)
    granted = _buffer_of(sock)
    if granted < wanted and LINUX:
        try:  # beyond the limit of the system (net.core.rmem_max), where this process may
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, wanted)
        except OSError:
            return granted
    return _buffer_of(sock)


def _buffer_of(sock: socket.socket) -> int:
    size = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    return size // 2 if LINUX else size  # Linux tells twice what was asked for: its own bookkeeping


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "the port is in use by another program; end that, or give another port"
    if error.errno == errno.EADDRNOTAVAIL:
        return "is no address of this machine and no multicast group (224.0.0.0 to 239.255.255.255)"
    if error.errno == errno.EACCES:
        return "the system does not allow this port; give one above 1023"
    if error.errno == errno.ENODEV:
        return "no interface can take the group: name one with `interface`"
    return f"cannot be listened to ({error.strerror})"


def open_sender(endpoint: Endpoint, interface: Interface, ttl: int) -> socket.socket:
    """A UDP socket to send to `endpoint` with; raises `ConfigError`. What it sends to a group is heard here as well."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        if endpoint.multicast:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
            if interface != Interface():
                where = socket.inet_aton(ANY) + interface.request
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, where)
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, max(ttl, 64))
            if interface.address != ANY:
                sock.bind((interface.address, 0))
    except OSError as error:
        sock.close()
        raise ConfigError(f"{endpoint}: cannot be sent to ({error.strerror})") from None
    return sock
