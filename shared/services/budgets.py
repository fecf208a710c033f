"""One row of tokens per provider's resource, taken under its ETag by whoever is to send."""

import logging
from datetime import timedelta

from shared.domain.budgets import TOKEN_LIFE, Spent, Taken, Wait, take
from shared.domain.errors import Conflict, DamagedRow, StoreUnavailable
from shared.domain.records import Delete, Kept, put
from shared.domain.rules import Severity
from shared.ports import Channel, House, Ledger

PARTITION = "budget"
MOST_TRIES = 5
SHORTLY = timedelta(seconds=15)
"""Until the next try when the tokens themselves are out of reach, or too many want them."""

_log = logging.getLogger(__name__)


def take_token(channel: Channel, severity: Severity, *, house: House) -> Taken | Wait:
    """A token for one message through `channel`, to be sent at once; without limits there is one.

    A token is spent once it is stored, whatever becomes of the message or of the store's answer.
    """
    if channel.type not in house.budgets:
        return Taken(Spent())
    began = house.wall()
    answer = _take(channel, severity, house)
    if isinstance(answer, Taken) and house.wall() - began > TOKEN_LIFE:
        _log.warning("a token of %s came too late to be used", channel.type)
        answer = None
    return answer or Wait(house.wall() + SHORTLY)


def _take(channel: Channel, severity: Severity, house: House) -> Taken | Wait | None:
    """The answer of the row; None when it can't be had just now."""
    try:
        tries = (_try(channel, severity, house) for _ in range(MOST_TRIES))
        return next((answer for answer in tries if answer is not None), None)
    except StoreUnavailable as error:
        _log.warning("the budget of %s is out of reach: %s", channel.type, error)
        return None


def _try(channel: Channel, severity: Severity, house: House) -> Taken | Wait | None:
    """One reading and writing of the row; None when somebody else wrote in between."""
    kept = _read(channel.type, house.config)
    answer = take(
        kept.value if kept is not None else Spent(),
        severity,
        limits=house.budgets[channel.type],
        send_time=channel.timeout,
        wall=house.wall(),
    )
    if isinstance(answer, Taken):
        try:
            house.config.commit(PARTITION, [put(channel.type, answer.spent, kept)])
        except Conflict:
            return None
    return answer


def _read(resource: str, config: Ledger) -> Kept[Spent] | None:
    """The row; a damaged one is thrown away: the provider counts too, and people must be told."""
    try:
        return config.get(PARTITION, resource, Spent)
    except DamagedRow as error:
        _log.error("the budget of %s starts anew: %s", resource, error)
        _forget(resource, config)
        return None


def _forget(resource: str, config: Ledger) -> None:
    try:
        config.commit(PARTITION, [Delete(resource)])
    except Conflict:
        return  # somebody else did
