"""What people do to rules: save, remove, reset.

A change is one row of Config, written under its ETag. The evaluator reads it in its next pass and
closes the stories that the change ends.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from shared.domain.errors import Conflict, InvalidRule, NotFound, StoreUnavailable
from shared.domain.handling import AuditEntry
from shared.domain.records import Delete, Write, put
from shared.domain.rules import KeptRule, Rule
from shared.ports import House
from shared.services.audits import note_audit
from shared.services.manage import MOST_TRIES, end_silence
from shared.services.rulebook import Entry, entry_of
from shared.services.targets import RULES

RESERVED = frozenset({"backtest"})
"""Ids that the routes need for themselves."""
LONGEST_DETAIL = 1000

Check = Callable[[str | None], None]
"""Raises when what the caller saw is not what is there: the rule's ETag, None for no rule."""
Change = Callable[[Entry], KeptRule | None]
"""What is to be kept; None: nothing, so that the shipped rule counts if there is one."""


class Editor(Struct, frozen=True, kw_only=True):
    """Who changes a rule, having seen what `check` says; `targets`: all that are watched."""

    by: str
    check: Check
    targets: Sequence[str]


def save_rule(rule: Rule, editor: Editor, *, house: House, now: datetime) -> None:
    """Create the rule, or replace the one of that id; measuring anew starts a new story."""
    if rule.id in RESERVED:
        raise InvalidRule(f"{rule.id!r} is a word of the API; give the rule another id")

    def change(entry: Entry) -> KeptRule:
        is_new = entry.rule is None
        created_at = now if is_new else _created_at(entry)
        return KeptRule(rule, created_at, edited_at=now, edited_by=editor.by)

    _change(rule.id, "save_rule", change, editor, house, now)


def remove_rule(rule_id: str, editor: Editor, *, house: House, now: datetime) -> bool:
    """Remove an own rule; a shipped one is disabled. Answers whether it is gone."""
    is_gone = _existing(rule_id, house).shipped is None

    def change(entry: Entry) -> KeptRule | None:
        if is_gone or entry.rule is None:
            return None
        off = replace(entry.rule, enabled=False)
        return KeptRule(off, _created_at(entry), edited_at=now, edited_by=editor.by)

    _change(rule_id, "remove_rule", change, editor, house, now)
    return is_gone


def reset_rule(rule_id: str, editor: Editor, *, house: House, now: datetime) -> None:
    """Back to the rule as it is shipped; raises InvalidRule for one that never was."""
    if _existing(rule_id, house).shipped is None:
        raise InvalidRule(f"rule {rule_id!r} is your own and has no default; delete it instead")
    _change(rule_id, "reset_rule", lambda _: None, editor, house, now)


def _existing(rule_id: str, house: House) -> Entry:
    entry = entry_of(rule_id, house)
    if entry.rule is None:
        raise NotFound(f"there is no rule {rule_id[:100]!r}")
    return entry


def _created_at(entry: Entry) -> datetime | None:
    return entry.kept.value.created_at if entry.kept is not None else None


def _change(
    rule_id: str, action: str, change: Change, editor: Editor, house: House, now: datetime
) -> None:
    """Check, change and write until nobody interferes; what is so already is left alone."""
    for _ in range(MOST_TRIES):
        before = entry_of(rule_id, house)
        editor.check(before.etag)
        wanted = change(before)
        rule = wanted.rule if wanted is not None else before.shipped
        if _is_so(before, wanted):
            return
        _end_silences(before.rule, rule, editor, house, now)
        if _write(rule_id, before, wanted, house):
            _audit(action, before.rule, rule, editor, house, now)
            return
    raise StoreUnavailable("others kept changing this rule; try again")


def _is_so(before: Entry, wanted: KeptRule | None) -> bool:
    return before.kept is None if wanted is None else before.rule == wanted.rule


def _write(rule_id: str, before: Entry, wanted: KeptRule | None, house: House) -> bool:
    """Whether the rule is as wanted; False when somebody else wrote first."""
    try:
        house.config.commit(RULES, _writes(rule_id, before, wanted))
    except Conflict:
        # Only the answer of our own write may be lost.
        stored = house.config.get(RULES, rule_id, KeptRule)
        return (stored.value if stored is not None else None) == wanted
    return True


def _writes(rule_id: str, before: Entry, wanted: KeptRule | None) -> list[Write]:
    if wanted is not None:
        return [put(rule_id, wanted, before.kept)]
    return [Delete(rule_id, before.kept.etag)] if before.kept is not None else []


def _end_silences(
    before: Rule | None, after: Rule | None, editor: Editor, house: House, now: datetime
) -> None:
    """Raising a rule's severity ends its silence on every target.

    Before the rule is written: if the write then fails, a silence ended too soon, which is heard;
    the other way round one would go on that nobody means any more.
    """
    if before is None or after is None or after.severity.rank <= before.severity.rank:
        return
    for target in _targets(editor, before, after):
        end_silence(target, before, by=editor.by, house=house, now=now)


def _audit(
    action: str,
    before: Rule | None,
    after: Rule | None,
    editor: Editor,
    house: House,
    now: datetime,
) -> None:
    """A line for every target that the rule watched or watches."""
    rule = after or before
    if rule is None:
        return
    entry = AuditEntry(
        at=now, by=editor.by, action=action, subject=rule.id, detail=_detail(before, after)
    )
    for target in _targets(editor, before, after):
        note_audit(target, entry, alerts=house.alerts)


def _targets(editor: Editor, *rules: Rule | None) -> Iterable[str]:
    """The watched targets that one of the rules is for, enabled or not."""
    known = [rule for rule in rules if rule is not None]
    return [
        target
        for target in editor.targets
        if any(rule.targets is None or target in rule.targets for rule in known)
    ]


def _detail(before: Rule | None, after: Rule | None) -> str:
    """What differs, with both values; of addresses only that they do."""
    if before is None or after is None:
        return "created" if before is None else "removed"
    old, new = _fields(before), _fields(after)
    changes = [_difference(name, old[name], new[name]) for name in new if old[name] != new[name]]
    return ", ".join(changes)[:LONGEST_DETAIL]


def _fields(rule: Rule) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(rule)
    return fields


def _difference(name: str, old: Any, new: Any) -> str:
    is_list = isinstance(old, list) or isinstance(new, list)
    return name if is_list else f"{name} {old} → {new}"
