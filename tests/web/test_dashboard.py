"""The dashboard's shell and files: types, policy, caching, and no way to any other file."""

import gzip
import re
from pathlib import Path

import azure.functions as func
import msgspec
import pytest
from azure.functions.http import HttpResponseConverter

from shared.catalog.metrics import METRICS
from shared.web.dashboard import FOREIGN, STATIC, dashboard, dashboard_file, shelf

ROOT = Path(__file__).parents[2]
URL = "https://monitor.example.com/api/monitoring/dashboard"
SCRIPT = "pantry-monitor.js"
SOURCES = sorted(file for file in STATIC.glob("*.js") if file.stem not in FOREIGN)
LARGEST = 60_000
"""Bytes of everything, packed."""


def ask(url: str = URL, headers: dict[str, str] | None = None, **route: str) -> func.HttpResponse:
    request = func.HttpRequest("GET", url, headers=headers or {}, route_params=route, body=b"")
    return dashboard_file(request) if route else dashboard(request)


def kept(name: str) -> func.HttpResponse:
    return ask(version=shelf().version, file=name)


def test_the_page_is_html_under_a_strict_policy() -> None:
    page = ask()

    assert (page.status_code, page.mimetype) == (200, "text/html; charset=utf-8")
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self' 'sha256-")
    assert policy.count("sha256") == 1, "a report that it opens has one style"
    assert "unsafe" not in policy
    assert "http" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Cache-Control"] == "no-cache"


def test_the_page_holds_no_script_no_style_and_nothing_from_elsewhere() -> None:
    page = ask().get_body().decode()

    assert re.findall(r"<script(?![^>]* src=)|<style| style=| on\w+=|https?:", page) == []
    assert all(name in page for name in ("pantry-monitor.js", "dashboard.css", "icon.svg"))


@pytest.mark.parametrize(("url", "base"), [(URL, "dashboard/"), (f"{URL}/?range=1h", "")])
def test_the_page_finds_its_files_with_and_without_a_slash_at_its_end(url: str, base: str) -> None:
    page = ask(url).get_body().decode()

    assert f'src="{base}{shelf().version}/pantry-monitor.js"' in page
    assert "{" not in page


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("pantry-monitor.js", "text/javascript"),
        ("uPlot.js", "text/javascript"),
        ("dashboard.css", "text/css"),
        ("icon.svg", "image/svg+xml"),
        ("uPlot.LICENSE.txt", "text/plain"),
    ],
)
def test_a_file_has_its_type(name: str, kind: str) -> None:
    answer = kept(name)

    assert answer.status_code == 200
    # As the worker sends it, which puts a charset behind a text's type by itself.
    sent = HttpResponseConverter.encode(answer, expected_type=None).value["headers"]
    assert [one.value for header, one in sent.items() if header.lower() == "content-type"] == [
        f"{kind}; charset=utf-8"
    ]


def test_a_file_of_a_version_is_kept_and_one_without_is_asked_for_again() -> None:
    assert kept(SCRIPT).headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert ask(file=SCRIPT).headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("route", [{}, {"file": SCRIPT}])
def test_what_the_browser_has_already_is_not_sent_again(route: dict[str, str]) -> None:
    etag = ask(URL, None, **route).headers["ETag"]

    again = ask(URL, {"If-None-Match": f'W/"other", {etag}'}, **route)

    assert (again.status_code, again.get_body()) == (304, b"")
    assert again.headers["ETag"] == etag
    assert ask(URL, {"If-None-Match": '"other"'}, **route).status_code == 200


def test_it_is_packed_for_who_takes_it() -> None:
    plain = ask(file=SCRIPT)
    packed = ask(headers={"Accept-Encoding": "br, gzip"}, file=SCRIPT)

    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(packed.get_body()) == plain.get_body()
    assert len(packed.get_body()) <= len(gzip.compress(plain.get_body(), 9))


@pytest.mark.parametrize(
    "name",
    [
        *("nothing.js", "", ".", "..", "../dashboard.py", "..%2fdashboard.py", "/etc/passwd"),
        *(
            "dashboard.html",
            "uplot.js",
            "uPlot.js/",
            "static/uPlot.js",
            "..\\dashboard.py",
            "view.js",
            "jsconfig.json",
        ),
    ],
)
def test_nothing_else_is_ever_served(name: str) -> None:
    answer = ask(file=name)

    assert answer.status_code == 404
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_version_that_is_gone_has_no_files() -> None:
    assert ask(version="0123456789ab", file=SCRIPT).status_code == 404


def test_every_file_is_served_and_nothing_else() -> None:
    on_disk = {file.name for file in STATIC.iterdir() if file not in SOURCES}

    for_tools = {"jsconfig.json", "catalog.d.ts", "uPlot.d.ts"}
    assert shelf().files.keys() == on_disk - for_tools - {"dashboard.html"} | {SCRIPT}


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.name)
def test_a_module_keeps_to_its_neighbours_and_needs_no_exception_of_the_policy(file: Path) -> None:
    text = file.read_text(encoding="utf-8")

    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|eval\(|new Function", text)
    assert not re.search(r"localStorage|document\.cookie|https?://(?!www\.w3\.org)", text)
    assert text.startswith("/**"), "it says what it is for"
    assert len(text.splitlines()) <= 400


def test_the_catalog_is_the_monitors_own() -> None:
    text = shelf().files[SCRIPT].body.decode()
    written = re.search(r'const catalog=(\{"metrics".*?\});', text)

    assert written
    said = msgspec.json.decode(written[1])
    assert said["metrics"].keys() == {metric.name for metric in METRICS}
    dtu = said["metrics"]["dtuUtilization"]
    assert (dtu["label"], dtu["unit"], dtu["warning"], dtu["critical"]) == ("DTU", "%", 80, 95)


def test_all_of_it_is_small() -> None:
    names = [name for name in shelf().files if "LICENSE" not in name]
    packs = {"Accept-Encoding": "gzip"}
    sent = [ask(headers=packs), *(ask(headers=packs, file=name) for name in names)]

    assert sum(len(answer.get_body()) for answer in sent) <= LARGEST


def test_the_chart_library_is_the_one_that_the_licence_belongs_to() -> None:
    """All of it that is not handed out for others' use."""
    script = (STATIC / "uPlot.js").read_text(encoding="utf-8")

    assert script.startswith("/*! https://github.com/leeoniya/uPlot (v1.6.32) */")
    assert script.endswith("return en}();\nexport default uPlot;\n")
    assert "The MIT License (MIT)" in (STATIC / "uPlot.LICENSE.txt").read_text(encoding="utf-8")


def test_the_files_are_deployed() -> None:
    """No line of .funcignore speaks of the folder, or of a type that the page is made of."""
    ignored = (ROOT / ".funcignore").read_text(encoding="utf-8").split()

    kinds = {f"*{Path(name).suffix}" for name in shelf().files} | {"*.html"}
    assert not kinds & set(ignored)
    assert not {"shared", "web", "static"} & {line.strip("/") for line in ignored}
