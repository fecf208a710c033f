"""Calls to this machine go around proxies; what the environment says otherwise stays true."""

from collections.abc import Mapping

import pytest

from local.proxies import around_proxies

PROXY = {"HTTP_PROXY": "http://proxy.example:3128"}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "localhost,127.0.0.1,::1"),
        ({"NO_PROXY": "a.example, b.example"}, "a.example,b.example,localhost,127.0.0.1,::1"),
        ({"no_proxy": "one.example", "NO_PROXY": "two"}, "one.example,localhost,127.0.0.1,::1"),
        ({"no_proxy": "127.0.0.1"}, "127.0.0.1,localhost,::1"),
        ({"no_proxy": "*"}, "*"),
    ],
)
def test_this_machine_is_added(given: Mapping[str, str], named: str) -> None:
    assert around_proxies({**PROXY, **given}) == {"no_proxy": named, "NO_PROXY": named}


@pytest.mark.parametrize("given", [{}, {"https_proxy": ""}, {"NO_PROXY": "a.example"}])
def test_where_no_proxy_is_named_nothing_changes(given: Mapping[str, str]) -> None:
    assert around_proxies(given) == {}
