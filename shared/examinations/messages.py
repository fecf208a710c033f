"""A test message to everybody whom a rule names: what only a real one tells."""

from collections.abc import Iterator
from functools import partial

from shared.adapters.checkups import mends
from shared.domain.deliveries import public_name
from shared.domain.rules import Action, ActionType
from shared.examinations.post import mend_sender
from shared.examinations.rounds import Round
from shared.ports import Examination
from shared.services import vitals
from shared.services.channels import known_channels

_HOOKS = {ActionType.WEBHOOK: "WEBHOOKS", ActionType.TEAMS: "TEAMS_WEBHOOKS"}


def messages(on: Round) -> Iterator[Examination]:
    """People get them, within each channel's budget."""
    home, first = on.house, on.given.targets[0]
    for channel in known_channels(home):
        address = channel.address
        mend = partial(_set_up, on, address)
        yield Examination(
            name=f"message to {address.type}:{public_name(address)}",
            breaks=f"the alerts of {', '.join(channel.rules) or 'the fallback'}",
            ask=partial(vitals.send_test, first, channel, mend=mend, house=home, now=on.now),
            after=("tables",),
        )


def _set_up(on: Round, address: Action) -> str:
    """What is wrong with a channel that lets us in, as a rule."""
    match address.type:
        case ActionType.EMAIL:
            return mend_sender(on)
        case ActionType.SMS:
            return on.setting("SMS_FROM", "<a number of the resource>")()
        case ActionType.SLACK:
            change = on.setting("SLACK_WEBHOOKS", "<URL of a new webhook>", address.target)()
            return f"{change}   # or, for the bot, in the channel: /invite @<bot>"
        case ActionType.WEBHOOK | ActionType.TEAMS as kind:
            return on.setting(_HOOKS[kind], "<url>", address.target)()
        case _:
            return mends.NOTHING
