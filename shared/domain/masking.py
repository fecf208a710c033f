"""Addresses and accounts as messages show them: enough to recognise, too little to misuse."""

import re
from ipaddress import IPv6Address, ip_address, ip_network

from shared.domain.culprits import in_line

_KEPT_BITS = {4: 24, 6: 48}
HOST_BITS = 64
"""Of an IPv6 address those that whoever has the network chooses himself."""
_PORT = re.compile(r"(\d+(?:\.\d+){3}):\d+|\[([0-9A-Fa-f:.]+)\](?::\d+)?")
_DOMAIN = re.compile(r"[\w-]+(\.[\w-]+)*\.[^\W\d_]{2,}")


def plain_address(given: str) -> str:
    """The address without a port, an IPv6 one in its usual spelling, a mapped IPv4 one as itself.

    Else who comes with a new port each time would never be the same; other text stays as it is.
    """
    if ":" not in given:
        return given
    found = _PORT.fullmatch(given)
    bare = (found[1] or found[2]) if found else given
    try:
        known = ip_address(bare)
    except ValueError:
        return given
    mapped = known.ipv4_mapped if isinstance(known, IPv6Address) else None
    return str(mapped or known)


def origin(address: str) -> str:
    """Who is behind a plain address: of IPv6 the beginning of its /64 network.

    Whoever has one address of it has all, and could come with a new one each time (RFC 6177).
    """
    if ":" not in address:
        return address
    try:
        return str(IPv6Address(int(IPv6Address(address)) >> HOST_BITS << HOST_BITS))
    except ValueError:
        return address


def one_spelling(account: str) -> str:
    """An account without case and blanks around it, by which most logins do not go either."""
    return account.strip().casefold()


def masked_address(address: str) -> str:
    """The network that the address lies in: `203.0.113.0/24`, `2001:db8:1::/48`."""
    plain = plain_address(address)
    try:
        known = ip_address(plain)
    except ValueError:
        return masked_account(address)
    return str(ip_network((known, _KEPT_BITS[known.version]), strict=False))


def masked_account(account: str) -> str:
    """Its first letter, and the domain of an e-mail address: `a…@example.com`, `u…`.

    What can be no domain is masked, too: people type passwords into the wrong field. Nothing that
    is no letter to see, such as a line's end, comes first.
    """
    name, _, domain = account.rpartition("@")
    shown = f"@{domain}" if name and _DOMAIN.fullmatch(domain) else ""
    return f"{in_line(account)[:1]}…{shown}" if account else ""
