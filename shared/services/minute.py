"""The minute: what the timers and queues do, from asking the sources to telling people."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from msgspec import Struct

from shared.domain.chunks import Latest
from shared.domain.errors import StoreError, StoreUnavailable
from shared.domain.rules import KeptRule
from shared.domain.times import MINUTE
from shared.ports import House
from shared.services.beat import FRESH, beat
from shared.services.collect import collect, is_pressing
from shared.services.deliver import deliver_due, waiting_groups
from shared.services.dispatch import dispatch
from shared.services.evaluate import evaluate
from shared.services.leases import Hold, Waiting, lease, note_waiting
from shared.services.mend import mend
from shared.services.notice import notice_blocking
from shared.services.passes import Pass, PassKind, log_line, measured
from shared.services.targets import (
    Target,
    activate,
    in_turn,
    known_targets,
    leavers,
    recent,
    retire,
    rules_in_force,
    strangers,
)

COLLECT_QUEUE = "collect"
DELIVERIES_QUEUE = "deliveries"
MESSAGE_LIFE = timedelta(minutes=2)
WORK_FOR = timedelta(seconds=24)
"""New work is begun for so long; with the last time-outs added a pass ends within 40 s."""
SHARE_FOR = timedelta(seconds=50)
"""So long messages are put: whoever is left has the next minute's."""
MOST_NOTED = 20
MOST_AT_ONCE = 16

_log = logging.getLogger(__name__)

S = TypeVar("S")
T = TypeVar("T")
Work = Callable[[Pass, House], None]
"""What a pass does; it notes in the Pass what it did."""


class CollectMessage(Struct, frozen=True):
    """A queued wish for a pass of that kind over `target`, made at `minute`.

    A message without a kind is one of an older version, whose queue held no others.
    """

    target: str
    minute: datetime
    kind: PassKind = PassKind.COLLECT


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
    keep_going = _deadline(house)
    with lease(done.target, config=house.config, wall=house.wall) as hold:
        if hold.is_mine:
            _evaluate(done, [], done.now, house)
    done.skipped = not hold.is_mine
    stuck = _dispatch(done, house)
    _deliver(done, house, keep_going)
    is_closed = hold.is_mine and done.evaluation.is_complete and not stuck
    if is_closed and not house.alerts.keys(done.target, "due:"):
        retire(done.target, config=house.config, now=done.now)


def _pass(done: Pass, sources: Sequence[str], house: House) -> None:
    keep_going = _deadline(house)
    with lease(done.target, config=house.config, wall=house.wall) as hold:
        if hold.is_mine:
            _collect_and_evaluate(done, sources, house, keep_going)
            stuck = _dispatch(done, house)
            hold.waiting = _waiting(done.target, stuck, hold.found.broken_at, house)
            hold.evaluated_at = done.now if done.evaluation.is_complete else None
            hold.heard_at = done.now if done.has_heard else None
    done.skipped = not hold.is_mine
    if done.skipped:
        _dispatch(done, house)
    _tell(done, hold, house, keep_going)
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


def _dispatch(done: Pass, house: House) -> int:
    """Answers how many events are left that were there to be dispatched."""
    with done.timed("dispatch"):
        decided = house.alerts.keys(done.target, "outbox:")
        if not decided:
            return 0
        done.dispatched = dispatch(done.target, house=house)
        return len({*decided} & {*house.alerts.keys(done.target, "outbox:")})


def _tell(done: Pass, hold: Hold, house: House, keep_going: Callable[[], bool]) -> None:
    """Deliver what is due; what still waits is noted anew, unless nothing was to be done."""
    wanted_at = hold.waiting.wanted_at if hold.waiting is not None else None
    if wanted_at is None or any(at <= house.wall() for at in wanted_at):
        broken_at = _deliver(done, house, keep_going)
        if hold.waiting is not None:
            broken_at = (*hold.waiting.broken_at, *broken_at)
            waiting = _waiting(done.target, hold.waiting.stuck, broken_at, house)
            note_waiting(done.target, hold, waiting, config=house.config)
    else:
        done.durations["deliver"] = 0


def _deliver(done: Pass, house: House, keep_going: Callable[[], bool]) -> tuple[datetime, ...]:
    """Answers when tries broke off."""
    broken_at: list[datetime] = []
    with done.timed("deliver"):
        done.attempts = deliver_due(
            done.target, house=house, keep_going=keep_going, note_broken=broken_at.append
        )
    return tuple(broken_at)


def _waiting(target: str, stuck: int, broken_at: Sequence[datetime], house: House) -> Waiting:
    wanted_at = sorted(group.wanted_at for group in waiting_groups(target, house=house))
    return Waiting(
        wanted_at=tuple(wanted_at[:MOST_NOTED]),
        stuck=stuck,
        broken_at=tuple(broken_at[-MOST_NOTED:]) if wanted_at else (),
    )


def _deadline(house: House, work_for: timedelta = WORK_FOR) -> Callable[[], bool]:
    end = house.wall() + work_for
    return lambda: house.wall() < end


def _hand_over(target: str, house: House) -> None:
    """What is still due now goes through the queue, where instances share it."""
    wall = house.wall()
    for group in waiting_groups(target, house=house):
        if group.wanted_at <= wall:
            message = DeliveryMessage(target, group.episode, group.channel)
            house.queue.put(DELIVERIES_QUEUE, message)


def fan_out(
    targets: Sequence[str], *, house: House, now: datetime, kind: PassKind = PassKind.COLLECT
) -> None:
    """One message per target: the way of many targets.

    One that can't be put keeps no other back; its target has the next minute's, which begin with
    another target: so nobody is always left where there are more than can be put.
    """
    keep_going = _deadline(house, SHARE_FOR)
    turn = in_turn(targets, now, MINUTE)

    def put(target: str) -> str:
        if not keep_going():
            return "the time for it was over"
        try:
            message = CollectMessage(target, now, kind)
            house.queue.put(COLLECT_QUEUE, message, live_for=MESSAGE_LIFE)
        except StoreUnavailable as error:
            return str(error)
        return ""

    answers = zip(turn, _at_once(put, turn), strict=True)
    left = [(target, why) for target, why in answers if why]
    if left:
        _log.error("%d targets got no message, first %s: %s", len(left), *left[0])


def is_outdated(message: CollectMessage, *, house: House, now: datetime) -> bool:
    """Whether a message is too old to be worth anything: a later pass did its work.

    A tick is known by a source that no watch asks; a watch by one that both ask, unless an hour
    waits to be mended, which no tick does. Who left the settings is closed until nothing is left.
    """
    if now - message.minute > MESSAGE_LIFE:
        return True
    if message.kind is PassKind.CLOSE:
        return False
    latest = house.samples.latest(message.target)
    is_watch = message.kind is PassKind.WATCH
    if is_watch and latest.damaged:
        return False
    names = house.sources_of(message.target)
    telling = [name for name in names if is_pressing(name, house.catalog) is is_watch]
    return any(latest.asked[name].at >= message.minute for name in telling if name in latest.asked)


def tick_all(targets: Sequence[str], *, inline_max: int, house: House, now: datetime) -> list[Pass]:
    """The timer's minute: few targets are collected here, many through the queue."""
    if len(targets) > inline_max:
        fan_out(targets, house=house, now=now)
        return []
    return _each(_tick, _passes(targets, PassKind.TICK, now), house)


def watch_all(
    targets: Sequence[str], *, inline_max: int, house: House, now: datetime
) -> list[Pass]:
    """The timer's second look at every target, closed by the heartbeat when all is well.

    Few are looked at here. Many are through the queue: the heartbeat then tells of the passes until
    now, and new targets have time for their first one.
    """
    is_shared = len(targets) > inline_max
    passes = [] if is_shared else _each(_watch, _passes(targets, PassKind.WATCH, now), house)
    known = known_targets(config=house.config)
    newcomers = _share(targets, known, house, now) if is_shared else ()
    # A mistyped name is no farewell: its stories would end, and hours of it never be judged.
    leaving = [] if house.doubts else leavers(frozenset(targets), known, now=now)
    passes += _close_all(leaving, inline_max, house, now)
    beat(targets, house=house, now=now, newcomers=newcomers)
    return passes


def _share(
    targets: Sequence[str], known: Mapping[str, Target], house: House, now: datetime
) -> Collection[str]:
    """Answers the new targets, whose first pass need not be over yet; they are new from here on."""
    fan_out(targets, house=house, now=now, kind=PassKind.WATCH)
    return {*_activated(strangers(targets, known), house, now), *recent(known, FRESH, now=now)}


def _activated(new: Sequence[str], house: House, now: datetime) -> list[str]:
    """Those of them that could be; who can't is not new for ever, and is missed like any other."""

    def refusal(target: str) -> str:
        try:
            activate(target, config=house.config, now=now)
        except StoreError as error:
            return str(error)
        return ""

    answers = list(zip(new, _at_once(refusal, new), strict=True))
    for target, why in answers:
        if why:
            _log.error("%s can't be activated: %s", target, why)
    return [target for target, why in answers if not why]


def _close_all(leaving: Sequence[str], inline_max: int, house: House, now: datetime) -> list[Pass]:
    if len(leaving) > inline_max:
        fan_out(leaving, house=house, now=now, kind=PassKind.CLOSE)
        return []
    return _each(_close, _passes(leaving, PassKind.CLOSE, now), house)


def _passes(targets: Iterable[str], kind: PassKind, now: datetime) -> list[Pass]:
    return [Pass(target, now, kind) for target in targets]


def _at_once(work: Callable[[S], T], things: Sequence[S]) -> list[T]:
    """What the work answers of each, in their order, all of them at the same time."""
    if len(things) < 2:
        return [work(one) for one in things]
    with ThreadPoolExecutor(max_workers=min(len(things), MOST_AT_ONCE)) as pool:
        return list(pool.map(work, things))


def _each(work: Work, passes: Sequence[Pass], house: House) -> list[Pass]:
    """Every target at the same time, so that one that hangs does not make the others late.

    Logged from here: the Functions host drops what is logged from threads that it did not start.
    """
    errors = _at_once(partial(_guarded, work, house), passes)
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


WORK = {PassKind.COLLECT: _tick, PassKind.WATCH: _watch, PassKind.CLOSE: _close}


def collect_message(
    message: CollectMessage, *, targets: Collection[str], house: House, now: datetime
) -> Pass | None:
    """One target's pass from the queue; None when the message is outdated.

    So it also is when its target left the settings meanwhile, or came back.
    """
    is_watched = message.target in targets
    if is_watched is (message.kind is PassKind.CLOSE):
        return None
    if is_outdated(message, house=house, now=now):
        return None
    return _alone(WORK[message.kind], Pass(message.target, now, message.kind), house)
