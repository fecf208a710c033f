"""A notification as an Adaptive Card 1.4 for Teams; the words are the domain's.

Everything that comes from outside stands in text runs, which know neither Markdown nor mentions;
only the facts, all of them the monitor's own words, stand where Teams reads Markdown.
"""

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import msgspec

from shared.adapters.rendering import footer, is_address, one_line
from shared.domain.alerts import AlertKind
from shared.domain.conditions import CONDITIONS
from shared.domain.notifications import (
    Notification,
    Story,
    headline,
    paragraph,
    remark,
    word,
)
from shared.domain.quantities import clock, quantity
from shared.domain.rules import Severity

MOST_BYTES = 28 * 1024
"""Of a whole message; Teams refuses a larger one."""
STYLES = {
    Severity.CRITICAL: "attention",
    Severity.HIGH: "warning",
    Severity.MEDIUM: "accent",
    Severity.LOW: "emphasis",
}
"""Teams' own colours, which are readable in each of its themes."""
STYLE_OVER = "good"

_LINE, _TEXT = 400, 6000
"""Bytes as JSON: one story, the subject and the channel's own message always fit together."""
_MOST_LINES = 20
_LETTER, _LETTER_LINES = 16_000, 100
"""The same of a letter, which has the message to itself."""
_MENTION = re.compile(r"<(?=\s*/?\s*at\b)", re.IGNORECASE)
_CUT = "… The rest is cut: Teams takes no more than 28 KB."


def teams_message(notification: Notification) -> dict[str, Any]:
    """The body for a workflow's webhook, with as many stories as Teams takes."""
    stories = [_story(story) for story in notification.stories]
    shown = len(stories)
    while shown > 1 and _size(_message(notification, stories, shown)) > MOST_BYTES:
        shown -= 1
    return _message(notification, stories, shown)


def _size(message: dict[str, Any]) -> int:
    return len(msgspec.json.encode(message))


def _message(
    notification: Notification, stories: Sequence[dict[str, Any]], shown: int
) -> dict[str, Any]:
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": cut(_without_mentions(one_line(notification.subject, _LINE)), _LINE),
        "msteams": {"width": "Full"},
        "body": [
            _text(one_line(notification.subject, _LINE), _LINE, size="Large", weight="Bolder"),
            *stories[:shown],
            *_left_out(len(stories) - shown),
            *_lines(remark(notification)),
            _text(footer(notification), _LINE, size="Small", isSubtle=True),
        ],
    }
    kind = "application/vnd.microsoft.card.adaptive"
    attachment = {"contentType": kind, "contentUrl": None, "content": content}
    return {"type": "message", "attachments": [attachment]}


def _left_out(count: int) -> list[dict[str, Any]]:
    if not count:
        return []
    return [_text(f"… and {count} more: Teams takes no more than 28 KB.", _LINE)]


def _story(story: Story) -> dict[str, Any]:
    style = STYLE_OVER if story.is_over else STYLES[story.last.alert.severity]
    title = f"{word(story)}: {headline(story)}"
    buttons = _buttons(story)
    return {
        "type": "Container",
        "style": style,
        "bleed": True,
        "items": [
            _text(one_line(title, _LINE), _LINE, weight="Bolder"),
            *_told(story),
            *([{"type": "ActionSet", "actions": buttons}] if buttons else []),
        ],
    }


def _told(story: Story) -> list[dict[str, Any]]:
    """Its figures and its words; a letter is alone in its message, and about no figure."""
    if story.last.letter is not None:
        return _lines(paragraph(story), _LETTER, _LETTER_LINES)
    return [{"type": "FactSet", "facts": _facts(story)}, *_lines(paragraph(story))]


def _buttons(story: Story) -> list[dict[str, str]]:
    """Buttons that open an address: what may be done, and the runbook where it is one.

    Nothing acts within Teams: that would ask a bot that answers it.
    """
    addresses = {link.label: link.url for link in story.links}
    runbook = story.last.runbook or ""
    if is_address(runbook) and len(runbook) <= _LINE:
        addresses["Runbook"] = runbook
    return [
        {"type": "Action.OpenUrl", "title": title, "url": url} for title, url in addresses.items()
    ]


def _facts(story: Story) -> list[dict[str, str]]:
    alert = story.last.alert
    known = {
        "Value": quantity(alert.last_value, alert.unit),
        "Threshold": _threshold(story),
        "Since": clock(alert.active_at),
        "Reason": story.last.reason.replace("_", " "),
    }
    return [{"title": title, "value": value} for title, value in known.items() if value]


def _threshold(story: Story) -> str:
    """The limit and how it is passed, in words: a sign could be read as Markdown."""
    alert = story.last.alert
    if alert.kind is AlertKind.NO_DATA or not CONDITIONS[alert.condition].takes_threshold:
        return ""
    return f"{alert.condition.replace('_', ' ')} {quantity(alert.threshold, alert.unit)}"


def _lines(text: str, most: int = _TEXT, blocks: int = _MOST_LINES) -> list[dict[str, Any]]:
    """A block to a line: within a run, a line break is only a space."""
    lines = [line for line in cut(text, most).splitlines() if line.strip()]
    last = " ".join(lines[blocks:])
    return [_text(line, most) for line in [*lines[:blocks], last] if line]


def _text(text: str, most: int, **style: Any) -> dict[str, Any]:
    run = {"type": "TextRun", "text": cut(_without_mentions(text), most), **style}
    return {"type": "RichTextBlock", "inlines": [run]}


def _without_mentions(text: str) -> str:
    """Text in which nothing is the tag by which a card mentions people."""
    return _MENTION.sub("< ", text)


def cut(text: str, most: int) -> str:
    """The text, or as much of it as fits into `most` bytes of JSON, and a sentence that says so."""
    if len(msgspec.json.encode(text)) - 2 <= most:
        return text
    # No letter takes less than a byte: what lies beyond need not be measured.
    ends = accumulate(len(msgspec.json.encode(letter)) - 2 for letter in text[:most])
    room = most - len(_CUT.encode())
    return text[: sum(end <= room for end in ends)].rstrip() + _CUT
