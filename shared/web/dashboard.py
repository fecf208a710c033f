"""GET dashboard and the files it is made of: the page's shell. No data, so no login.

Files are served from a table that is read once, so no name can lead out of it. Under
`dashboard/{version}/` they never change and may be kept for ever; under `dashboard/` they are
asked for anew each time, which is what a page of somebody else can link to.
"""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

import azure.functions as func
import msgspec
from msgspec import Struct

from shared.catalog.metrics import CATALOG
from shared.domain.errors import NotFound
from shared.domain.metrics import Better, Metric
from shared.domain.rules import Severity
from shared.web.binding import bound
from shared.web.doors import Document, Door, answered
from shared.web.report_page import STYLE
from shared.web.slimming import slim_sheet

STATIC = Path(__file__).parent / "static"
SHELL = "dashboard.html"
SHEET = "dashboard.css"
ENTRANCE = "pantry-monitor"
FOREIGN = ("uPlot",)
CATALOG_MODULE = "catalog"
UNASKED = (None, Better.LOW, Better.NEITHER, "application", "database", "monitor")
"""Which side of a metric is good it asks of those where it is the high one; of groups, for two."""
OF_A_METRIC = ("label", "unit", "group", "description", "warning", "critical", "limit", "better")
TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
POLICY = (
    f"default-src 'none'; script-src 'self'; style-src 'self' {STYLE}; img-src 'self'; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""A report that the page opens is held to this, too; so its style is let in by its hash."""
FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"


class File(Struct, frozen=True):
    """What is sent for a name."""

    type: str
    body: bytes


class Shelf(Struct, frozen=True):
    """Every file of the page; `version` changes when one of them does."""

    version: str
    files: dict[str, File]


PAGE = Door(
    name="dashboard",
    says="the [dashboard](dashboard.md): a page without any data",
    media_type="text/html",
    exactly=(200, 304, 500),
)
FILE = Door(
    name="dashboard/{file}",
    says="a file of the page, as it is now",
    media_type="*/*",
    exactly=(200, 304, 404, 500),
)
KEPT_FILE = Door(
    name="dashboard/{version}/{file}",
    says="a file of that version, to be kept for ever",
    media_type="*/*",
    exactly=(200, 304, 404, 500),
)


def dashboard(request: func.HttpRequest) -> func.HttpResponse:
    """The page itself."""
    at_slash = request.url.partition("?")[0].endswith("/")
    return answered(
        request, PAGE.name, lambda _: _sent(_shell("" if at_slash else "dashboard/"), ASK_AGAIN)
    )


def dashboard_file(request: func.HttpRequest) -> func.HttpResponse:
    """One file by its name, of this version or of the newest."""
    door = KEPT_FILE if "version" in request.route_params else FILE
    return answered(request, door.name, lambda _: _file(request.route_params))


def _file(asked: Mapping[str, str]) -> Document:
    file = shelf().files.get(asked.get("file", ""))
    if file is None or asked.get("version") not in (None, shelf().version):
        raise NotFound("the dashboard has no such file")
    return _sent(file, FOR_EVER if "version" in asked else ASK_AGAIN)


def _sent(file: File, caching: str) -> Document:
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": caching}
    return Document(file.body, f"{file.type}; charset=utf-8", headers)


@cache
def shelf() -> Shelf:
    """The table of known files."""
    scripts = {one.stem: one.read_text(encoding="utf-8") for one in STATIC.glob("*.js")}
    own = {name: text for name, text in scripts.items() if name not in FOREIGN}
    others = [one for one in STATIC.iterdir() if one.suffix in TYPES and one.stem not in own]
    bodies = {one.name: one.read_bytes() for one in others}
    bodies[SHEET] = slim_sheet((STATIC / SHEET).read_text(encoding="utf-8")).encode()
    bodies[f"{ENTRANCE}.js"] = bound({**own, CATALOG_MODULE: _catalog()}, FOREIGN).encode()
    shell = (STATIC / SHELL).read_bytes()
    whole = sha256(b"\0".join([shell, *(bodies[name] for name in sorted(bodies))]))
    files = {name: File(TYPES[Path(name).suffix], body) for name, body in bodies.items()}
    return Shelf(whole.hexdigest()[:12], files)


def _catalog() -> str:
    """The catalog's words for the page, so that no label or band is written down twice."""
    said = {
        "metrics": {one.name: _told(one) for one in CATALOG.metrics},
        "sources": {one.name: one.description for one in CATALOG.sources},
        "severities": list(Severity),
    }
    return f"export default {msgspec.json.encode(said).decode()};\n"


def _told(metric: Metric) -> dict[str, object]:
    """Without what it has not, and what the page does not ask for: it takes that for null."""
    fields = {name: getattr(metric, name) for name in OF_A_METRIC}
    return {name: value for name, value in fields.items() if value not in UNASKED}


@cache
def _shell(base: str) -> File:
    """The page with the addresses of this version's files."""
    html = (STATIC / SHELL).read_text(encoding="utf-8")
    filled = html.replace("{base}", f"{base}{shelf().version}/")
    return File("text/html", filled.encode())
