"""Maintenance windows: who may be left in peace, and until when.

A window is a row of `Config`; whatever decides reads it anew, so that it begins and ends by itself.
"""

import re
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from shared.domain.errors import Conflict, InvalidInput, NotFound, StoreUnavailable
from shared.domain.handling import AuditEntry
from shared.domain.maintenance import Window
from shared.domain.maintenance_wishes import WindowWish, new_window
from shared.domain.records import MOST_WRITES, Delete, Insert, Replace, short_hash
from shared.domain.rules import KeptRule
from shared.domain.times import minute_key
from shared.ports import House, Ledger
from shared.services.audits import note_audit
from shared.services.targets import RULES

WINDOWS = "maintenance"
MOST_WINDOWS = 50
MOST_TRIES = 5
WINDOW_ID = re.compile(r"\d{8}t\d{4}z-[0-9a-f]{8}")
KEPT_FOR = timedelta(days=30)
"""A window that is over stays as long, for minutes that are folded late and for people's memory."""


def windows(*, config: Ledger) -> list[Window]:
    """Every stored window, oldest first; those that are over keep quiet what they covered."""
    return [kept.value for kept in config.scan(WINDOWS, "", Window)]


def add_window(
    wish: WindowWish, *, by: str, targets: Sequence[str], house: House, now: datetime
) -> Window:
    """Store the window that was asked for.

    Raises InvalidInput when the wish makes no sense or there are 50 windows already.
    """
    window_id = f"{minute_key(now).lower()}-{secrets.token_hex(4)}"
    window = new_window(
        wish, window_id=window_id, by=by, now=now, targets=targets, rules=_rule_ids(house)
    )
    _make_room(house.config, now)
    _insert(window, house.config)
    _audit(window, "maintenance_added", by, targets, house, now)
    return window


def _insert(window: Window, config: Ledger) -> None:
    """Its id is nobody else's: one that is there was written by us, and the answer was lost."""
    try:
        config.commit(WINDOWS, [Insert(window.id, window)])
    except Conflict:
        stored = config.get(WINDOWS, window.id, Window)
        if stored is None or stored.value != window:
            raise


def _rule_ids(house: House) -> set[str]:
    stored = house.config.scan(RULES, "", KeptRule)
    return {rule.id for rule in house.rules} | {kept.key for kept in stored}


def _make_room(config: Ledger, now: datetime) -> None:
    """Refuse more windows than a pass should look at."""
    drop_past_windows(config=config, now=now)
    if sum(not window.is_over(now) for window in windows(config=config)) >= MOST_WINDOWS:
        raise InvalidInput(f"there are {MOST_WINDOWS} maintenance windows already; end one first")


def drop_past_windows(*, config: Ledger, now: datetime) -> int:
    """Drop what was over long ago; answers how many windows went."""
    kept = config.scan(WINDOWS, "", Window)
    gone = [one for one in kept if one.value.is_over(now - KEPT_FOR)][:MOST_WRITES]
    if gone:
        try:
            config.commit(WINDOWS, [Delete(one.key, one.etag) for one in gone])
        except Conflict:
            return 0
    return len(gone)


def end_window(
    window_id: str, *, by: str, targets: Sequence[str], house: House, now: datetime
) -> Window:
    """End the window now and for good; what still fires is told by the next pass. Idempotent.

    Raises NotFound for an unknown window, StoreUnavailable when others keep writing first.
    """
    is_id = WINDOW_ID.fullmatch(window_id)
    for _ in range(MOST_TRIES):
        kept = house.config.get(WINDOWS, window_id, Window) if is_id else None
        if kept is None:
            raise NotFound(f"there is no maintenance window {window_id[:63]!r}")
        ended = kept.value
        if not ended.is_over(now):
            ended = replace(ended, ended_at=now, ended_by=by)
            try:
                house.config.commit(WINDOWS, [Replace(kept.key, ended, kept.etag)])
            except Conflict:
                continue
        if ended.ended_at is not None:  # also after a lost answer
            _audit(ended, "maintenance_ended", ended.ended_by or by, targets, house, ended.ended_at)
        return ended
    raise StoreUnavailable("others kept changing this window; try again")


def _audit(
    window: Window,
    action: str,
    by: str,
    targets: Collection[str],
    house: House,
    at: datetime,
) -> None:
    """Say it in the audit of every target concerned, once however often it is tried."""
    unique = short_hash(window.id, action)
    entry = AuditEntry(at=at, by=by, action=action, subject=window.id, note=window.note)
    for target in targets:
        if window.targets is None or target in window.targets:
            note_audit(target, entry, alerts=house.alerts, unique=unique)
