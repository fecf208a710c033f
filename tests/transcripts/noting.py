"""A pass as rows of a story: what its rules did, who was not told why, what could not be sent."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

from shared.domain.deliveries import Attempt
from shared.domain.reasons import Reason
from shared.domain.times import MINUTE
from shared.services.passes import Pass
from tests.transcripts.writing import Row


def decided(done: Pass) -> list[Row]:
    """What the rules did, in the order of the minutes that they judged."""
    found = done.evaluation
    said = [
        (one.minute, one.rule, f"{one.before} -> {one.after} ({one.reason})")
        for one in found.transitions
    ]
    said += [(one.minute, one.rule, f"nobody is told ({one.reason})") for one in found.suppressions]
    said.sort(key=lambda one: one[:2])
    told = [(rule, f"{what}{_judging(minute, done.now)}") for minute, rule, what in said]
    return [
        Row(done.now, *_together([rule for rule, _ in rules], what))
        for what, rules in groupby(told, key=lambda one: one[1])
    ]


def _judging(minute: datetime, now: datetime) -> str:
    """Which minute decided it, where that is not the one that has just ended."""
    return "" if now - minute < 2 * MINUTE else f", judging {minute:%H:%M}"


def _together(rules: Sequence[str], what: str) -> tuple[str, str]:
    """Rules that do the same at once, in one row."""
    if len(rules) == 1:
        return rules[0], what
    return f"{len(rules)} rules", f"{what}: {rules[0]} … {rules[-1]}"


def undelivered(done: Pass, *, ahead: timedelta) -> list[Row]:
    """What was to be sent and was not; `ahead`: the wall's clock before the world's."""
    left = [one for one in done.attempts if one.reason is not Reason.DELIVERED]
    return [
        Row(done.now, channel, _fate(list(attempts), ahead))
        for channel, attempts in groupby(left, key=lambda one: one.delivery.channel_type)
    ]


def _fate(attempts: Sequence[Attempt], ahead: timedelta) -> str:
    row = attempts[0].delivery
    what = f"{len(attempts)} messages" if len(attempts) > 1 else f"{row.rule} {row.kind}"
    until = row.next_attempt_at
    waits = f", next try at {until - ahead:%H:%M:%S}" if until is not None else ""
    return f"({what}: {row.status}, {attempts[0].reason}{waits})"
