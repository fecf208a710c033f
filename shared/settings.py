"""Every setting once: name, default, help. Standard library only; bootstrap hands the values on.

Settings come from the environment (the function app's configuration). Everything wrong with them
is said in one message; a secret's value is never said at all.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


class SettingsError(ValueError):
    """The settings can't be accepted: one line per problem; only `names` are for everybody."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        lines = "".join(f"\n- {problem}" for problem in problems.values())
        super().__init__(f"the settings can't be used:{lines}")
        self.names = tuple(problems)


@dataclass(frozen=True)
class Setting:
    """One row of the table. `parse` turns the text into a value or raises ValueError."""

    name: str
    field: str
    default: str
    help: str
    parse: Callable[[str], Any] = str
    secret: bool = False


CHANNEL_TYPES = ("email", "slack", "webhook", "sms", "teams", "console")

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def _ids(text: str) -> tuple[str, ...]:
    ids = tuple(one.strip() for one in text.split(",") if one.strip())
    if not ids or not all(_ID.fullmatch(one) for one in ids):
        raise ValueError("names of 1-63 of a-z, 0-9 and -, joined by commas")
    return ids


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise ValueError("a whole number from 1")
    return int(text)


def _channel(text: str) -> str:
    kind, _, target = text.partition(":")
    if text and not (kind in CHANNEL_TYPES and target.strip()):
        types = ", ".join(CHANNEL_TYPES)
        raise ValueError(f"type:target as in console:log (types: {types}), or nothing")
    return text


def _connection(text: str) -> str:
    names = {part.partition("=")[0].strip() for part in text.split(";") if "=" in part}
    if text and not names & {"AccountName", "TableEndpoint"}:
        raise ValueError(
            "a connection string spelled out, with AccountName and AccountKey "
            "(UseDevelopmentStorage=true is not enough for every client)"
        )
    return text


def _email(text: str) -> str:
    if text and not _EMAIL.fullmatch(text):
        raise ValueError("one e-mail address")
    return text


TABLE = (
    Setting(
        "AzureWebJobsStorage",
        "storage",
        "",
        "Connection string of the storage account with the monitor's tables and queues. "
        "Leave it empty in Azure and name the account below: the app's identity is used.",
        _connection,
        secret=True,
    ),
    Setting(
        "AzureWebJobsStorage__accountName",
        "storage_account",
        "",
        "Name of that storage account, reached with the app's identity.",
    ),
    Setting(
        "MONITOR_TARGETS",
        "targets",
        "pantry-crm",
        "The applications to watch, joined by commas.",
        _ids,
    ),
    Setting(
        "ALERT_EMAIL",
        "alert_email",
        "",
        "Who gets alerts by e-mail. While it is empty, rules that mail have nobody to tell.",
        _email,
    ),
    Setting(
        "FALLBACK_CHANNEL",
        "fallback_channel",
        "console:log",
        "Where an alert goes when its own channel refuses it, as type:target. The default "
        "writes it to the log; empty means nowhere.",
        _channel,
    ),
    Setting(
        "COLLECT_INLINE_MAX",
        "collect_inline_max",
        "5",
        "Up to so many targets are collected by the timer itself; more go through the queue.",
        _count,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings as values; secrets are left out of its repr."""

    storage: str = field(repr=False)
    storage_account: str
    targets: tuple[str, ...]
    alert_email: str
    fallback_channel: str
    collect_inline_max: int

    @property
    def placeholders(self) -> dict[str, str]:
        """What a rule may write as ${NAME}; names without a value are left out."""
        return {"ALERT_EMAIL": self.alert_email} if self.alert_email else {}


def load(environment: Mapping[str, str]) -> Settings:
    """The settings in `environment`; raises SettingsError that names every problem."""
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for setting in TABLE:
        given = environment.get(setting.name, setting.default)
        try:
            values[setting.field] = setting.parse(given)
        except ValueError as error:
            said = "" if setting.secret else f", not {given!r}"
            problems[setting.name] = f"{setting.name} must be {error}{said}"
    if not values.get("storage") and not values.get("storage_account"):
        needed = "set AzureWebJobsStorage (a connection string) or AzureWebJobsStorage__accountName"
        problems.setdefault("AzureWebJobsStorage", needed)
    if problems:
        raise SettingsError(problems)
    return Settings(**values)
