"""Where a message may go: how a URL has to be written, and to which addresses nobody is sent.

A webhook's URL is anybody's who sets up a channel. It may lead to what stands on the public
internet; what stands inside (the cloud's own metadata service first of all) has to be listed.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from shared.adapters.https import is_plain_loopback

IPAddress = IPv4Address | IPv6Address

# Not urlsplit: two readings of one URL that differ are how guards like this one are passed. This
# one knows no user, no zone, no escaped host and no fragment.
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]{1,253})(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>[/?][a-z0-9\-._~!$&'()*+,;=:@%/?]*)?",
    re.IGNORECASE | re.ASCII,
)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
# A last label that begins with a digit makes a number, which some resolvers take for an address.
_NAME = re.compile(rf"(?:{_LABEL}\.)*[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?")

_METADATA = frozenset(
    ip_address(one)
    for one in (
        "169.254.169.254",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd20:ce::254",
    )
)
"""Where clouds tell whoever asks from inside who they are, tokens included."""
_DISGUISES = tuple(
    ip_network(one)
    for one in (
        "::ffff:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/32",
        "2002::/16",
        "192.88.99.0/24",
    )
)
"""Addresses that stand for others: IPv4-mapped, NAT64, Teredo, 6to4 and its relay."""
_V6_INTERNET = ip_network("2000::/3")
_V6_DOCUMENTATION = ip_network("3fff::/20")
"""Newer Pythons know by themselves that it is not global."""


@dataclass(frozen=True)
class Destination:
    """A URL taken apart once. `host` is in lower case; the path (query included) is a secret."""

    is_secure: bool
    host: str
    port: int
    path: str = field(repr=False)

    @property
    def authority(self) -> str:
        """What the Host header says."""
        usual = 443 if self.is_secure else 80
        return self._shown_host if self.port == usual else self.with_port

    @property
    def with_port(self) -> str:
        """`host:port`, as a list of hosts may name it."""
        return f"{self._shown_host}:{self.port}"

    @property
    def _shown_host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


def destination(url: str, what: str) -> Destination:
    """The URL's parts; raises ValueError, without the URL, for one that is not written plainly.

    Plain http is for this machine only.
    """
    parts = _URL.fullmatch(url)
    host = _host(parts["host"].lower()) if parts else ""
    if parts is None or not host:
        raise ValueError(_wanted(what))
    is_secure = parts["scheme"].lower() == "https"
    port = int(parts["port"] or (443 if is_secure else 80))
    if not 0 < port < 65536 or not (is_secure or is_plain_loopback(url)):
        raise ValueError(_wanted(what))
    path = parts["path"] or "/"
    return Destination(is_secure, host, port, path if path.startswith("/") else f"/{path}")


def _wanted(what: str) -> str:
    return (
        f"{what} must be a URL beginning with https:// and a host in plain writing "
        "(a name in ASCII, or an address), without user and fragment"
    )


def _host(given: str) -> str:
    """The host in the one way to write it; empty when it is written in another."""
    try:
        return str(ip_address(given.strip("[]")))
    except ValueError:
        return given if _NAME.fullmatch(given) else ""


def is_listed(to: Destination, listed: Collection[str]) -> bool:
    """Whether the list names its host, or its host with this port."""
    return to.host in listed or to.with_port in listed


def may_be_reached(address: IPAddress, *, listed: bool = False) -> bool:
    """Whether a message may go there; `listed` opens private networks and this machine.

    No list opens the clouds' metadata services, nor what is no host's own address.
    """
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    if address in _METADATA or any(address in network for network in _DISGUISES):
        return False
    return listed or _is_public(address)


def _is_public(address: IPAddress) -> bool:
    is_known = address.version == 4 or address in _V6_INTERNET
    return is_known and address.is_global and address not in _V6_DOCUMENTATION


def name_problem(target: str, known: Collection[str], kind: str, setting: str) -> str:
    """Why an action's target is no webhook's name; empty when it is one."""
    if "://" in target:
        return f"a {kind} action takes a webhook's name; the URL itself goes into {setting}"
    return "" if target in known else f"there is no {kind} named {target}: add it to {setting}"
