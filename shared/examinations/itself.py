"""The app itself: who it is, and whether the platform knows its functions."""

from collections.abc import Iterator

from shared.adapters.checkups import apps, mends
from shared.catalog.platform_metrics import NAMESPACES
from shared.examinations.rounds import IDENTITY, Round, management_scope
from shared.furnishing.sources import BY_LOGS
from shared.ports import Examination

RUN_BY_THEMSELVES = (
    *("tick", "watch", "roll_up", "advise", "send_report"),
    *("collect_target", "deliver"),
)
"""The functions that nobody calls: when the platform does not list them, nothing happens."""


def itself(on: Round) -> Iterator[Examination]:
    """The identity, where one is used, and what it can see of its own app."""
    if not _uses_identity(on):
        return
    yield Examination(
        name="identity",
        breaks="nothing that the identity opens can be read or sent",
        ask=on.who.examine,
    )
    yield Examination(
        name="functions",
        breaks="what is not listed never runs: no pass, no message",
        ask=lambda: apps.ask_functions(
            on.given.monitor_endpoint,
            on.who.identity.app_id,
            lambda: on.who.token(management_scope(on.given)),
            RUN_BY_THEMSELVES,
            lambda: mends.sync_triggers(on.who.identity),
        ),
        after=IDENTITY,
    )


def _uses_identity(on: Round) -> bool:
    given = on.given
    kinds = {kind for sources in on.house.measured.values() for kind in sources}
    asked = kinds & (NAMESPACES.keys() | set(BY_LOGS)) or (given.databases and not given.sql_user)
    return bool(asked or given.acs_endpoint or not given.storage)
