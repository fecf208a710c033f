"""The minute: what the timers and queues do, from asking the sources to telling people."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from msgspec import Struct, json

from shared.domain.deliveries import Attempt, Group
from shared.domain.samples import Failure
from shared.domain.times import MINUTE, iso
from shared.ports import House, MetricSource
from shared.services.collect import Answer, collect, is_probe
from shared.services.deliver import deliver_due, waiting_groups
from shared.services.dispatch import dispatch
from shared.services.evaluate import Evaluation, evaluate
from shared.services.leases import last_good_pass, lease
from shared.services.targets import activate, leavers, retire, rules_in_force

COLLECT_QUEUE = "collect"
DELIVERIES_QUEUE = "deliveries"
MESSAGE_LIFE = timedelta(minutes=2)
WORK_FOR = timedelta(seconds=25)
"""New work is begun for so long; with the last time-outs added a pass ends within 40 s."""
FRESH = timedelta(minutes=3)
OVERDUE = timedelta(minutes=5)
MOST_AT_ONCE = 16

_log = logging.getLogger(__name__)


class CollectMessage(Struct, frozen=True):
    """A queued wish to collect `target`, made at `minute`."""

    target: str
    minute: datetime


class DeliveryMessage(Struct, frozen=True):
    """A queued hint that (episode, channel) has something due."""

    target: str
    episode: str
    channel: str


@dataclass
class Pass:
    """What one pass over one target did; `skipped` when another pass held the lease."""

    target: str
    now: datetime
    skipped: bool = False
    answers: list[Answer] = field(default_factory=list)
    evaluation: Evaluation = field(default_factory=Evaluation)
    dispatched: int = 0
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def failures(self) -> list[Failure]:
        """The sources that did not answer."""
        return [answer for answer in self.answers if isinstance(answer, Failure)]


def tick(target: str, *, house: House, now: datetime) -> Pass:
    """Collect, evaluate, dispatch, deliver. Doubled, late and missed ticks change nothing."""
    return _pass(target, house.sources, house=house, now=now)


def watch(target: str, *, house: House, now: datetime) -> Pass:
    """The second look of the minute: probe again, catch up, deliver what is due."""
    probes = [source for source in house.sources if is_probe(source, house.catalog)]
    return _pass(target, probes, house=house, now=now)


def close_stories(target: str, *, house: House, now: datetime) -> Pass:
    """The last passes over a target that left the settings: its followers hear the end."""
    done = Pass(target, now)
    with lease(target, alerts=house.alerts, wall=house.wall) as hold:
        if hold.is_mine:
            done.evaluation = evaluate(target, house=house, rules=[], activated_at=now, now=now)
    done.skipped = not hold.is_mine
    done.dispatched = dispatch(target, house=house)
    done.attempts = deliver_due(target, house=house)
    if hold.is_mine and not house.alerts.keys(target, "due:"):
        retire(target, config=house.config, now=now)
    return done


def _pass(target: str, sources: Sequence[MetricSource], *, house: House, now: datetime) -> Pass:
    done = Pass(target, now)
    keep_going = _deadline(house)
    with lease(target, alerts=house.alerts, wall=house.wall) as hold:
        if hold.is_mine:
            _collect_and_evaluate(done, sources, house, keep_going)
            hold.evaluated_at = now if done.evaluation.is_complete else None
    done.skipped = not hold.is_mine
    done.dispatched = dispatch(target, house=house)
    done.attempts = deliver_due(target, house=house, keep_going=keep_going)
    if not keep_going():
        _hand_over(target, house)
    return done


def _collect_and_evaluate(
    done: Pass, sources: Sequence[MetricSource], house: House, keep_going: Callable[[], bool]
) -> None:
    activated_at = activate(done.target, config=house.config, now=done.now)
    done.answers = collect(done.target, house=house, sources=sources, now=done.now)
    done.evaluation = evaluate(
        done.target,
        house=house,
        rules=rules_in_force(done.target, house.rules, config=house.config),
        activated_at=activated_at,
        now=done.now,
        asked={answer.source for answer in done.answers},
        keep_going=keep_going,
    )


def _deadline(house: House) -> Callable[[], bool]:
    end = house.wall() + WORK_FOR
    return lambda: house.wall() < end


def _hand_over(target: str, house: House) -> None:
    """What is still due now goes through the queue, where instances share it."""
    wall = house.wall()
    for group in waiting_groups(target, house=house):
        if group.wanted_at <= wall:
            message = DeliveryMessage(target, group.episode, group.channel)
            house.queue.put(DELIVERIES_QUEUE, message)


def fan_out(targets: Sequence[str], *, house: House, now: datetime) -> None:
    """One `collect` message per target: the way of many targets."""
    for target in targets:
        house.queue.put(COLLECT_QUEUE, CollectMessage(target, now), live_for=MESSAGE_LIFE)


def is_outdated(target: str, asked_for: datetime, *, house: House, now: datetime) -> bool:
    """Whether a `collect` message is too old to be worth anything: a later pass did its work."""
    if now - asked_for > MESSAGE_LIFE:
        return True
    asked = house.samples.latest(target).asked
    by_ticks = [source.name for source in house.sources if not is_probe(source, house.catalog)]
    return any(asked[name].at >= asked_for for name in by_ticks if name in asked)


def heartbeat(targets: Sequence[str], *, house: House, now: datetime) -> list[str]:
    """Why the monitor itself is not well; empty when every target is fresh and nothing is overdue.

    Something outside must notice when this stops being said.
    """
    problems: list[str] = []
    for target in targets:
        done_at = last_good_pass(target, alerts=house.alerts)
        if done_at is None or now - done_at > FRESH:
            problems.append(f"{target} was not fully evaluated for {FRESH // MINUTE} minutes")
        late = [g for g in waiting_groups(target, house=house) if _is_overdue(g, house)]
        if late:
            problems.append(f"{target} has {len(late)} deliveries overdue by 5 minutes")
        stuck = house.alerts.keys(target, "outbox:")
        if stuck:
            problems.append(f"{target} has {len(stuck)} events that can't be dispatched")
    return problems


def _is_overdue(group: Group, house: House) -> bool:
    return house.wall() - group.wanted_at > OVERDUE


def tick_all(targets: Sequence[str], *, inline_max: int, house: House, now: datetime) -> list[Pass]:
    """The timer's minute: few targets are collected here, many through the queue."""
    if len(targets) > inline_max:
        fan_out(targets, house=house, now=now)
        return []
    return _each(targets, partial(tick, house=house, now=now))


def watch_all(targets: Sequence[str], *, house: House, now: datetime) -> list[Pass]:
    """The timer's second look at every target, closed by the heartbeat when all is well."""
    passes = _each(targets, partial(watch, house=house, now=now))
    leaving = leavers(targets, config=house.config)
    passes += _each(leaving, partial(close_stories, house=house, now=now))
    problems = heartbeat(targets, house=house, now=now)
    if problems:
        _log.error("no heartbeat: %s", "; ".join(problems))
    else:
        _log.info("heartbeat: %d targets", len(targets))
    return passes


def _each(targets: Sequence[str], run: Callable[[str], Pass]) -> list[Pass]:
    """Every target at the same time, so that one that hangs does not make the others late."""
    if not targets:
        return []
    if len(targets) == 1:
        return [done for done in [_guarded(run, targets[0])] if done is not None]
    with ThreadPoolExecutor(max_workers=min(len(targets), MOST_AT_ONCE)) as pool:
        passes = list(pool.map(partial(_guarded, run), targets))
    return [done for done in passes if done is not None]


def _guarded(run: Callable[[str], Pass], target: str) -> Pass | None:
    try:
        return _logged(run(target))
    except Exception:  # noqa: BLE001 - one target must not stop the others; the heartbeat misses it
        _log.exception("the pass over %s failed", target)
        return None


def collect_message(message: CollectMessage, *, house: House, now: datetime) -> Pass | None:
    """One target's minute from the queue; None when the message is outdated."""
    if is_outdated(message.target, message.minute, house=house, now=now):
        return None
    return _logged(tick(message.target, house=house, now=now))


def _logged(done: Pass) -> Pass:
    """One structured line per pass, for whoever reads the portal's logs."""
    line = {
        "target": done.target,
        "at": iso(done.now),
        "skipped": done.skipped,
        "sources": {answer.source: _source_line(answer) for answer in done.answers},
        "transitions": len(done.evaluation.transitions),
        "suppressions": len(done.evaluation.suppressions),
        "broken": done.evaluation.broken,
        "behind": done.evaluation.behind,
        "dispatched": done.dispatched,
        "deliveries": [attempt.delivery.status for attempt in done.attempts],
    }
    _log.info("pass %s", json.encode(line).decode())
    return done


def _source_line(answer: Answer) -> str | int:
    return answer.error if isinstance(answer, Failure) else len(answer.samples)
