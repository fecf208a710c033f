"""Which channels refused for good, kept in Config by the channel's key.

An economy that spares the provider and, most of all, time: whatever is wrong with these rows must
never keep a message from being sent.
"""

import logging
from contextlib import suppress

from shared.domain.closures import Closure, refused_again
from shared.domain.deliveries import channel_of, public_name
from shared.domain.errors import (
    ChannelError,
    Conflict,
    DamagedRow,
    NotAsked,
    StoreError,
    StoreUnavailable,
)
from shared.domain.records import Delete, Kept, put
from shared.domain.rules import Action
from shared.ports import House, Ledger

PARTITION = "channel"

_log = logging.getLogger(__name__)


def closures(config: Ledger) -> dict[str, Closure]:
    """Every closed channel, by its key."""
    return {kept.key: kept.value for kept in config.scan(PARTITION, "", Closure)}


def closure_of(channel: str, *, house: House) -> Closure | None:
    """The channel's closure, if it ever refused for good since it last took a message."""
    kept = _read(channel, house.config)
    return kept.value if kept is not None else None


def is_passed_over(channel: str, closure: Closure | None, *, house: House) -> bool:
    """Whether the channel is not to be asked just now.

    Never the last one that can tell: only where a fallback stands behind it.
    """
    behind = channel_of(house.fallback) if house.fallback is not None else channel
    return closure is not None and behind != channel and closure.holds(house.wall())


def close(address: Action, error: ChannelError, *, house: House) -> None:
    """Note that the channel refused for good; the refusal itself is somebody else's to handle.

    What our own checks refused, the channel did not: it is as open as before.
    """
    if isinstance(error, NotAsked):
        return
    channel = channel_of(address)
    kept = _read(channel, house.config)
    before = kept.value if kept is not None else None
    name = public_name(address)
    closure = refused_again(before, address.type, name, str(error), house.wall())
    try:
        house.config.commit(PARTITION, [put(channel, closure, kept)])
    except Conflict:
        return  # another worker notes the same
    except StoreError as broken:
        _log.warning("that channel %s refuses can't be noted: %s", channel, broken)


def reopen(channel: str, *, house: House) -> None:
    """A closed channel took a message, or somebody wants it asked again."""
    with suppress(StoreError):
        house.config.commit(PARTITION, [Delete(channel)])


def _read(channel: str, config: Ledger) -> Kept[Closure] | None:
    """The row; one that is damaged or out of reach closes nothing."""
    try:
        return config.get(PARTITION, channel, Closure)
    except DamagedRow as error:
        _log.error("%s", error)
        with suppress(StoreError):
            config.commit(PARTITION, [Delete(channel)])
    except StoreUnavailable as error:
        _log.warning("whether channel %s is closed can't be read: %s", channel, error)
    return None
