"""The minute: what the timers and queues do, from asking the sources to telling people."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

from msgspec import Struct

from shared.domain.chunks import Latest
from shared.domain.claims import Group
from shared.domain.errors import ChannelError
from shared.domain.rules import KeptRule
from shared.domain.times import MINUTE
from shared.ports import House
from shared.services.collect import collect, is_pressing
from shared.services.deliver import deliver_due, waiting_groups
from shared.services.dispatch import dispatch
from shared.services.evaluate import evaluate
from shared.services.leases import last_lease, lease
from shared.services.mend import mend
from shared.services.notice import notice_blocking
from shared.services.passes import Pass, PassKind, log_line, measured
from shared.services.targets import activate, leavers, retire, rules_in_force

COLLECT_QUEUE = "collect"
DELIVERIES_QUEUE = "deliveries"
MESSAGE_LIFE = timedelta(minutes=2)
WORK_FOR = timedelta(seconds=24)
"""New work is begun for so long; with the last time-outs added a pass ends within 40 s."""
FRESH = timedelta(minutes=3)
OVERDUE = timedelta(minutes=5)
DEAF = timedelta(minutes=15)
"""So long without any answer is no bad minute of somebody else's, but an end of the watch."""
MOST_AT_ONCE = 16

_log = logging.getLogger(__name__)

Work = Callable[[Pass, House], None]
"""What a pass does; it notes in the Pass what it did."""


class CollectMessage(Struct, frozen=True):
    """A queued wish to collect `target`, made at `minute`."""

    target: str
    minute: datetime


class DeliveryMessage(Struct, frozen=True):
    """A queued hint that (episode, channel) has something due."""

    target: str
    episode: str
    channel: str


def tick(target: str, *, house: House, now: datetime) -> Pass:
    """Collect, evaluate, dispatch, deliver. Doubled, late and missed ticks change nothing."""
    return _alone(_tick, Pass(target, now, PassKind.TICK), house)


def watch(target: str, *, house: House, now: datetime) -> Pass:
    """The second look of the minute: ask what presses again, catch up, deliver what is due."""
    return _alone(_watch, Pass(target, now, PassKind.WATCH), house)


def close_stories(target: str, *, house: House, now: datetime) -> Pass:
    """The last passes over a target that left the settings: its followers hear the end."""
    return _alone(_close, Pass(target, now, PassKind.CLOSE), house)


def _tick(done: Pass, house: House) -> None:
    _pass(done, house.sources_of(done.target), house)


def _watch(done: Pass, house: House) -> None:
    names = house.sources_of(done.target)
    keep_going = _deadline(house)
    _pass(done, [name for name in names if is_pressing(name, house.catalog)], house)
    if done.damaged and keep_going():
        with done.timed("mend"):
            mend(done.target, house=house, now=done.now)


def _close(done: Pass, house: House) -> None:
    with lease(done.target, alerts=house.alerts, wall=house.wall) as hold:
        if hold.is_mine:
            _evaluate(done, [], done.now, house)
    done.skipped = not hold.is_mine
    _tell(done, house)
    if hold.is_mine and not house.alerts.keys(done.target, "due:"):
        retire(done.target, config=house.config, now=done.now)


def _pass(done: Pass, sources: Sequence[str], house: House) -> None:
    keep_going = _deadline(house)
    with lease(done.target, alerts=house.alerts, wall=house.wall) as hold:
        if hold.is_mine:
            _collect_and_evaluate(done, sources, house, keep_going)
            hold.evaluated_at = done.now if done.evaluation.is_complete else None
            hold.heard_at = done.now if done.has_heard else None
    done.skipped = not hold.is_mine
    _tell(done, house, keep_going)
    if not keep_going():
        _hand_over(done.target, house)


def _collect_and_evaluate(
    done: Pass, sources: Sequence[str], house: House, keep_going: Callable[[], bool]
) -> None:
    activated_at = activate(done.target, config=house.config, now=done.now)
    with done.timed("collect"):
        done.answers, latest = collect(done.target, house=house, sources=sources, now=done.now)
    done.damaged = len(latest.damaged)
    rules = rules_in_force(done.target, house=house)
    _evaluate(done, rules, activated_at, house, latest, keep_going)
    if keep_going():
        notice_blocking(done.target, latest, house=house, now=done.now)


def _evaluate(
    done: Pass,
    rules: Sequence[KeptRule],
    activated_at: datetime,
    house: House,
    latest: Latest | None = None,
    keep_going: Callable[[], bool] = lambda: True,
) -> None:
    done.rules = len(rules)
    with done.timed("evaluate"):
        done.evaluation = evaluate(
            done.target,
            house=house,
            rules=rules,
            activated_at=activated_at,
            now=done.now,
            latest=latest,
            asked=done.asked,
            keep_going=keep_going,
        )


def _tell(done: Pass, house: House, keep_going: Callable[[], bool] = lambda: True) -> None:
    with done.timed("dispatch"):
        done.dispatched = dispatch(done.target, house=house)
    with done.timed("deliver"):
        done.attempts = deliver_due(done.target, house=house, keep_going=keep_going)


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
    by_ticks = [name for name in house.sources_of(target) if not is_pressing(name, house.catalog)]
    return any(asked[name].at >= asked_for for name in by_ticks if name in asked)


def heartbeat(targets: Sequence[str], *, house: House, now: datetime) -> list[str]:
    """Why the monitor itself is not well; empty when every target is fresh and nothing is overdue.

    Something outside must notice when this stops being said.
    """
    problems: list[str] = []
    for target in targets:
        problems += _blind(target, house, now)
        late = [g for g in waiting_groups(target, house=house) if _is_overdue(g, house)]
        if late:
            problems.append(f"{target} has {len(late)} deliveries overdue by 5 minutes")
        stuck = house.alerts.keys(target, "outbox:")
        if stuck:
            problems.append(f"{target} has {len(stuck)} events that can't be dispatched")
    return problems


def _blind(target: str, house: House, now: datetime) -> list[str]:
    """Whether the target was left alone, or looked at and not seen."""
    last = last_lease(target, alerts=house.alerts)
    if last is None or last.evaluated_at is None or now - last.evaluated_at > FRESH:
        return [f"{target} was not fully evaluated for {FRESH // MINUTE} minutes"]
    if last.heard_at is not None and now - last.heard_at > DEAF and house.sources_of(target):
        return [f"no source of {target} has answered for {DEAF // MINUTE} minutes"]
    return []


def _is_overdue(group: Group, house: House) -> bool:
    return house.wall() - group.wanted_at > OVERDUE


def tick_all(targets: Sequence[str], *, inline_max: int, house: House, now: datetime) -> list[Pass]:
    """The timer's minute: few targets are collected here, many through the queue."""
    if len(targets) > inline_max:
        fan_out(targets, house=house, now=now)
        return []
    return _each(_tick, [Pass(target, now, PassKind.TICK) for target in targets], house)


def watch_all(targets: Sequence[str], *, house: House, now: datetime) -> list[Pass]:
    """The timer's second look at every target, closed by the heartbeat when all is well."""
    passes = _each(_watch, [Pass(target, now, PassKind.WATCH) for target in targets], house)
    leaving = leavers(targets, config=house.config)
    passes += _each(_close, [Pass(target, now, PassKind.CLOSE) for target in leaving], house)
    problems = heartbeat(targets, house=house, now=now)
    if problems:
        _log.error("no heartbeat: %s", "; ".join(problems))
    else:
        _log.info("heartbeat: %d targets", len(targets))
    _beat(problems, house)
    return passes


def _beat(problems: Sequence[str], house: House) -> None:
    """Tell whoever watches the monitor; that nobody listens disturbs nothing."""
    if house.pulse is not None:
        try:
            house.pulse.beat(problems)
        except ChannelError as error:
            _log.warning("%s", error)


def _each(work: Work, passes: Sequence[Pass], house: House) -> list[Pass]:
    """Every target at the same time, so that one that hangs does not make the others late.

    Logged from here: the Functions host drops what is logged from threads that it did not start.
    """
    run = partial(_guarded, work, house)
    if len(passes) < 2:
        errors = [run(done) for done in passes]
    else:
        with ThreadPoolExecutor(max_workers=min(len(passes), MOST_AT_ONCE)) as pool:
            errors = list(pool.map(run, passes))
    for done, error in zip(passes, errors, strict=True):
        log_line(done, house.catalog)
        if error is not None:
            _log.error("the pass over %s failed", done.target, exc_info=error)
    return [done for done, error in zip(passes, errors, strict=True) if error is None]


def _guarded(work: Work, house: House, done: Pass) -> Exception | None:
    try:
        with measured(done):
            work(done, house)
    except Exception as error:  # noqa: BLE001 - it must not stop the others; the heartbeat misses it
        return error
    return None


def _alone(work: Work, done: Pass, house: House) -> Pass:
    try:
        with measured(done):
            work(done, house)
    finally:
        log_line(done, house.catalog)
    return done


def collect_message(message: CollectMessage, *, house: House, now: datetime) -> Pass | None:
    """One target's minute from the queue; None when the message is outdated."""
    if is_outdated(message.target, message.minute, house=house, now=now):
        return None
    return _alone(_tick, Pass(message.target, now, PassKind.COLLECT), house)
