"""The probe at the wire: what counts as available, what is read of the page, what never hangs."""

import logging
import socket
import threading
from collections.abc import Iterator

import pytest

from shared.catalog.metrics import CATALOG
from shared.domain.errors import SourceError
from tests.adapters.site import (
    HEALTHY,
    MINUTE,
    NOW,
    PATH,
    QUICK,
    TARGET,
    Page,
    Site,
    ask,
    probe,
    running,
    unanswered,
    values,
    wait_for_the_left_behind,
)
from tests.stopwatch import seconds_at_most


@pytest.fixture
def site() -> Iterator[Site]:
    with running(Site()) as site:
        yield site


def test_a_healthy_page_gives_everything(site: Site) -> None:
    reading = probe(site.url + PATH).read(TARGET, since=None, now=NOW)

    assert (reading.source, reading.asked_at, reading.covered_until) == ("probe", NOW, MINUTE)
    found = values(reading)
    assert 0 < found.pop("probeLatency") < 1000
    assert found == {"availability": 100.0, "memoryHeap": 90.0, "memoryProcess": 180.5}


def test_every_metric_of_the_probe_is_given() -> None:
    given = {"availability", "probeLatency", "memoryHeap", "memoryProcess", "certificateDaysLeft"}

    assert {metric.name for metric in CATALOG.metrics if "probe" in metric.sources} == given


def test_the_page_is_asked_by_name_and_over_a_new_connection(site: Site) -> None:
    source = probe(site.url + PATH)
    for _ in range(2):
        source.read(TARGET, since=None, now=NOW)

    assert [path for path, _ in site.asked] == [PATH, PATH]
    assert {headers["User-Agent"] for _, headers in site.asked} == {"pantry-monitor"}
    assert len(site.callers) == 2


@pytest.mark.parametrize("status", [200, 204, 299])
def test_a_good_status_is_available(site: Site, status: int) -> None:
    site.page = Page(status, b"")

    assert ask(site)["availability"] == 100.0


@pytest.mark.parametrize("status", [302, 304, 400, 401, 404, 429, 500, 503])
def test_any_other_status_is_not(site: Site, status: int) -> None:
    site.page = Page(status, b"")

    found = ask(site)

    assert found["availability"] == 0.0
    assert found["probeLatency"] > 0


def test_a_sick_page_still_tells_its_memory(site: Site) -> None:
    site.page = Page(503)

    found = ask(site)

    assert found["availability"] == 0.0
    assert found["memoryProcess"] == 180.5


@pytest.mark.parametrize(
    ("body", "figures"),
    [
        (b"", {}),
        (b"OK", {}),
        (b"\xff", {}),
        (b'{"said": "\xe9", "memory": {"rss": 1048576}}', {}),
        (b"[]", {}),
        (b"7", {}),
        (b"[" * 60_000, {}),
        (b'{"memory": 5}', {}),
        (b'{"memory": {"rss": "many", "heapUsed": true}}', {}),
        (b'{"memory": {"rss": -1, "heapUsed": null}}', {}),
        (b'{"memory": {"rss": 1e300, "heapUsed": 1%s}}' % (b"0" * 400), {}),
        (b'{"memory": {"rss": 1048576, "heapUsed": []}}', {"memoryProcess": 1.0}),
        (b'{"memory": {"heapUsed": 0}}', {"memoryHeap": 0.0}),
        (b" " * 65_536 + HEALTHY, {}),
    ],
    ids=lambda given: repr(given)[:40],
)
def test_odd_figures_are_left_out(site: Site, body: bytes, figures: dict[str, float]) -> None:
    site.page = Page(body=body)

    found = ask(site)

    del found["probeLatency"]
    assert found == {"availability": 100.0, **figures}


def test_a_chunked_page_is_read(site: Site) -> None:
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(HEALTHY), HEALTHY)
    site.page = Page(body=chunks, headers={"Transfer-Encoding": "chunked"})

    assert ask(site)["memoryHeap"] == 90.0


def test_redirects_on_the_same_host_are_followed_twice(site: Site) -> None:
    site.pages = {
        PATH: Page(307, b"", {"Location": "/b"}),
        "/b": Page(301, b"", {"Location": f"{site.url}/c"}),
    }

    assert ask(site)["availability"] == 100.0
    assert [path for path, _ in site.asked] == [PATH, "/b", "/c"]


def test_redirects_are_not_followed_for_ever(site: Site) -> None:
    site.page = Page(302, b"", {"Location": "/again"})

    assert ask(site)["availability"] == 0.0
    assert len(site.asked) == 3


@pytest.mark.parametrize(
    "onward", ["http://localhost:{port}/", "https://login.invalid/", "ftp://127.0.0.1/", "http://["]
)
def test_redirects_to_somewhere_else_are_not_followed(site: Site, onward: str) -> None:
    port = site.url.rpartition(":")[2]
    site.page = Page(302, b"", {"Location": onward.format(port=port)})

    assert ask(site)["availability"] == 0.0
    assert len(site.asked) == 1


def test_a_page_that_does_not_come_is_not_available(site: Site) -> None:
    site.page = Page(after=10)

    with seconds_at_most(5):
        assert unanswered(ask(site, patience=QUICK))


def test_a_page_that_drips_is_cut_at_the_deadline(site: Site) -> None:
    site.page = Page(body=HEALTHY * 4, drip=0.05)
    before = set(threading.enumerate())

    with seconds_at_most(5):
        assert unanswered(ask(site, patience=QUICK))

    wait_for_the_left_behind(before)


def test_a_page_that_breaks_off_is_not_available(site: Site) -> None:
    site.page = Page(length=5000)

    assert unanswered(ask(site))


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"

    with seconds_at_most(5):
        assert unanswered(values(probe(url).read(TARGET, since=None, now=NOW)))


def test_a_name_that_nobody_knows() -> None:
    url = "http://no-such-host.invalid/"

    assert unanswered(values(probe(url).read(TARGET, since=None, now=NOW)))


@pytest.mark.parametrize("nonsense", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_something_else_than_http_is_not_available(nonsense: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            caller, _ = server.accept()
            with caller:
                caller.recv(4096)
                caller.sendall(nonsense)

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        found = values(probe(url).read(TARGET, since=None, now=NOW))
        thread.join()

    assert unanswered(found)


def test_why_a_probe_failed_is_logged_without_the_url(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "shared.adapters.health_probe")
    site.page = Page(length=5000)
    ask(site)
    site.page = Page(503)
    ask(site)
    site.page = Page(after=10)
    ask(site, patience=QUICK)

    assert len(caplog.messages) == 3
    assert all(TARGET in said for said in caplog.messages)
    assert "nobody-may-see-it" not in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "",
        "crm.example.com",
        "ftp://crm.example.com/",
        "https://",
        "http://[::",
        "http://a:0/",
        "http://a:b/",
        "http://.example.com/",
        "http://*/",
    ],
)
def test_a_url_that_is_none_is_an_error(url: str) -> None:
    with pytest.raises(SourceError, match=TARGET):
        probe(url).read(TARGET, since=None, now=NOW)


def test_an_unknown_target_is_an_error() -> None:
    with pytest.raises(SourceError, match="someone-else"):
        probe("http://127.0.0.1/").read("someone-else", since=None, now=NOW)
