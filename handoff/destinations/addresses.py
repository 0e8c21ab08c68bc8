"""Which addresses may be called. Whoever sets up a webhook must not reach what only this machine can."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLong
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from django.conf import settings

PORTS = (443, 8443)
LONGEST = 2000
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")
# A resolver that hangs must not hang us; its threads are few and live on.
_resolvers = ThreadPoolExecutor(max_workers=8, thread_name_prefix="resolve")


class NotAllowed(ValueError):
    """This address may not be called; the text says why, for who typed it."""


@dataclass(frozen=True)
class Place:
    """An address in its parts."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        standard = 443 if self.scheme == "https" else 80
        return host if self.port == standard else f"{host}:{self.port}"


def parse(url: str) -> Place:
    """Take an address apart; raise NotAllowed for what no name can make right."""
    if len(url) > LONGEST or not url.isascii() or any(c.isspace() or ord(c) < 33 for c in url):
        raise NotAllowed("Write the address as one line of plain characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise NotAllowed("This is not an address.") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and _local_allowed()):
        raise NotAllowed("The address must start with https://.")
    if parts.username is not None or parts.password is not None:
        raise NotAllowed("Leave user name and password out of the address.")
    if not parts.hostname:
        raise NotAllowed("The address names no host.")
    port = port or (443 if parts.scheme == "https" else 80)
    if port not in PORTS and not _local_allowed():
        raise NotAllowed("Only ports 443 and 8443 can be called.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(parts.scheme, parts.hostname.rstrip("."), port, path)


def check(url: str) -> Place:
    """Return the address in its parts if it may be called now; raise NotAllowed."""
    place = parse(url)
    reachable(place, timeout=5)
    return place


def reachable(place: Place, timeout: float) -> list[str]:
    """Return the addresses to connect to, all public; raise NotAllowed if one is not, or there is none."""
    try:
        answers = _resolvers.submit(_lookup, place).result(timeout)
    except (OSError, UnicodeError, TooLong):
        raise NotAllowed(f"No address was found for {place.host}. Check the spelling.") from None
    found = list(dict.fromkeys(answers))
    for address in found:
        require_public(address)
    return found


def require_public(address: str) -> None:
    """Raise NotAllowed unless this IP address is one of the public internet."""
    if not (is_public(address) or _local_allowed()):
        raise NotAllowed("This address lies within a private network; only public ones can be called.")


def is_public(address: str) -> bool:
    """Tell whether an address is public, also by the IPv4 address that it stands for."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner: list[IPv4Address | IPv6Address] = _inner(found) if isinstance(found, IPv6Address) else []
    return all(_is_global(one) for one in (inner or [found]))


def _is_global(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _inner(address: IPv6Address) -> list[IPv4Address | IPv6Address]:
    """Return the IPv4 addresses within: mapped, 6to4, Teredo (server and client), NAT64, compatible."""
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if address.sixtofour:
        return [address.sixtofour]
    if address.teredo:
        return list(address.teredo)
    if address in _NAT64 or address in _COMPATIBLE:
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    return []


def _lookup(place: Place) -> list[str]:
    answers = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    return [str(address[0]) for _, _, _, _, address in answers]


def _local_allowed() -> bool:
    return bool(settings.LEADFLOW_ALLOW_LOCAL_WEBHOOKS)
