"""POST rules/backtest: how a rule would have behaved, and which threshold would be calmer."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import Struct

from shared.domain.backtests import WEEK, Firing
from shared.domain.errors import InvalidRule
from shared.domain.rules import Rule, parse_rule
from shared.domain.times import MINUTE
from shared.services.backtest import MOST_DAYS, Backtest, backtest
from shared.services.rulebook import known_rule
from shared.web.alerts import target_of
from shared.web.asking import json_object, no_parameters
from shared.web.auth import Role
from shared.web.doors import Asked, Reply, Route
from shared.web.problems import Problem

DEFAULT_RANGE = "7d"
MOST_A_WEEK = 10_000
MOST_LISTED = 100
UNNAMED: Mapping[str, Any] = {"id": "what-if", "name": "What if", "severity": "low", "actions": []}
"""What a rule that is only tried needs not say."""

FIELDS = {
    "rule": "rule must be a rule's JSON; or give the ruleId of one that exists",
    "ruleId": "ruleId must be the id of a rule; or give a rule",
    "range": f"range must be whole days from 1d to {MOST_DAYS}d",
    "target": "target must be the name of a target",
    "atMost": f"atMost must be a number of episodes a week from 0 to {MOST_A_WEEK:,}",
}

_RANGE = re.compile(r"([1-9]\d?)d")


class BacktestWish(Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of POST rules/backtest; either `rule` or `rule_id`."""

    rule: dict[str, Any] | None = None
    rule_id: str | None = None
    range: str = DEFAULT_RANGE
    target: str = ""
    at_most: float = 1.0


def _answer(asked: Asked) -> Reply:
    no_parameters(asked.request)
    wish = _wish(asked)
    target = target_of({"target": wish.target}, asked.office.targets)
    found = backtest(
        _rule(wish, asked),
        target,
        length=_length(wish.range),
        a_week=_at_most(wish.at_most),
        house=asked.office.house(),
        now=asked.office.now,
    )
    return Reply(_spelled(found), {"target": target, "range": wish.range, "atMost": wish.at_most})


BACKTEST = Route("rules/backtest", Role.ADMIN, _answer)


def _wish(asked: Asked) -> BacktestWish:
    must_say_json = asked.principal.by_cookie
    given = json_object(asked.request, list(FIELDS), must_say_json=must_say_json)
    try:
        return msgspec.convert(given, BacktestWish)
    except msgspec.ValidationError as error:
        name = next((name for name in FIELDS if f"$.{name}`" in str(error)), "rule")
        raise Problem(400, "invalid_body", FIELDS[name]) from None


def _rule(wish: BacktestWish, asked: Asked) -> Rule:
    house, office = asked.office.house(), asked.office
    if (wish.rule is None) == (wish.rule_id is None):
        raise InvalidRule("give either a rule or the ruleId of one that exists")
    if wish.rule_id is not None:
        return known_rule(wish.rule_id, office.targets, house=house, now=office.now).rule
    return parse_rule({**UNNAMED, **(wish.rule or {})}, house.catalog)


def _length(given: str) -> timedelta:
    days = _RANGE.fullmatch(given)
    if days is None or int(days[1]) > MOST_DAYS:
        raise Problem(400, "invalid_range", f"{FIELDS['range']}, not {given[:60]!r}")
    return timedelta(days=int(days[1]))


def _at_most(given: float) -> float:
    if not 0 <= given <= MOST_A_WEEK:
        raise Problem(400, "invalid_body", FIELDS["atMost"])
    return given


def _spelled(found: Backtest) -> dict[str, Any]:
    firing, judged = found.minutes_firing, found.judged + found.missing
    weeks = judged * MINUTE / WEEK
    return {
        "from": found.start,
        "to": found.end,
        "count": len(found.firings),
        "perWeek": round(len(found.firings) / weeks, 2) if weeks else 0,
        "minutesFiring": firing,
        "shareOfTime": round(firing / judged, 6) if judged else 0,
        "minutesJudged": found.judged,
        "minutesMissing": found.missing,
        "minutesUncovered": found.uncovered,
        "suggestedThreshold": found.suggested_threshold,
        "episodes": [_episode(one) for one in found.firings[-MOST_LISTED:]],
    }


def _episode(one: Firing) -> dict[str, Any]:
    return {
        "from": one.active_at,
        "firedAt": one.fired_at,
        "to": one.ended_at,
        "minutes": one.minutes,
        "worst": one.worst,
    }
