"""Whether the monitor lives: passes end, rules can fire, and somebody hears of it."""

from collections.abc import Iterator
from functools import partial

from shared.adapters.checkups import mends
from shared.domain.deliveries import public_name
from shared.examinations.rounds import Round
from shared.ports import Examination
from shared.services import vitals
from shared.services.channels import known_channels

_TABLES = ("tables",)


def life(on: Round) -> Iterator[Examination]:
    """What only the stored past can tell."""
    home = on.house
    named = "docs/settings.md names the setting that each sentence is about"
    for target in on.given.targets:
        mend = partial(_start_again, on)
        yield Examination(
            name=f"last pass over {target}",
            breaks="the figures are old, and no alert fires or ends",
            ask=partial(vitals.last_cycle, target, mend=mend, house=home, now=on.now),
            after=_TABLES,
        )
    yield Examination(
        name="rules",
        breaks="these rules can't fire, or their past has holes",
        ask=partial(vitals.can_fire, home, mend=named),
        after=_TABLES,
    )
    yield Examination(
        name="followers",
        breaks="these alerts reach the fallback alone, or nobody",
        ask=partial(vitals.can_tell, home, mend=named),
        after=_TABLES,
    )


def messages(on: Round) -> Iterator[Examination]:
    """A test message to everybody whom a rule names."""
    home, first = on.house, on.given.targets[0]
    for channel in known_channels(home):
        address = channel.address
        said = f"what {address.type} answered says what is wrong; docs/settings.md sets it up"
        yield Examination(
            name=f"message to {address.type}:{public_name(address)}",
            breaks=f"the alerts of {', '.join(channel.rules) or 'the fallback'}",
            ask=partial(vitals.send_test, first, channel, mend=said, house=home, now=on.now),
            after=_TABLES,
        )


def _start_again(on: Round) -> str:
    who = on.who.identity
    return f"{mends.sync_triggers(who)}; {mends.restart_monitor(who)}"
