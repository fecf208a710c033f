"""The no-data clock: how long has a source been silent, and what does the rule do about it?

It runs outside the fold, on world time, and only on sources that somebody asked (semantics 2).
"""

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.alerts import Alert, close_alert, open_no_data_alert
from shared.domain.chunks import Latest
from shared.domain.decisions import Case, Decision, Suppression, Transition
from shared.domain.episodes import Episode, EventKind, LineKind, TimelineLine, ended_line, ending_of
from shared.domain.machine import NoData, NoDataState, RuleState, State, treat_as_ok
from shared.domain.metrics import Catalog, Metric
from shared.domain.reasons import Reason
from shared.domain.reminders import remind
from shared.domain.rules import NoDataPolicy, Rule
from shared.domain.times import MINUTE, floor_minute

SHORTEST = timedelta(minutes=5)


class Silence(Struct, frozen=True):
    """A metric's silence: its `age`, `since` when it counts, and when it was last heard of."""

    age: timedelta
    since: datetime
    heard: datetime | None = None

    def is_broken_since(self, began: datetime | None) -> bool:
        """Whether something fresh was heard after the silence that `began` then."""
        return self.heard is not None and (began is None or self.heard > began)


def patience(rule: Rule, metric: Metric) -> timedelta:
    """The age at which silence counts: `noDataAfter`, by default max(5, 3 × every) minutes."""
    if rule.no_data_after is not None:
        return timedelta(minutes=rule.no_data_after)
    return max(SHORTEST, 3 * metric.every * MINUTE)


def silence(
    metric: Metric, latest: Latest, catalog: Catalog, *, anchor: datetime | None
) -> Silence | None:
    """How long `metric` has been silent; None when nobody ever asked for it.

    age = lastAsked - max(end of the last hold or empty minute, anchor) - settle
    """
    asked = [latest.asked[name] for name in metric.sources if name in latest.asked]
    if not asked:
        return None
    settle = max(source.settle for source in catalog.sources_of(metric))
    last_asked = max(asked, key=lambda one: one.at)
    heard = max(_last_heard(metric, latest, catalog), default=None)
    known = [at for at in (anchor, last_asked.since, heard) if at is not None]
    since = max(known, default=last_asked.at)
    return Silence(last_asked.at - since - settle, since, heard)


def _last_heard(metric: Metric, latest: Latest, catalog: Catalog) -> list[datetime]:
    """The end of the last hold, and of the last empty minute."""
    heard: list[datetime] = []
    if metric.column in latest.minutes:
        heard.append(latest.minutes[metric.column] + metric.every * MINUTE)
    of = catalog.metric(metric.of) if metric.of else None
    if of is not None and of.column in latest.idle:
        heard.append(latest.idle[of.column] + MINUTE)
    return heard


def wants_judging(rule: Rule, metric: Metric, state: RuleState, found: Silence) -> bool:
    """Whether the clock may have something to decide; a cheap look before rows are read."""
    clock = state.no_data
    if clock.state is NoDataState.FRESH:
        return found.age >= patience(rule, metric)
    # What was told may be due for a reminder, or lie in a maintenance window by now.
    is_open = clock.state is NoDataState.NO_DATA and rule.no_data is NoDataPolicy.ALERT
    return is_open or found.is_broken_since(clock.since)


def judge_silence(
    case: Case, found: Silence, *, quiet: Reason | None, now: datetime
) -> Decision | None:
    """What the rule's policy does about the silence, or its end; None when nothing changes."""
    clock = case.state.no_data
    if clock.state is NoDataState.FRESH:
        silent = found.age >= patience(case.rule, case.metric)
        return _goes_silent(case, found, quiet, now) if silent else None
    if found.is_broken_since(clock.since):
        return _speaks_again(case, now)
    if clock.state is NoDataState.NO_DATA and case.rule.no_data is NoDataPolicy.ALERT:
        return _still_silent(case, found, quiet, now)
    return None


def _goes_silent(case: Case, found: Silence, quiet: Reason | None, now: datetime) -> Decision:
    decision = Decision(case, now)
    minute = floor_minute(now)
    since = floor_minute(found.since)
    clock = replace(case.state.no_data, state=NoDataState.NO_DATA, since=since)
    decision.state = replace(case.state, no_data=clock)
    match case.rule.no_data:
        case NoDataPolicy.KEEP:
            decision.suppressions.append(
                Suppression(
                    rule=case.rule.id,
                    minute=minute,
                    reason=Reason.POLICY_KEEP,
                    episode=case.state.episode,
                )
            )
        case NoDataPolicy.ALERT:
            _alert_silence(decision, since, minute, quiet)
        case NoDataPolicy.OK:
            _treat_as_ok(decision, minute)
    return decision


def _alert_silence(
    decision: Decision, since: datetime, minute: datetime, quiet: Reason | None
) -> None:
    case = decision.case
    if case.alert is not None:
        decision.episode(case.alert.value).line(
            TimelineLine(
                at=decision.now, kind=LineKind.NO_DATA, reason=Reason.NO_DATA, minute=minute
            )
        )
        return
    pen = decision.episode(open_no_data_alert(case.target, case.rule, case.metric, since, minute))
    pen.line(
        TimelineLine(at=decision.now, kind=LineKind.FIRING, reason=Reason.NO_DATA, minute=minute)
    )
    clock = replace(decision.state.no_data, episode=pen.alert.id)
    decision.state = replace(decision.state, no_data=clock)
    _tell_or_suppress(decision, pen, minute, quiet)


def _still_silent(
    case: Case, found: Silence, quiet: Reason | None, now: datetime
) -> Decision | None:
    """Silence that goes on: told, kept quiet, reminded of; or its story waits for another one."""
    clock = case.state.no_data
    decision = Decision(case, now)
    if case.no_data_alert is not None:
        _goes_on(decision, case.no_data_alert.value, quiet)
        return decision if decision.changes_anything else None
    if case.alert is None:
        _alert_silence(decision, clock.since or floor_minute(found.since), floor_minute(now), quiet)
        return decision
    return None


def _goes_on(decision: Decision, alert: Alert, quiet: Reason | None) -> None:
    clock, minute = decision.case.state.no_data, floor_minute(decision.now)
    pen = decision.episode(alert)
    if clock.told and quiet is None:
        remind(decision, pen, minute)
    elif not clock.told or quiet is Reason.MAINTENANCE:
        _tell_or_suppress(decision, pen, minute, quiet)


def _tell_or_suppress(
    decision: Decision, pen: Episode, minute: datetime, quiet: Reason | None
) -> None:
    clock = decision.state.no_data
    if quiet is None:
        kind, reason = ending_of(clock.quiet)
        if kind is EventKind.FIRING:
            reason = Reason.NO_DATA
        else:
            pen.line(ended_line(kind, reason, minute, decision.now))
        pen.tell(kind, reason, minute=minute, now=decision.now)
        clock = replace(clock, told=True, quiet=None)
    elif clock.quiet is not quiet:
        decision.suppress(pen, minute, quiet)
        clock = replace(clock, told=False, quiet=quiet)
    decision.state = replace(decision.state, no_data=clock)


def _treat_as_ok(decision: Decision, minute: datetime) -> None:
    case = decision.case
    if case.alert is not None:
        closed = close_alert(case.alert.value, decision.now, Reason.NO_DATA_TREATED_AS_OK)
        _close(decision, closed, minute)
    if case.state.state is not State.INACTIVE:
        decision.transitions.append(
            Transition(
                rule=case.rule.id,
                minute=minute,
                before=case.state.state,
                after=State.INACTIVE,
                reason=Reason.NO_DATA_TREATED_AS_OK,
                episode=case.state.episode,
            )
        )
    decision.state = treat_as_ok(decision.state, minute - MINUTE)


def _speaks_again(case: Case, now: datetime) -> Decision:
    decision = Decision(case, now)
    decision.state = replace(case.state, no_data=NoData(anchor=case.state.no_data.anchor))
    if case.no_data_alert is not None:
        closed = close_alert(case.no_data_alert.value, now, Reason.DATA_BACK)
        _close(decision, closed, floor_minute(now))
    return decision


def _close(decision: Decision, closed: Alert, minute: datetime) -> None:
    pen = decision.episode(closed)
    pen.line(
        TimelineLine(at=decision.now, kind=LineKind.RESOLVED, reason=closed.reason, minute=minute)
    )
    if pen.was_told:
        pen.tell(EventKind.RESOLVED, closed.reason, minute=minute, now=decision.now)
