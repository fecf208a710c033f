"""A notification in the 160 characters of one SMS, and phone numbers.

A letter outside the GSM 7-bit alphabet would make a message of 70, sent and paid in parts; so
everything is written with the letters that count one each.
"""

import re
import unicodedata

from shared.domain.alerts import AlertKind
from shared.domain.notifications import (
    Notification,
    Story,
    after_deploy,
    again,
    lasted,
    remark,
    word,
)
from shared.domain.quantities import clock, quantity

LONGEST = 160
LONGEST_RULE = 60
"""So that a rule's long name leaves room for its value and its target."""
LEAST_SAID = 48
"""Letters that must be left beside a link; with a longer one the message goes without it."""
ALPHABET = frozenset(
    "@£$¥èéùìòÇ\nØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""GSM 03.38's basic table; the letters of its extension ({, €, …) would count two."""

_INSTEAD = str.maketrans(
    {
        "[": "(",
        "]": ")",
        "{": "(",
        "}": ")",
        "~": "-",
        "|": "/",
        "\\": "/",
        "^": "'",
        "`": "'",
        "€": "EUR",
        "…": "...",
        "–": "-",
        "—": "-",
        "‘": "'",  # noqa: RUF001 - what people write
        "’": "'",  # noqa: RUF001 - what people write
        "“": '"',
        "”": '"',
        "„": '"',
        "≥": ">=",
        "≤": "<=",
        "≠": "<>",
        "×": "x",
        "\u2044": "/",
        "°": " deg",
        "µ": "u",
        "\t": " ",
    }
)
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


def is_phone_number(text: str) -> bool:
    """Whether it is one in E.164: +, country code, number, nothing else."""
    return bool(_PHONE.fullmatch(text))


def sms_text(notification: Notification) -> str:
    """Severity, why it comes again, rule, value and target, then a link to what can be done.

    The action's own message and a deploy shortly before are told where all of it fits.
    """
    first = notification.stories[0]
    link = f" {first.menu}" if first.menu else ""
    room = LONGEST - len(link)
    if room < LEAST_SAID:
        link, room = "", LONGEST
    return _said(notification, room) + link


def _said(notification: Notification, room: int) -> str:
    """As much as fits: deploy, time, the action's own message and target go in this order.

    At last the end goes, for `...`.
    """
    first, others = notification.stories[0], len(notification.stories) - 1
    alert = first.last.alert
    more = f" +{others} more" if others else ""
    rule = _cut(gsm(alert.rule_name), LONGEST_RULE)
    told = f"{word(first)} {again(first)}{rule}: {_figure(first)}"
    where = f" on {notification.target}{more}"
    when = f", after {lasted(alert)}" if first.is_over else f", since {clock(alert.active_at)}"
    deploy = f", {after_deploy(alert)}" if alert.deploy else ""
    said = remark(notification)
    whole = [told + where + when + deploy, told + where + when, told + where]
    forms = [*(f"{form}. {said}" for form in whole if said), *whole, told + more]
    written = [gsm(form) for form in forms]
    return next((form for form in written if len(form) <= room), _cut(written[-1], room))


def _figure(story: Story) -> str:
    alert = story.last.alert
    if alert.kind is AlertKind.NO_DATA and not story.is_over:
        return "no data"
    last = quantity(alert.last_value, alert.unit)
    is_known = alert.last_value is None or story.last.unheard_since is None
    return last if is_known else f"no data, last {last}"


def gsm(text: str) -> str:
    """The text on one line, in the basic alphabet; `?` for what has no likeness in it."""
    return "".join(map(_letter, " ".join(text.translate(_INSTEAD).split())))


def _letter(letter: str) -> str:
    if letter in ALPHABET:
        return letter
    likeness = unicodedata.normalize("NFKD", letter).translate(_INSTEAD)
    plain = "".join(one for one in likeness if one in ALPHABET)
    return plain or ("" if unicodedata.combining(letter) else "?")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 3].rstrip() + "..."
