"""Whether the monitor lives: passes end, rules can fire, and somebody hears of it."""

from collections.abc import Iterator, Sequence
from functools import partial

from shared.adapters.checkups import mends, setting_mends
from shared.examinations.rounds import Round
from shared.ports import Examination
from shared.services import vitals

RESOURCES = {
    "plan": "APP_SERVICE_PLAN_ID",
    "app": "APP_SERVICE_ID",
    "database": "SQL_DATABASE_ID",
    "workspace": "LOG_ANALYTICS_WORKSPACE_ID",
    "health_url": "HEALTH_URL",
}
"""The settings by which the first target is measured; those of others are in MORE_TARGETS."""
EXAMPLES = {
    "LOG_ANALYTICS_WORKSPACE_ID": "GUID of its workspace",
    "HEALTH_URL": "https://…/api/health",
    "ALERT_EMAIL": "address",
    "ACS_ENDPOINT": "https://….communication.azure.com",
    "MAIL_FROM": "DoNotReply@…",
    "FALLBACK_CHANNEL": "type:target",
}
SOURCES = "mend the sources that are named here; of other targets, what MORE_TARGETS lacks"
CHANNELS = "python -m shared.doctor --send   # what each channel answers to a real message"

_TABLES = ("tables",)


def life(on: Round) -> Iterator[Examination]:
    """What only the stored past can tell."""
    home = on.house
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
        ask=partial(vitals.can_fire, home, mend=partial(_measure_more, on)),
        after=_TABLES,
    )
    yield Examination(
        name="followers",
        breaks="these alerts reach the fallback alone, or nobody",
        ask=partial(vitals.can_tell, home, mend=partial(_tell_more, on)),
        after=_TABLES,
    )


def _measure_more(on: Round) -> str:
    """The resources of the first target that no setting names; else its sources are the trouble."""
    its = on.given.resources[on.given.targets[0]]
    empty = [name for field, name in RESOURCES.items() if not getattr(its, field)]
    return _set_all(on, empty) or SOURCES


def _tell_more(on: Round) -> str:
    """The settings without which nobody is told by mail, or nobody at last."""
    given = on.given
    by_mail = given.acs or given.acs_endpoint
    empty = [
        *(() if given.alert_email else ("ALERT_EMAIL",)),
        *(() if by_mail else ("ACS_ENDPOINT", "MAIL_FROM")),
        *(() if given.fallback_channel else ("FALLBACK_CHANNEL",)),
    ]
    return _set_all(on, empty) or CHANNELS


def _set_all(on: Round, names: Sequence[str]) -> str:
    values = {name: f"<{EXAMPLES.get(name, 'resource id')}>" for name in names}
    return setting_mends.set_settings(values, on.who.identity) if values else ""


def _start_again(on: Round) -> str:
    who = on.who.identity
    return f"{mends.sync_triggers(who)} && {mends.restart_monitor(who)}"
