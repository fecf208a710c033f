"""Which URLs and addresses are refused, however they are written."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.destinations import destination, may_be_reached, name_problem
from shared.setting_ways import plain_url
from tests.adapters.addresses import INSIDE, PUBLIC

NEVER = [
    "0.0.0.0",  # noqa: S104 - refused
    "169.254.169.254",
    "169.254.1.1",
    "168.63.129.16",
    "100.100.100.200",
    "224.0.0.1",
    "::",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::",
    "fd00:ec2::254",
    "fe80::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", INSIDE)
def test_what_stands_inside_is_not_reached(address: str) -> None:
    assert not may_be_reached(ip_address(address))


@pytest.mark.parametrize("address", [PUBLIC, "1.1.1.1", "2606:4700:4700::1111", "2a00:1450::1"])
def test_the_public_internet_is_reached(address: str) -> None:
    assert may_be_reached(ip_address(address))


@pytest.mark.parametrize("address", NEVER)
def test_no_list_opens_metadata_and_what_is_no_hosts_own(address: str) -> None:
    assert not may_be_reached(ip_address(address), listed=True)


@pytest.mark.parametrize("address", ["10.0.0.1", "100.64.0.1", "127.0.0.1", "::1", "fc00::1"])
def test_a_list_opens_private_networks(address: str) -> None:
    assert may_be_reached(ip_address(address), listed=True)


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_is_reached_in_an_ipv6_disguise(address: IPv4Address) -> None:
    for prefix, shift in (("::ffff:0:0", 0), ("64:ff9b::", 0), ("2002::", 80), ("::", 0)):
        disguised = IPv6Address(int(IPv6Address(prefix)) | int(address) << shift)
        assert not may_be_reached(disguised)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com",
        "//hooks.example.com/",
        "ftp://hooks.example.com/",
        "http://hooks.example.com/",
        "https://",
        "https:///path",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.1/",
        "https://127.0.0.1./",
        "https://127.0.0.01/",
        "https://1.2.3.4.5/",
        "https://hooks.example.com./",
        "https://hooks..example.com/",
        "https://.example.com/",
        "https://-hooks.example.com/",
        "https://[fe80::1%25eth0]/",
        "https://[fe80::1%eth0]/",
        "https://[::1/",
        "https://::1/",
        "https://[127.0.0.1.5]/",
        "https://user@hooks.example.com/",
        "https://user:word@hooks.example.com/",
        "https://hooks.example.com@127.0.0.1/",
        "https://hooks.example.com:443@127.0.0.1/",
        "https://hooks.example.com\\@127.0.0.1/",
        "https://hooks.example.com#@127.0.0.1/",
        "https://127.0.0.1%2f.example.com/",
        "https://127%2e0%2e0%2e1/",
        "https://①②⑦.⓪.⓪.①/",
        "https://127。0。0。1/",
        "https://ⓛocalhost/",
        "https://exa\u00admple.com/",
        "https://ex\u0430mple.com/",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:65536/",
        "https://hooks.example.com:/",
        "https://hooks.example.com:4 43/",
        "https://hooks.example.com:443:443/",
        "https://hooks.example.com:٤٤٣/",
        "https://hooks.example.com/a b",
        "https://hooks.example.com/a\r\nX-Evil: 1",
        "https://hooks.example.com/\n",
        " https://hooks.example.com/",
        "https://hooks.example.com/#part",
        "http://127.0.0.1.example.com/",
        f"https://{'a' * 64}.example.com/",
        f"https://{'a.' * 130}com/",
    ],
)
def test_a_url_in_any_other_writing_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="the hook must be a URL beginning with https://") as said:
        destination(url, "the hook")
    with pytest.raises(ValueError, match="beginning with https://"):
        plain_url(url)

    assert len(url) < 9 or url not in str(said.value)


@pytest.mark.parametrize(
    ("url", "host", "port", "authority", "path"),
    [
        ("https://hooks.example.com", "hooks.example.com", 443, "hooks.example.com", "/"),
        (
            "HTTPS://Hooks.Example.COM/A?b=C",
            "hooks.example.com",
            443,
            "hooks.example.com",
            "/A?b=C",
        ),
        ("https://a_b.example.com:8443/x", "a_b.example.com", 8443, "a_b.example.com:8443", "/x"),
        (
            "https://xn--bcher-kva.example/",
            "xn--bcher-kva.example",
            443,
            "xn--bcher-kva.example",
            "/",
        ),
        ("https://host?sig=%2B1", "host", 443, "host", "/?sig=%2B1"),
        ("https://93.184.215.14/", "93.184.215.14", 443, "93.184.215.14", "/"),
        ("https://[2606:4700::0001]:8443/", "2606:4700::1", 8443, "[2606:4700::1]:8443", "/"),
        ("http://127.0.0.1:8080/", "127.0.0.1", 8080, "127.0.0.1:8080", "/"),
    ],
)
def test_a_plain_url_is_taken_apart(
    url: str, host: str, port: int, authority: str, path: str
) -> None:
    to = destination(url, "the hook")

    assert plain_url(url) == url
    assert (to.host, to.port, to.authority, to.path) == (host, port, authority, path)


def test_a_destination_does_not_show_its_path() -> None:
    assert "s3cr3t" not in repr(destination("https://hooks.example.com/s3cr3t?k=s3cr3t", "it"))


def test_a_url_in_place_of_a_name_is_not_repeated() -> None:
    said = name_problem("https://hooks.example.com/s3cr3t", {}, "webhook", "WEBHOOKS")

    assert "s3cr3t" not in said
    assert "WEBHOOKS" in said
