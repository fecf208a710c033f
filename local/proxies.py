"""Keeps calls to this machine away from the proxies that the environment names."""

from collections.abc import Mapping

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def around_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables with which HTTP clients reach this machine directly, and all else as before.

    None where no proxy is named. Both spellings: where both are set, the lower one counts.
    """
    if not any(_names_a_proxy(name) for name, value in environment.items() if value):
        return {}
    given = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    known = [host.strip() for host in given.split(",") if host.strip()]
    # A lone * means every host, and nothing at all beside others.
    named = "*" if known == ["*"] else ",".join(dict.fromkeys([*known, *LOOPBACK]))
    return {"no_proxy": named, "NO_PROXY": named}


def _names_a_proxy(variable: str) -> bool:
    return variable.upper() != "NO_PROXY" and variable.upper().endswith("_PROXY")
