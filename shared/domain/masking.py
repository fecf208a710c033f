"""Addresses and accounts as messages show them: enough to recognise, too little to misuse."""

from ipaddress import ip_address, ip_network

_KEPT_BITS = {4: 24, 6: 48}


def masked_address(address: str) -> str:
    """The network that the address lies in: `203.0.113.0/24`, `2001:db8:1::/48`."""
    try:
        known = ip_address(address)
    except ValueError:
        return masked_account(address)
    return str(ip_network((known, _KEPT_BITS[known.version]), strict=False))


def masked_account(account: str) -> str:
    """Its first letter, and the domain of an e-mail address: `a…@example.com`, `u…`."""
    name, at, domain = account.partition("@")
    return f"{name[:1]}…{at}{domain}" if name else account
