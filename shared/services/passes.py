"""One pass over one target: what it did, how long that took, and its line in the log.

docs/logs.md describes the line; infra/queries/ reads it.
"""

import logging
import re
import secrets
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct, field, json

from shared.domain.decisions import Suppression, Transition
from shared.domain.deliveries import Attempt
from shared.domain.metrics import Catalog
from shared.domain.samples import Answer, Failure, Reading
from shared.domain.times import MINUTE, floor_minute, iso
from shared.services.evaluate import Evaluation

MOST_LISTED = 40
"""Newest entries of each list; Application Insights cuts a message at 32,768 characters."""
LONGEST_ERROR = 200

_log = logging.getLogger(__name__)
_QUERY = re.compile(r"(://[^\s?#'\"]+)\?[^\s'\"]*")


class PassKind(StrEnum):
    """What set the pass off."""

    TICK = "tick"
    WATCH = "watch"
    COLLECT = "collect"
    CLOSE = "close"


class Pass(Struct):
    """What one pass over one target did; `skipped` when another pass held the lease.

    `rules`: how many were in force. `durations`: milliseconds by step. `error`: what ended the
    pass half-way. `damaged`: hours of the target that wait to be read again.
    """

    target: str
    now: datetime
    kind: PassKind = PassKind.TICK
    id: str = field(default_factory=lambda: secrets.token_hex(4))
    skipped: bool = False
    answers: list[Answer] = field(default_factory=list)
    rules: int = 0
    evaluation: Evaluation = field(default_factory=Evaluation)
    dispatched: int = 0
    attempts: list[Attempt] = field(default_factory=list)
    durations: dict[str, int] = field(default_factory=dict)
    damaged: int = 0
    error: str | None = None

    @property
    def failures(self) -> list[Failure]:
        """The sources that did not answer."""
        return [answer for answer in self.answers if isinstance(answer, Failure)]

    @property
    def has_heard(self) -> bool:
        """Whether any source answered."""
        return any(isinstance(answer, Reading) for answer in self.answers)

    @property
    def asked(self) -> set[str]:
        """The sources whose silence may be judged: those that were really asked."""
        left_out = {failure.source for failure in self.failures if not failure.was_asked}
        return {answer.source for answer in self.answers} - left_out

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Note how long a step takes, also when it fails."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.durations[step] = round((time.monotonic() - began) * 1000)


@contextmanager
def measured(done: Pass) -> Iterator[None]:
    """Note how long a pass takes, and what ends it half-way."""
    try:
        with done.timed("total"):
            yield
    except Exception as error:
        done.error = public(f"{type(error).__name__}: {error}")
        raise


def log_line(done: Pass, catalog: Catalog) -> None:
    """Leave one structured line about a pass in the log."""
    if _log.isEnabledFor(logging.INFO):
        _log.info("pass %s", json.encode(line_of(done, catalog)).decode())


def line_of(done: Pass, catalog: Catalog) -> dict[str, Any]:
    """The pass as JSON for the log: no address, no text of a message, no query of an URL."""
    found = done.evaluation
    return {
        "id": done.id,
        "target": done.target,
        "pass": done.kind,
        "minute": iso(floor_minute(done.now)),
        "skipped": done.skipped,
        "error": done.error,
        "sources": [_source(answer, done, catalog) for answer in done.answers],
        "rules": done.rules,
        "broken": found.broken[:MOST_LISTED],
        "behind": found.behind,
        "transitions": [_transition(one) for one in found.transitions[-MOST_LISTED:]],
        "suppressions": [_suppression(one) for one in found.suppressions[-MOST_LISTED:]],
        "unlisted": _unlisted(found.broken, found.transitions, found.suppressions),
        "dispatched": done.dispatched,
        "deliveries": _deliveries(done.attempts),
        "durations": done.durations,
    }


def _source(answer: Answer, done: Pass, catalog: Catalog) -> dict[str, Any]:
    """One source; how far it spoke is known of a failure, too, from the readings before it."""
    covered = done.evaluation.covered.get(answer.source)
    return {
        "source": answer.source,
        "samples": len(answer.samples) if isinstance(answer, Reading) else 0,
        "coveredUntil": iso(covered) if covered else None,
        "lagSeconds": int((done.now - covered).total_seconds()) if covered else None,
        "uncovered": _uncovered(answer.source, covered, done.now, catalog),
        "error": public(answer.error) if isinstance(answer, Failure) else None,
    }


def _uncovered(
    source: str, covered: datetime | None, now: datetime, catalog: Catalog
) -> int | None:
    """Minutes that should be complete by now and are not; None before the first reading."""
    if covered is None:
        return None
    due = floor_minute(now) - catalog.source(source).settle
    return max((due - covered) // MINUTE, 0)


def public(error: str) -> str:
    """The beginning of an error, without what follows the `?` of an URL: keys travel there."""
    return _QUERY.sub(r"\1?…", error)[:LONGEST_ERROR]


def _transition(one: Transition) -> dict[str, Any]:
    return {
        "rule": one.rule,
        "from": one.before,
        "to": one.after,
        "reason": one.reason,
        "minute": iso(one.minute),
    }


def _suppression(one: Suppression) -> dict[str, Any]:
    return {"rule": one.rule, "reason": one.reason, "minute": iso(one.minute)}


def _unlisted(*lists: Sequence[Any]) -> int:
    """How many entries the line has no room for."""
    return sum(max(len(one) - MOST_LISTED, 0) for one in lists)


def _deliveries(attempts: Sequence[Attempt]) -> list[dict[str, Any]]:
    """How many rows of each type of channel ended a try how; no names: they can be addresses."""
    counts = Counter((a.delivery.channel_type, a.delivery.status, a.reason) for a in attempts)
    return [
        {"channel": channel, "status": status, "reason": reason, "count": count}
        for (channel, status, reason), count in sorted(counts.items())
    ]
