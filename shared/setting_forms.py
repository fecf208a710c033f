"""The forms of settings: each turns a setting's text into its value or raises ValueError.

The error finishes the sentence "NAME must be …". Standard library only, like the settings.
What leads somewhere (URLs, hosts, connection strings) is in setting_ways.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

CHANNEL_TYPES = ("email", "slack", "webhook", "sms", "teams", "console")

REPORT_TYPES = ("email", "slack", "teams", "console")
"""What people read; an SMS has no room for a report, and a webhook is told of alerts."""

SEVERITIES = ("low", "medium", "high", "critical")

SHORTEST_KEY = 32

MOST_ROUTES = 10
"""Channels that a severity may name."""

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

MOST_DAYS = 3650

MOST_COUNT = 1_000_000

ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SMS_SENDER = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{5,6}|[A-Za-z0-9 ]{1,11}", re.ASCII)
_PERCENT = re.compile(r"[0-9]{2}(\.[0-9]{1,6})?")
_EMAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")
_PLACEHOLDER = re.compile(r"<[^<>]*>")


class Doubtful(NamedTuple):
    """A value without what of it can't be used, and a sentence about each of that.

    For what describes several targets: one that is wrong is no reason to leave the others.
    """

    value: Any
    doubts: tuple[str, ...]


def ids(text: str) -> tuple[str, ...] | Doubtful:
    """The first one must be right: other settings describe it."""
    given = tuple(dict.fromkeys(one.strip() for one in text.split(",") if one.strip()))
    wrong = tuple(one for one in given if not ID.fullmatch(one))
    wanted = "names of 1-63 of a-z, 0-9 and -, joined by commas"
    if not given or given[0] in wrong:
        raise ValueError(wanted)
    doubts = tuple(f"{wanted}, which {one!r} is not" for one in wrong)
    right = tuple(one for one in given if one not in wrong)
    return Doubtful(right, doubts) if doubts else right


def needed(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """What has a default and no meaning when it is empty."""

    def parse_needed(text: str) -> Any:
        if not text:
            raise ValueError("left out for its default, or have a value")
        return parse(text)

    return parse_needed


def one_word(text: str) -> str:
    if text and text.split() != [text]:
        raise ValueError("without spaces and line breaks")
    return text


def token(text: str) -> str:
    """It becomes a header."""
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("one word of ASCII letters, digits and signs")
    return text


def count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= MOST_COUNT:
        raise ValueError(f"a whole number from 1 to {MOST_COUNT:,}")
    return int(text)


def weekday(text: str) -> int:
    """0 is Monday."""
    if text not in WEEKDAYS:
        raise ValueError(f"one of {', '.join(WEEKDAYS)}")
    return WEEKDAYS.index(text)


def hour(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 2 or int(text) > 23:
        raise ValueError("a whole hour from 0 to 23")
    return int(text)


def objective(text: str) -> float:
    if not _PERCENT.fullmatch(text) or not 50 <= float(text) < 100:
        raise ValueError("a percentage from 50 to below 100, such as 99.5")
    return float(text)


def days(least: int) -> Callable[[str], timedelta]:
    """So many days, at most as many as are ever looked back."""

    def parse_days(text: str) -> timedelta:
        if not (text.isascii() and text.isdigit()) or not least <= int(text[:9]) <= MOST_DAYS:
            raise ValueError(f"a whole number of days from {least} to {MOST_DAYS:,}")
        return timedelta(days=int(text))

    return parse_days


PRICED = (
    *("table_operations", "queue_operations", "blob_writes", "blob_operations"),
    *("executions", "gb_seconds", "log_gigabytes", "mails", "sms"),
    *("free_executions", "free_gb_seconds"),
    *("free_log_gigabytes", "metric_alert", "log_alert"),
)
"""What has a price, or is free up to an amount."""

MOST_AMOUNT = 1e9


def prices(text: str) -> Mapping[str, float]:
    """Amounts of 0 or more by what they are for."""
    wanted = f"a JSON object of numbers from 0 to a billion by {', '.join(PRICED)}"
    given = json_object(text, wanted)
    for name, value in given.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if name not in PRICED or not is_number or not 0 <= value <= MOST_AMOUNT:
            raise ValueError(wanted)
    return {name: float(value) for name, value in given.items()}


def channel(text: str) -> str:
    kind, _, target = text.partition(":")
    if text and not (kind in CHANNEL_TYPES and target.strip()):
        types = ", ".join(CHANNEL_TYPES)
        raise ValueError(f"type:target as in console:log (types: {types}), or nothing")
    return text


def report_channel(text: str) -> str:
    if text and text.partition(":")[0] not in REPORT_TYPES:
        raise ValueError(f"type:target of one of {', '.join(REPORT_TYPES)}, or nothing")
    return channel(text)


def has_placeholder(text: str) -> bool:
    """Whether a part of an example was left in, such as <tenant>."""
    return bool(_PLACEHOLDER.search(text))


def account(text: str) -> str:
    """It becomes the host that gets the identity's tokens."""
    if text and not _ACCOUNT.fullmatch(text):
        raise ValueError("a storage account's name, 3-24 of a-z and 0-9")
    return text


def email(text: str) -> str:
    if text and not _EMAIL.fullmatch(text):
        raise ValueError("one e-mail address")
    return text


def resource(kind: str) -> Callable[[str], str]:
    """The ARM id of a resource; the type is checked, because the wrong id answers emptiness."""
    form = re.compile(rf"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/{kind}", re.IGNORECASE)

    def parse(text: str) -> str:
        if text and (has_placeholder(text) or not form.fullmatch(text)):
            shown = kind.replace("[^/]+", "<name>")
            raise ValueError(
                f"a resource id /subscriptions/<id>/resourceGroups/<group>/providers/{shown}"
            )
        return text

    return parse


def workspace(text: str) -> str:
    if text and not _GUID.fullmatch(text):
        raise ValueError("the workspace's id (a GUID), not its resource id")
    return text


def sms_sender(text: str) -> str:
    if text and not _SMS_SENDER.fullmatch(text):
        raise ValueError("a number like +18005550100, a short code, or a name of 1-11 letters")
    return text


def severity(text: str) -> str:
    if text not in SEVERITIES:
        raise ValueError(f"one of {', '.join(SEVERITIES)}")
    return text


def severity_routes(text: str) -> Mapping[str, tuple[str, ...]]:
    """Channels, each as type:target, by severity."""
    said = f"a JSON object of {', '.join(SEVERITIES)} to lists of type:target as in slack:#alerts"
    routes = json_object(text, said)
    if not all(name in SEVERITIES and _are_channels(routes[name]) for name in routes):
        raise ValueError(said)
    return {name: tuple(given) for name, given in routes.items()}


def _are_channels(given: Any) -> bool:
    if not isinstance(given, list) or len(given) > MOST_ROUTES:
        return False
    try:
        return all(isinstance(one, str) and channel(one) for one in given)
    except ValueError:
        return False


def json_object(text: str, form: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):  # the latter of a thousand brackets
        given = None
    if not isinstance(given, dict):
        raise ValueError(form)  # noqa: TRY004 - for the reader of settings it is a wrong value
    return given


def signing_key(text: str) -> str:
    if text and len(text.encode()) < SHORTEST_KEY:
        raise ValueError(f"a random secret of at least {SHORTEST_KEY} bytes")
    return text


def signing_keys(text: str) -> tuple[str, ...]:
    """Several keys, the newest first; all of them are accepted, so that one can follow another."""
    keys = tuple(key.strip() for key in text.split(",") if key.strip())
    if any(len(key.encode()) < SHORTEST_KEY for key in keys):
        raise ValueError(f"random secrets of at least {SHORTEST_KEY} bytes, joined by commas")
    return keys


class Hours(NamedTuple):
    """Working days (0 is Monday), and minutes of the day: from `begins` until before `ends`."""

    days: tuple[int, ...]
    begins: int
    ends: int


_HOURS = re.compile(
    rf"(?P<first>{'|'.join(WEEKDAYS)})-(?P<last>{'|'.join(WEEKDAYS)})"
    r" (?P<begins>\d\d:\d\d)-(?P<ends>\d\d:\d\d)",
    re.IGNORECASE | re.ASCII,
)


def office_hours(text: str) -> Hours:
    """The days and hours in which people work; both ends of the days are included."""
    found = _HOURS.fullmatch(text)
    first, last = (
        WEEKDAYS.index(found[part].lower()) if found else 0 for part in ("first", "last")
    )
    begins, ends = (_minute_of_day(found[part]) if found else 0 for part in ("begins", "ends"))
    if first > last or not 0 <= begins < ends <= 24 * 60:
        raise ValueError("days and hours such as Mon-Fri 07:00-19:00")
    return Hours(tuple(range(first, last + 1)), begins, ends)


def _minute_of_day(text: str) -> int:
    hours, minutes = int(text[:2]), int(text[3:])
    return hours * 60 + minutes if minutes < 60 else -1


def time_zone(text: str) -> ZoneInfo | None:
    """A zone of the IANA database; None for UTC, beside which nothing needs to be told."""
    if text.upper() == "UTC":
        return None
    try:
        return ZoneInfo(text)
    except (ValueError, OSError, KeyError):
        raise ValueError("the name of a time zone such as Europe/Berlin, or UTC") from None
