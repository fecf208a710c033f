"""The app itself: who it is, what the platform knows of it, and whether its telemetry arrives."""

from collections.abc import Iterator
from functools import partial

from shared import setting_ways as way
from shared.adapters.checkups import apps, setting_mends, telemetry
from shared.adapters.checkups.identities import Credentials
from shared.adapters.checkups.vaults import References, ask_vaults
from shared.domain.errors import Unwell
from shared.examinations.rounds import IDENTITY, Round
from shared.ports import Examination

RUN_BY_THEMSELVES = (
    *("tick", "watch", "roll_up", "advise", "send_report"),
    *("collect_target", "deliver"),
)
"""The functions that nobody calls: when the platform does not list them, nothing happens."""

CONNECTION = "APPLICATIONINSIGHTS_CONNECTION_STRING"
AUTHENTICATION = "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"
"""Settings of the host, which sends what the app logs."""
INGESTION_DOMAINS = (
    *("applicationinsights.azure.com", "services.visualstudio.com"),
    *("applicationinsights.us", "applicationinsights.azure.cn"),
)


def itself(on: Round) -> Iterator[Examination]:
    """Its settings; the identity, where one is used, and what it can see of its own app."""
    yield Examination(
        name="settings",
        breaks="what they describe is not watched, and there is no heartbeat",
        ask=partial(_doubt, on),
    )
    if not on.uses_identity:
        return
    yield identity(on.who)
    yield secrets(on.changes.references, on.who)
    yield _functions(on)
    connection = on.host.get(CONNECTION, "")
    if connection or not on.given.storage:
        yield Examination(
            name="telemetry",
            breaks="the log is empty: nobody can look back, and Azure's own alerts on the monitor "
            "ring for nothing or never",
            ask=partial(_send_line, on, connection, on.host.get(AUTHENTICATION, "")),
            after=IDENTITY,
        )


def _doubt(on: Round) -> str:
    """What describes a target wrongly: the others are watched all the same."""
    doubts = on.given.doubts
    if not doubts:
        return "can be used"
    mend = setting_mends.set_settings(
        dict.fromkeys(doubts, "<what would be right>"), on.who.identity
    )
    raise Unwell("; ".join(doubts.values()), mend=mend)


def identity(who: Credentials) -> Examination:
    """Whether there is a token at all."""
    return Examination(
        name="identity",
        breaks="nothing that the identity opens can be read or sent",
        ask=who.examine,
    )


def secrets(references: References, who: Credentials) -> Examination:
    """Whether the settings that refer to a vault have their secrets, and would have them again."""
    return Examination(
        name="secrets",
        breaks="settings without their secrets can't be used, and then nothing works: at once, or "
        "when the platform reads the vault again (each day, and after a change)",
        ask=lambda: ask_vaults(references.listed(), who.sure_token, lambda: who.identity),
        after=IDENTITY,
    )


def _send_line(on: Round, connection: str, authentication: str) -> str:
    try:
        to = telemetry.read_ingestion(connection, authentication)
        way.azure(*INGESTION_DOMAINS)(to.endpoint)
    except ValueError as error:
        new = "<connection string of Application Insights>"
        said = f"{CONNECTION} is not right: {error}" if connection else f"{CONNECTION} is not set"
        raise Unwell(
            said, mend=setting_mends.set_setting(CONNECTION, new, on.who.identity)
        ) from error
    return telemetry.send_line(
        to,
        on.wall(),
        on.who.sure_token,
        lambda: on.who.identity,
        workspace=on.given.own_workspace,
    )


def _functions(on: Round) -> Examination:
    return Examination(
        name="functions",
        breaks="what is not listed never runs: no pass, no message",
        ask=lambda: apps.ask_functions(
            on.given.monitor_endpoint, on.who.identity, on.management_token, RUN_BY_THEMSELVES
        ),
        after=IDENTITY,
    )
