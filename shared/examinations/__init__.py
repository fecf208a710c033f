"""What a doctor examines: furnished like the house, from the same settings (docs/adr/020).

Each examination really asks. Nothing is stored but a row and a message that are gone at once and a
line in the log, and nobody is told anything.
"""

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from shared import bootstrap
from shared.adapters.checkups.identities import Credentials
from shared.domain.checkups import Checkup
from shared.examinations.account import account
from shared.examinations.bill import bill
from shared.examinations.changes import management_scope
from shared.examinations.itself import RUN_BY_THEMSELVES, itself
from shared.examinations.life import life
from shared.examinations.messages import messages
from shared.examinations.people import providers
from shared.examinations.rounds import Round, app_id_in, is_inside
from shared.examinations.targets import sources_of
from shared.examinations.veils import veiled
from shared.furnishing.storage import open_identity
from shared.ports import Examination, House, WallClock
from shared.services.examine import examine
from shared.settings import Settings

__all__ = ["RUN_BY_THEMSELVES", "app_id_in", "checkups", "examinations", "management_scope"]


def examinations(
    given: Settings,
    home: House,
    *,
    now: datetime,
    wall: WallClock,
    identity: Callable[[], Any] = open_identity,
    host: Mapping[str, str] | None = None,
    app_id: str = "",
    send: bool = False,
) -> list[Examination]:
    """All of them, in the order in which their findings are told.

    `host`: the environment that the settings are from; without it this process's. `send`: a test
    message through every channel, too, which people get.
    """
    host = os.environ if host is None else host
    known = app_id or app_id_in(host) or given.own_app
    scope = management_scope(given.monitor_endpoint)
    who = Credentials(identity, scope, known, inside=is_inside(host))
    on = Round(given, home, who, now, wall, host)
    return [
        *itself(on),
        *account(on),
        *(one for target in given.targets for one in sources_of(target, on)),
        *providers(on),
        *life(on),
        *bill(on),
        *(messages(on) if send else ()),
    ]


def checkups() -> list[Checkup]:
    """Everything examined with the settings and over the house of this process."""
    given, home, now = bootstrap.settings(), bootstrap.house(), bootstrap.utc_now()
    found = examine(examinations(given, home, now=now, wall=bootstrap.wall_now))
    return veiled(found, os.environ)
