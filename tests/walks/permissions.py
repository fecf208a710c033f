"""What the desk's database lets the monitor read no more, for a while."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from local.rig import Rig

NUMBERS = (229, 262, 297, 300)
"""How a server says that something may not be read."""


@contextmanager
def refused(rig: Rig, name: str, number: int) -> Iterator[None]:
    """A view or table is refused by that number."""
    grants = rig.desk.database.grants
    grants.refuse(name, number)
    try:
        yield
    finally:
        grants.allow(name)


@contextmanager
def taken(rig: Rig, permissions: Sequence[str]) -> Iterator[None]:
    """Permissions are taken away."""
    grants = rig.desk.database.grants
    for permission in permissions:
        grants.take(permission)
    try:
        yield
    finally:
        for permission in permissions:
            grants.give(permission)
