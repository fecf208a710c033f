"""Whom the monitor can tell, and whether it really can: tests of a channel and of the whole way."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from shared.domain.budgets import Wait
from shared.domain.closures import Closure
from shared.domain.deliveries import MOST_CHANNELS, Delivery, channel_of
from shared.domain.errors import ChannelError, Conflict, InvalidInput, NotFound
from shared.domain.handling import AuditEntry
from shared.domain.notifications import compose
from shared.domain.records import Insert, outbox_key
from shared.domain.rehearsals import rehearsal, rehearsal_id
from shared.domain.rules import Action, Rule, Severity
from shared.ports import House
from shared.services.audits import note_audit
from shared.services.budgets import take_token
from shared.services.closures import close, closures, reopen
from shared.services.deliver import deliver_one, waiting_groups
from shared.services.dispatch import dispatch
from shared.services.reach import problem_of
from shared.services.rulebook import every_rule

WORK_FOR = timedelta(seconds=25)


class KnownChannel(Struct, frozen=True, kw_only=True):
    """An address that rules name, or the fallback; `problem` is empty when it can be told."""

    key: str
    address: Action
    rules: tuple[str, ...]
    is_fallback: bool
    problem: str
    closure: Closure | None


class Outcome(StrEnum):
    """What became of a test message."""

    SENT = "sent"
    REFUSED = "refused"
    FAILED = "failed"
    NO_BUDGET = "no_budget"


class Trial(Struct, frozen=True, kw_only=True, rename="camel"):
    """A test message and its outcome; `retry_at`: when there is a token again (wall time)."""

    outcome: Outcome
    provider_id: str | None = None
    error: str | None = None
    retry_at: datetime | None = None


class Rehearsal(Struct, frozen=True, kw_only=True):
    """A test of the whole way: its episode, and the delivery rows that it left."""

    episode: str
    dispatched: bool
    rows: tuple[Delivery, ...]


def known_channels(house: House) -> list[KnownChannel]:
    """Every address that an enabled rule names, in the rules' order, and the fallback."""
    rules = [rule for rule in every_rule(house) if rule.enabled]
    addresses = {channel_of(one): one for rule in rules for one in _addresses(rule)}
    fallback = channel_of(house.fallback) if house.fallback is not None else ""
    if house.fallback is not None:
        addresses.setdefault(fallback, house.fallback)
    closed = closures(house.config)
    return [
        KnownChannel(
            key=key,
            address=address,
            rules=tuple(rule.id for rule in rules if _names(rule, key)),
            is_fallback=key == fallback,
            problem=problem_of(address, house.channels),
            closure=closed.get(key),
        )
        for key, address in addresses.items()
    ]


def _addresses(rule: Rule) -> Sequence[Action]:
    return (*rule.actions, *rule.escalate_to)


def _names(rule: Rule, channel: str) -> bool:
    return any(channel_of(one) == channel for one in _addresses(rule))


def try_channel(target: str, channel: str, *, by: str, house: House, now: datetime) -> Trial:
    """Send one marked message, about `target`, through the real channel and within its budget.

    One that is taken opens a closed channel; one that is refused for good closes it. Raises
    NotFound for a channel that no rule names.
    """
    address = next((one.address for one in known_channels(house) if one.key == channel), None)
    if address is None:
        raise NotFound(f"there is no channel {channel[:60]!r}; GET channels lists them")
    trial = _try(target, address, by, house, now)
    if trial.outcome is Outcome.SENT:
        reopen(channel, house=house)
    _audit(target, "test_channel", channel, str(trial.outcome), by, house, now)
    return trial


def _try(target: str, address: Action, by: str, house: House, now: datetime) -> Trial:
    problem = problem_of(address, house.channels)
    if problem:
        return Trial(outcome=Outcome.REFUSED, error=problem)
    channel = house.channels[address.type]
    episode = rehearsal_id(now, secrets.token_hex(2))
    events = rehearsal(target, episode, [address], by=by, now=now)
    token = take_token(channel, Severity.LOW, house=house)
    if isinstance(token, Wait):
        return Trial(outcome=Outcome.NO_BUDGET, retry_at=token.until)
    try:
        provider_id = channel.send(compose(secrets.token_hex(16), address, events))
    except ChannelError as error:
        if error.permanent:
            close(address, error, house=house)
        outcome = Outcome.REFUSED if error.permanent else Outcome.FAILED
        return Trial(outcome=outcome, error=str(error))
    return Trial(outcome=Outcome.SENT, provider_id=provider_id)


def rehearse(
    target: str, routes: Sequence[Action], *, by: str, house: House, now: datetime
) -> Rehearsal:
    """Let a marked story go the way of a real one: outbox, dispatch, delivery, provider.

    There is no alert and no state of it, so nothing is open or shown while it goes on. What is
    not done after 25 s goes on by itself. Raises InvalidInput without anybody to tell.
    """
    addresses = list({channel_of(one): one for one in routes}.values())
    if not 1 <= len(addresses) <= MOST_CHANNELS:
        raise InvalidInput(f"a test needs 1 to {MOST_CHANNELS} channels, not {len(addresses)}")
    episode = rehearsal_id(now, secrets.token_hex(2))
    events = rehearsal(target, episode, addresses, by=by, now=now)
    with suppress(Conflict):  # the episode is nobody else's: only our own write's answer was lost
        house.alerts.commit(target, [Insert(outbox_key(episode, one.seq), one) for one in events])
    _audit(target, "test_path", episode, f"{len(addresses)} channels", by, house, now)
    end = house.wall() + WORK_FOR
    dispatch(target, house=house)
    _deliver(target, episode, house, lambda: house.wall() < end)
    rows = house.alerts.scan(target, f"delivery:{episode}:", Delivery)
    waits = house.alerts.keys(target, f"outbox:{episode}:")
    return Rehearsal(episode=episode, dispatched=not waits, rows=tuple(kept.value for kept in rows))


def _deliver(target: str, episode: str, house: House, keep_going: Callable[[], bool]) -> None:
    """Each channel once, and the fallback after them."""
    tried: set[str] = set()
    while keep_going():
        due = [one for one in waiting_groups(target, house=house) if one.episode == episode]
        channel = next((one.channel for one in due if one.channel not in tried), None)
        if channel is None:
            return
        tried.add(channel)
        deliver_one(target, episode, channel, house=house)


def _audit(
    target: str, action: str, subject: str, detail: str, by: str, house: House, now: datetime
) -> None:
    entry = AuditEntry(at=now, by=by, action=action, subject=subject, detail=detail)
    note_audit(target, entry, alerts=house.alerts)
