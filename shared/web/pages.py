"""A small page for a person: no script, nothing loaded, readable in light and dark."""

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from html import escape

import azure.functions as func
from msgspec import Struct

from shared.domain.links import Link
from shared.web.answers import HEADERS, REQUEST_ID

HTML = "text/html"

_STYLE = """
:root { color-scheme: light dark; --ground: #f3f4f6; --card: #fff; --ink: #111827; --quiet: #4b5563;
  --edge: #d1d5db; --do: #1d4ed8; --on: #fff }
@media (prefers-color-scheme: dark) { :root { --ground: #0b1220; --card: #1a2333; --ink: #e5e7eb;
  --quiet: #a3adbd; --edge: #374151; --do: #93c5fd; --on: #0b1220 } }
body { margin: 0; padding: 24px 16px; background: var(--ground); color: var(--ink);
  font: 17px/1.5 system-ui, 'Segoe UI', Helvetica, Arial, sans-serif }
main { max-width: 520px; margin: 0 auto; padding: 20px 24px; background: var(--card);
  border: 1px solid var(--edge); border-radius: 8px; overflow-wrap: anywhere }
h1 { margin: 0 0 12px; font-size: 22px; line-height: 1.3 }
p { margin: 0 0 8px }
.quiet { margin-top: 16px; color: var(--quiet); font-size: 14px }
button { margin-top: 12px; padding: 12px 22px; min-height: 48px; border: 0; border-radius: 6px;
  background: var(--do); color: var(--on); font: inherit; font-weight: 600; cursor: pointer }
.way { display: block; margin-top: 12px; padding: 10px 20px; border: 2px solid var(--do);
  border-radius: 6px; color: var(--do); font-weight: 600; text-align: center;
  text-decoration: none }
button:focus-visible, a:focus-visible { outline: 3px solid var(--ink); outline-offset: 2px }
"""
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{lines}
{ways}{form}<p class="quiet">Pantry monitor · request {request}</p>
</main>
</body>
</html>
"""
_WAY = '<a class="way" href="{url}">{label}</a>\n'
_FORM = '<form method="post"><button type="submit">{button}</button></form>\n'
"""Posts to the page's own address, which holds the token."""

_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


class Page(Struct, frozen=True):
    """What a page says; `button`: the one thing that can be done on it; `ways`: links onward."""

    title: str
    lines: Sequence[str]
    status: int = 200
    button: str = ""
    ways: Sequence[Link] = ()


def shown(page: Page, *, request_id: str) -> func.HttpResponse:
    """The page as an answer; everything on it is escaped."""
    html = _PAGE.format(
        title=escape(page.title),
        style=_STYLE,
        lines="\n".join(f"<p>{escape(line)}</p>" for line in page.lines),
        ways="".join(
            _WAY.format(url=escape(way.url), label=escape(way.label)) for way in page.ways
        ),
        form=_FORM.format(button=escape(page.button)) if page.button else "",
        request=escape(request_id),
    )
    return func.HttpResponse(
        html.encode("utf-8", "replace"),
        status_code=page.status,
        mimetype=HTML,
        charset="utf-8",
        headers={**HEADERS, "Content-Security-Policy": POLICY, REQUEST_ID: request_id},
    )
