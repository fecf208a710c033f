"""A notification as a mail's HTML and as Slack's blocks; the words are the domain's.

Everything that comes from outside is escaped here, and cut where a provider has a limit.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from itertools import accumulate
from typing import Any

from shared.adapters.pictures import alt_text
from shared.domain.links import Link
from shared.domain.notifications import Notification, Story, headline, paragraph, remark, word
from shared.domain.rules import Severity
from shared.domain.trails import Trail

COLOURS = {
    Severity.CRITICAL: "#b00020",
    Severity.HIGH: "#9a3412",
    Severity.MEDIUM: "#854d0e",
    Severity.LOW: "#1e40af",
}
"""White text on each of them has a contrast of at least 4.5 to 1."""
COLOUR_OVER = "#166534"

SHOWN_WIDTH = 640
"""Of a mail's picture, where there is room; on a phone it is as wide as the page."""

SLACK_HEADER = 150
SLACK_SECTION = 3000
SLACK_BLOCKS = 50
SLACK_TEXT = 4000
SLACK_IN_ALL = 10_000
"""Characters of all blocks: from some 11,000 on Slack refuses a message for good. It does not say
so in its reference; github.com/slackapi/bolt-js/issues/2509 and 2867 measured it."""
_CONTAINER = 60
"""What a block takes beside its text."""
_BRIEF = 200
"""Of a story that is told in a line only."""
_TOO_LONG = "… Slack takes no more: GET report, or a mail, has all of it."
_FRAME = 3
"""Blocks beside the stories: the header, the channel's own message, the footer."""

_ADDRESS = re.compile(r"https://[^\s<>\"']+")

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{subject}</title>
<style>
:root {{color-scheme: light dark}}
@media (prefers-color-scheme: dark) {{
.page {{background: #0b1220 !important; color: #e5e7eb !important}}
.card {{background: #1a2333 !important; border-top-color: #374151 !important;
border-right-color: #374151 !important; border-bottom-color: #374151 !important}}
.page a {{color: #93c5fd !important}}
.quiet {{color: #9ca3af !important}}
.button {{background: #1a2333 !important; color: #bfdbfe !important;
border-color: #60a5fa !important}}
}}
</style>
</head>
<body class="page" style="margin:0;padding:16px;background:#f3f4f6;color:#111827;\
font:16px/1.5 'Segoe UI',Helvetica,Arial,sans-serif">
<div role="article" aria-label="{subject}" style="max-width:640px;margin:0 auto">
<h1 style="margin:0 0 16px;font-size:20px;line-height:1.3">{subject}</h1>
{stories}{remark}
<p class="quiet" style="margin:16px 0 0;color:#4b5563;font-size:13px">{footer}</p>
</div>
</body>
</html>
"""
_STORY = """\
<section class="card" style="margin:0 0 16px;padding:12px 16px;background:#ffffff;\
border:1px solid #d1d5db;border-left:6px solid {colour}">
<h2 style="margin:0 0 8px;font-size:16px;line-height:1.4">\
<span style="padding:2px 8px;background:{colour};color:#ffffff;font-size:13px">{word}</span> \
{headline}</h2>
{lines}{picture}{links}
</section>
"""
_PICTURE = """
<img src="cid:{picture}" alt="{alt}" width="{width}" \
style="display:block;width:100%;max-width:{width}px;height:auto;\
margin:12px 0 4px;border:0;border-radius:4px">"""
_LINK = """\
<a class="button" href="{url}" style="display:inline-block;margin:8px 8px 0 0;padding:9px 14px;\
border:1px solid #1d4ed8;border-radius:4px;background:#ffffff;color:#1d4ed8;font-weight:600;\
text-decoration:none">{label}</a>"""


def mail_text(notification: Notification) -> str:
    """The text of a mail: the notification's own, and what may be done without a login."""
    links = [
        f"{link.label} ({story.last.alert.rule_name}): {link.url}"
        for story in notification.stories
        for link in story.links
    ]
    return "\n\n".join(filter(None, [notification.text, "\n".join(links)]))


def mail_html(notification: Notification, *, picture: str | None = None) -> str:
    """The whole page: a section per story, styles inline as mail clients want them.

    `picture`: the content id of the picture of its trail, which comes with the mail.
    """
    said = remark(notification)
    first, *others = notification.stories
    return _PAGE.format(
        subject=escape(one_line(notification.subject, SLACK_SECTION)),
        stories=_story_html(first, _picture_html(notification.trail, picture))
        + "".join(map(_story_html, others)),
        remark=_lines_html(said) if said else "",
        footer=escape(footer(notification)),
    )


def _picture_html(trail: Trail | None, picture: str | None) -> str:
    if trail is None or picture is None:
        return ""
    return _PICTURE.format(picture=escape(picture), alt=escape(alt_text(trail)), width=SHOWN_WIDTH)


def _story_html(story: Story, picture: str = "") -> str:
    return _STORY.format(
        colour=_colour(story),
        word=escape(word(story)),
        headline=escape(headline(story)),
        lines=_linked(_lines_html(paragraph(story)), story.last.runbook or ""),
        picture=picture,
        links=_links_html(story),
    )


def _links_html(story: Story) -> str:
    links = (_LINK.format(url=escape(link.url), label=escape(link.label)) for link in story.links)
    said = "\n".join(links)
    return f'\n<p style="margin:4px 0 4px">{said}</p>' if said else ""


def _linked(lines: str, runbook: str) -> str:
    """The lines with a runbook that is an address, and nothing beside it, as a link."""
    if not is_address(runbook):
        return lines
    address = escape(runbook)
    return lines.replace(f": {address}</p>", f': <a href="{address}">{address}</a></p>')


def is_address(runbook: str) -> bool:
    """Whether it is an https address and nothing beside it."""
    return bool(_ADDRESS.fullmatch(runbook))


def _lines_html(text: str) -> str:
    lines = (escape(line) for line in text.splitlines() if line.strip())
    return "\n".join(f'<p style="margin:0 0 4px">{line}</p>' for line in lines)


def _colour(story: Story) -> str:
    return COLOUR_OVER if story.is_over else COLOURS[story.last.alert.severity]


def footer(notification: Notification) -> str:
    """Who tells it, about what, in which time zone."""
    zone = notification.stories[0].zone
    beside = f", with {zone} beside" if zone is not None else ""
    return f"Pantry monitor, watching {notification.target}. All times are UTC{beside}."


def slack_message(notification: Notification) -> dict[str, Any]:
    """Text, for notifications and screen readers, and blocks, for everybody else."""
    text = f"{one_line(notification.subject, SLACK_HEADER)}\n{notification.text}"
    said = remark(notification)
    head = {"type": "header", "text": _plain(one_line(notification.subject, SLACK_HEADER))}
    foot = _mrkdwn(mrkdwn(footer(notification), SLACK_HEADER))
    own = [_section(mrkdwn(said, SLACK_SECTION))] if said else []
    room = SLACK_IN_ALL - 2 * (SLACK_HEADER + _CONTAINER) - sum(map(_size, own))
    stories = _story_blocks(notification.stories, room)
    blocks = [head, *stories, *own, {"type": "context", "elements": [foot]}]
    return {"text": mrkdwn(text, SLACK_TEXT), "blocks": blocks}


def slack_reply(notification: Notification) -> dict[str, Any]:
    """The news in a line, for the thread of a message that was brought up to date."""
    return {"text": mrkdwn(one_line(notification.subject, SLACK_HEADER), SLACK_TEXT)}


def _story_blocks(stories: Sequence[Story], room: int) -> list[dict[str, Any]]:
    """Whole stories while there is room for them, and of the others a line each."""
    if stories[0].last.letter is not None:
        return _letter_blocks(stories[0], room)
    whole = [_section(_story_mrkdwn(story)) for story in stories[: SLACK_BLOCKS - _FRAME]]
    ends = list(accumulate(map(_size, whole)))
    if len(whole) == len(stories) and ends[-1] <= room:
        return whole
    fitting = sum(end <= room - SLACK_SECTION - _CONTAINER for end in ends)
    shown = max(min(fitting, len(whole) - 1), 1)
    return [*whole[:shown], _section(_in_brief(stories[shown:]))]


def _letter_blocks(story: Story, room: int) -> list[dict[str, Any]]:
    """A letter is alone in its message, and longer than a section: as many as there is room for."""
    whole = [_section(one) for one in _pieces(f"*{word(story)}* {paragraph(story)}")]
    ends = accumulate(map(_size, whole))
    shown = sum(end <= room - _BRIEF for end in ends)
    rest = [] if shown == len(whole) else [_section(mrkdwn(_TOO_LONG, _BRIEF))]
    return [*whole[:shown], *rest]


def _pieces(text: str) -> Iterator[str]:
    """The text as mrkdwn in pieces that each fit into a section, broken between lines."""
    piece = ""
    for line in text.split("\n"):
        written = mrkdwn(line, SLACK_SECTION)
        if piece and len(piece) + 1 + len(written) > SLACK_SECTION:
            yield piece
            piece = ""
        piece = f"{piece}\n{written}" if piece else written
    if piece:
        yield piece


def _size(section: Mapping[str, Any]) -> int:
    return len(section["text"]["text"]) + _CONTAINER


def _in_brief(stories: Sequence[Story]) -> str:
    """A line for each, as many as a section takes, and how many are left then."""
    lines = [mrkdwn(f"{word(story)}: {headline(story)}", _BRIEF) for story in stories]
    ends = accumulate(len(line) + 1 for line in lines)
    shown = sum(end <= SLACK_SECTION - _BRIEF for end in ends)
    left = [f"… and {len(lines) - shown} more."] if shown < len(lines) else []
    return "\n".join([*lines[:shown], *left])


def _story_mrkdwn(story: Story) -> str:
    """What it says, cut to leave room for its links.

    They are plain links: Slack's buttons would ask an app that answers them, and warn without it.
    """
    links = "  ·  ".join(map(_link_mrkdwn, story.links))
    room = SLACK_SECTION - len(links) - 1
    said = mrkdwn(f"*{word(story)}* {headline(story)}\n{paragraph(story)}", room)
    return f"{said}\n{links}" if links else said


def _link_mrkdwn(link: Link) -> str:
    return f"<{mrkdwn(link.url, SLACK_SECTION)}|{mrkdwn(link.label, SLACK_HEADER)}>"


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def mrkdwn(text: str, limit: int) -> str:
    """Text in which nothing is a mention, a link or markup of Slack's, at most `limit` long."""
    return _cut(text, limit, lambda letter: escape(letter, quote=False))


def one_line(text: str, limit: int) -> str:
    """Text without line breaks, at most `limit` long."""
    return _cut(" ".join(text.split()), limit, str)


def _cut(text: str, limit: int, written: Callable[[str], str]) -> str:
    """The text as written, letter by letter, ended with … where it would be too long."""
    letters = [written(letter) for letter in text]
    ends = list(accumulate(map(len, letters)))
    if not ends or ends[-1] <= limit:
        return "".join(letters)
    fitting = sum(end < limit for end in ends)
    return "".join(letters[:fitting]).rstrip() + "…"
