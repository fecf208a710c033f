"""POST rules/backtest: how a rule would have behaved, and which threshold would be calmer."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from shared.domain.backtests import WEEK, Firing
from shared.domain.errors import InvalidRule
from shared.domain.rules import Rule, parse_rule
from shared.domain.times import MINUTE
from shared.services.backtest import MOST_DAYS, Backtest, backtest
from shared.services.rulebook import known_rule
from shared.web.alerts import target_of
from shared.web.auth import Role
from shared.web.doors import Asked, Body, Reply, Route
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

RANGE = "^[1-9][0-9]?d$"


class BacktestWish(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The body of POST rules/backtest; either `rule` or `rule_id`."""

    rule: dict[str, Any] | None = None
    rule_id: str | None = None
    range: Annotated[str, Meta(extra_json_schema={"pattern": RANGE})] = DEFAULT_RANGE
    target: str = ""
    at_most: Annotated[float, Meta(ge=0, le=MOST_A_WEEK)] = 1.0


class BacktestMeta(Struct, frozen=True, rename="camel"):
    """What was asked."""

    target: str
    range: str
    at_most: float


class EpisodeJson(Struct, frozen=True, kw_only=True, rename="camel"):
    """A story that there would have been; `to` null: it goes on."""

    start: datetime = field(name="from")
    fired_at: datetime
    end: datetime | None = field(name="to")
    minutes: int
    worst: float | None


class BacktestJson(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the rule would have done; minutes are counted over all episodes."""

    start: datetime = field(name="from")
    end: datetime = field(name="to")
    count: int
    per_week: float
    minutes_firing: int
    share_of_time: float
    minutes_judged: int
    minutes_missing: int
    minutes_uncovered: int
    suggested_threshold: float | None
    episodes: list[EpisodeJson]


def _answer(asked: Asked) -> Reply:
    wish: BacktestWish = asked.body
    target = target_of(wish.target, asked.office.targets)
    found = backtest(
        _rule(wish, asked),
        target,
        length=_length(wish.range),
        a_week=wish.at_most,
        house=asked.office.house(),
        now=asked.office.now,
    )
    meta = BacktestMeta(target=target, range=wish.range, at_most=wish.at_most)
    return Reply(_spelled(found), meta)


def _rule(wish: BacktestWish, asked: Asked) -> Rule:
    house, office = asked.office.house(), asked.office
    if (wish.rule is None) == (wish.rule_id is None):
        raise InvalidRule("give either a rule or the ruleId of one that exists")
    if wish.rule_id is not None:
        return known_rule(wish.rule_id, office.targets, house=house, now=office.now).rule
    return parse_rule({**UNNAMED, **(wish.rule or {})}, house.catalog)


def _length(given: str) -> timedelta:
    if not re.fullmatch(RANGE, given) or int(given[:-1]) > MOST_DAYS:
        raise Problem(400, "invalid_range", f"{FIELDS['range']}, not {given[:60]!r}")
    return timedelta(days=int(given[:-1]))


def _spelled(found: Backtest) -> BacktestJson:
    firing, judged = found.minutes_firing, found.judged + found.missing
    weeks = judged * MINUTE / WEEK
    return BacktestJson(
        start=found.start,
        end=found.end,
        count=len(found.firings),
        per_week=round(len(found.firings) / weeks, 2) if weeks else 0,
        minutes_firing=firing,
        share_of_time=round(firing / judged, 6) if judged else 0,
        minutes_judged=found.judged,
        minutes_missing=found.missing,
        minutes_uncovered=found.uncovered,
        suggested_threshold=found.suggested_threshold,
        episodes=[_episode(one) for one in found.firings[-MOST_LISTED:]],
    )


def _episode(one: Firing) -> EpisodeJson:
    return EpisodeJson(
        start=one.active_at,
        fired_at=one.fired_at,
        end=one.ended_at,
        minutes=one.minutes,
        worst=one.worst,
    )


BACKTEST = Route(
    name="rules/backtest",
    method="POST",
    role=Role.ADMIN,
    answer=_answer,
    says="how a rule would have behaved on what is stored",
    body=Body(BacktestWish, FIELDS),
    data=BacktestJson,
    meta=BacktestMeta,
    also=(404,),
)
