"""Rows that are written anew in any case: one that is damaged is thrown away and stops nobody."""

import logging
from contextlib import suppress
from typing import TypeVar

from shared.domain.errors import Conflict, DamagedRow
from shared.domain.records import MOST_WRITES, Delete, Kept
from shared.ports import Ledger

T = TypeVar("T")

_log = logging.getLogger(__name__)


def read_or_drop(partition: str, key: str, kind: type[T], *, ledger: Ledger) -> Kept[T] | None:
    """The row; None when there is none, or it can't be read and is gone now."""
    try:
        return ledger.get(partition, key, kind)
    except DamagedRow as error:
        _log.error("%s begins anew: %s", partition, error)
        with suppress(Conflict):
            ledger.commit(partition, [Delete(key)])
        return None


def scan_or_drop(partition: str, prefix: str, kind: type[T], *, ledger: Ledger) -> list[Kept[T]]:
    """The rows whose key begins so; those that can't be read are gone then.

    Else none of their keys could be inserted again. Keys are asked for first: what others insert
    meanwhile stays.
    """
    keys = ledger.keys(partition, prefix)
    found = ledger.scan(partition, prefix, kind)
    lost = sorted({*keys} - {one.key for one in found})[:MOST_WRITES]
    if lost:
        with suppress(Conflict):
            ledger.commit(partition, [Delete(key) for key in lost])
    return found
