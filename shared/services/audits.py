"""Lines of the audit that stand alone; what changes rows beside it goes in their transaction."""

import secrets
from contextlib import suppress

from shared.domain.errors import Conflict
from shared.domain.handling import AuditEntry
from shared.domain.records import Insert, audit_key
from shared.ports import Ledger


def note_audit(target: str, entry: AuditEntry, *, alerts: Ledger, unique: str = "") -> None:
    """Note who did what; a line that is there already is ours, and only its answer was lost.

    `unique` tells it from others of its second; whoever gives one may note it again and again.
    """
    key = audit_key(entry.at, unique or secrets.token_hex(4))
    with suppress(Conflict):
        alerts.commit(target, [Insert(key, entry)])
