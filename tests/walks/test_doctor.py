"""Each dependency broken in turn: the doctor names that one, what it breaks, and its mend."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pytest
from azure.identity import ManagedIdentityCredential

from local.azurite import SPARE_KEY, Azurite
from local.cloud import email, identity, resources, slack, teams, telemetry, webhooks
from local.cloud.faults import Fault
from local.cloud.sql.grants import VIEW_DATABASE_STATE, VIEW_DEFINITION, VIEW_SERVER_STATE
from local.rig import TARGET, Rig, running_rig
from local.world.engine import Script, ScriptedWorld
from shared import bootstrap, doctor, settings
from shared.adapters.queues import open_queues
from shared.catalog.sql_queries import COUNTS, NAME_SETS
from shared.domain.checkups import Checkup, Verdict, is_fit
from shared.domain.times import MINUTE
from shared.examinations import RUN_BY_THEMSELVES, examinations
from shared.examinations.veils import veiled
from shared.furnishing.sources import BY_LOGS
from shared.furnishing.storage import IDENTITY_PATIENCE
from shared.services.examine import PATIENCE, examine
from shared.services.minute import DELIVERIES_QUEUE, DeliveryMessage
from tests.walks.faulting import NOWHERE, START

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
OFF = timedelta(minutes=10)
STARTING_S = 10
"""For Python to start and to end on a machine that has much to do; without that, 3."""
WHO = f"--assignee-object-id {identity.PRINCIPAL} --assignee-principal-type ServicePrincipal"


@pytest.fixture(scope="module")
def rig(azurite: Azurite) -> Iterator[Rig]:
    """A monitor that has just done a minute's work, and lacks nothing."""
    world = ScriptedWorld(Script("calm", START, ()))
    account = azurite.fresh_account().connection_string
    changes = {"SLACK_BOT_TOKEN": slack.BOT_TOKEN}
    with running_rig(world, storage=account, now=START, changes=changes) as made:
        made.desk.functions |= {*RUN_BY_THEMSELVES, "health"}
        made.tick(START)
        yield made


def look(
    rig: Rig,
    changes: Mapping[str, str] | None = None,
    *,
    later: timedelta = timedelta(0),
    wall: Callable[[], datetime] = bootstrap.wall_now,
    send: bool = False,
) -> dict[str, Checkup]:
    """What a doctor finds who begins now, with other settings."""
    environment = {**rig.environment, **(changes or {})}
    given = settings.load(environment)
    credential = partial(ManagedIdentityCredential, **IDENTITY_PATIENCE)
    fresh = bootstrap.furnish(given, credential)
    home = replace(fresh, wall=rig.clock.wall)
    now = rig.clock.now + later
    found = examine(
        examinations(
            given, home, now=now, wall=wall, identity=credential, host=environment, send=send
        )
    )
    return {one.name: one for one in veiled(found, environment)}


@dataclass(frozen=True)
class Broken:
    """What is done, whose finding must name it, and a piece of the command that mends it."""

    name: str
    mend: str
    by: Callable[[Rig], AbstractContextManager[object]] = lambda _: nullcontext()
    changes: Mapping[str, str] = field(default_factory=dict)
    later: timedelta = timedelta(0)
    wall: Callable[[], datetime] = bootstrap.wall_now
    verdict: Verdict = Verdict.BROKEN
    also: tuple[str, ...] = ()
    """Others that the same cause breaks."""
    fit: bool | None = None
    """Whether nothing is broken; as a rule when it is only lacking."""


@contextmanager
def fault(answerer: str, kind: str, rig: Rig) -> Iterator[None]:
    rig.desk.faults.set(answerer, Fault(kind))
    try:
        yield
    finally:
        rig.desk.faults.clear(answerer)


def breaks(answerer: str, kind: str = "error") -> Callable[[Rig], AbstractContextManager[None]]:
    return partial(fault, answerer, kind)


@contextmanager
def _forbidden(answerer: str, rig: Rig) -> Iterator[None]:
    rig.desk.forbidden.add(answerer)
    try:
        yield
    finally:
        rig.desk.forbidden.discard(answerer)


def forbids(answerer: str) -> Callable[[Rig], AbstractContextManager[None]]:
    return partial(_forbidden, answerer)


@contextmanager
def _taken(permissions: tuple[str, ...], rig: Rig) -> Iterator[None]:
    grants = rig.desk.database.grants
    for permission in permissions:
        grants.take(permission)
    try:
        yield
    finally:
        for permission in permissions:
            grants.give(permission)


def takes(*permissions: str) -> Callable[[Rig], AbstractContextManager[None]]:
    return partial(_taken, permissions)


@contextmanager
def _refused(table: str, rig: Rig) -> Iterator[None]:
    rig.desk.database.grants.refuse(table)
    try:
        yield
    finally:
        rig.desk.database.grants.allow(table)


def refuses(table: str) -> Callable[[Rig], AbstractContextManager[None]]:
    return partial(_refused, table)


@contextmanager
def unlisted(rig: Rig) -> Iterator[None]:
    rig.desk.functions.remove("watch")
    try:
        yield
    finally:
        rig.desk.functions.add("watch")


@contextmanager
def stopped(rig: Rig) -> Iterator[None]:
    rig.desk.app_state = "Stopped"
    try:
        yield
    finally:
        rig.desk.app_state = "Running"


@contextmanager
def disabled(rig: Rig) -> Iterator[None]:
    rig.desk.disabled.add("watch")
    try:
        yield
    finally:
        rig.desk.disabled.remove("watch")


@contextmanager
def _emptied(secret: str, rig: Rig) -> Iterator[None]:
    rig.desk.secrets.remove(secret)
    try:
        yield
    finally:
        rig.desk.secrets.add(secret)


def loses(secret: str) -> Callable[[Rig], AbstractContextManager[None]]:
    return partial(_emptied, secret)


@contextmanager
def poisoned(rig: Rig) -> Iterator[None]:
    queues = open_queues(connection_string=rig.environment["AzureWebJobsStorage"])
    queue = f"{DELIVERIES_QUEUE}-poison"
    queues.put(queue, DeliveryMessage(TARGET, "episode", "channel"))
    try:
        yield
    finally:
        queues._service.get_queue_client(queue).clear_messages()


def no_queues(rig: Rig) -> AbstractContextManager[object]:
    return patch.dict(rig.environment, {"AzureWebJobsStorage": _elsewhere(rig, "Queue")})


def no_tables(rig: Rig) -> AbstractContextManager[object]:
    return patch.dict(rig.environment, {"AzureWebJobsStorage": _elsewhere(rig, "Table")})


def _elsewhere(rig: Rig, service: str) -> str:
    """The account, one of whose services is where nobody listens."""
    parts = rig.environment["AzureWebJobsStorage"].split(";")
    kept = [one for one in parts if one and not one.startswith(f"{service}Endpoint=")]
    nowhere = next(one for one in NOWHERE.split(";") if one.startswith(f"{service}Endpoint="))
    return ";".join([*kept, nowhere])


PUT = "az keyvault secret set --vault-name vault --name"
METRICS = tuple(f"{kind} of {TARGET}" for kind in ("plan", "app", "database"))
CRM = NAME_SETS["crm"]
COUNTED = {
    real: list(dict.fromkeys(query.source for query in COUNTS if f"[{table}]" in query.text))
    for table, real in CRM.items()
    if "." not in table
}
"""The CRM's tables, and the sources that count them."""
LOGIN = f"login to {TARGET}"
CONDUCT = f"security and logins of {TARGET}"
LOGGED = (
    CONDUCT,
    *(f"{one} of {TARGET}" for one in BY_LOGS if one not in ("security", "logins")),
)
"""Everything that is read from the workspace."""

PROGRAMS = ('new="$(az ', "az ", "sqlcmd ", "sudo ", "curl ", "python -m ")
SENTENCES = (
    "nothing to do here",
    "give the bot the scope",
    "mend the sources",
    "ask again",
)
"""What no command can do."""

CASES = [
    Broken(
        "settings",
        "--settings 'MORE_TARGETS=<what would be right>'",
        changes={"MORE_TARGETS": '{"ghost": {}}'},
    ),
    Broken(
        "identity",
        "az functionapp identity assign --ids",
        breaks("identity", "error"),
        also=("sign-in",),
    ),
    Broken("functions", f"{resources.MONITOR}/host/default/sync", unlisted),
    Broken("functions", f"az functionapp start --ids {resources.MONITOR}", stopped),
    Broken("functions", "--setting-names AzureWebJobs.watch.Disabled", disabled),
    Broken("secrets", f'--role "Key Vault Secrets User" {WHO}', forbids("vault")),
    Broken(
        "secrets",
        "az keyvault secret set --vault-name vault --name crm-token-key",
        loses("crm-token-key"),
    ),
    Broken("secrets", "az keyvault recover --name vault", breaks("vault", "refuse")),
    Broken(
        "telemetry",
        f'--role "Monitoring Metrics Publisher" {WHO} --scope '
        f"\"$(az monitor app-insights component show --query \"[?appId=='{telemetry.RESOURCE}']",
        forbids("telemetry"),
    ),
    Broken(
        "telemetry",
        "--settings APPLICATIONINSIGHTS_AUTHENTICATION_STRING=Authorization=AAD",
        changes={"APPLICATIONINSIGHTS_AUTHENTICATION_STRING": ""},
    ),
    Broken("telemetry", "nothing to do here", breaks("telemetry", "drop")),
    Broken("tables", "az storage account show --name", no_tables),
    Broken("queues", "az storage account show --name", no_queues),
    Broken(
        "poison",
        "az storage message clear --queue-name deliveries-poison",
        poisoned,
        verdict=Verdict.LACKING,
    ),
    Broken(
        "clock", "az functionapp restart --ids", wall=lambda: bootstrap.wall_now() + OFF, also=()
    ),
    Broken(
        f"probe of {TARGET}",
        f"/api/health || az webapp restart --ids {resources.APP}",
        breaks("crm"),
    ),
    Broken(
        METRICS[0],
        f'--role "Monitoring Reader" {WHO} --scope {resources.PLAN}',
        forbids("platform"),
        also=(*METRICS[1:], "functions", "secrets"),
    ),
    Broken(
        "functions",
        f'--role "Monitoring Reader" {WHO} --scope {resources.MONITOR}',
        forbids("platform"),
        verdict=Verdict.LACKING,
        fit=False,
        also=(*METRICS, "secrets"),
    ),
    Broken(
        METRICS[1],
        "nothing to do here",
        breaks("platform", "refuse"),
        also=METRICS,
    ),
    Broken(
        f"logs of {TARGET}",
        f'--role "Log Analytics Reader" {WHO}',
        forbids("logs"),
        also=LOGGED,
    ),
    Broken(
        CONDUCT,
        f'--role "Log Analytics Reader" {WHO}',
        forbids("logs"),
        also=LOGGED,
    ),
    Broken(
        f"logs of {TARGET}",
        "nothing to do here",
        breaks("logs", "throttle"),
        also=LOGGED,
    ),
    Broken(
        f"logs of {TARGET}",
        "az resource list",
        changes={"LOG_ANALYTICS_WORKSPACE_ID": "9a1f6f3c-2b64-4f0e-8a57-000000000000"},
        also=LOGGED,
    ),
    Broken(LOGIN, f"az sql db show --ids {resources.DATABASE}", breaks("sql", "refuse")),
    Broken(
        LOGIN,
        "--settings 'SQL_PASSWORD=",
        changes={"SQL_USER": "nobody", "SQL_PASSWORD": "wrong"},
    ),
    Broken(
        f"VIEW DATABASE STATE on {TARGET}",
        "GRANT VIEW DATABASE STATE TO [pantry-monitor]",
        takes(VIEW_DATABASE_STATE, VIEW_SERVER_STATE),
        also=(f"##MS_ServerStateReader## on {TARGET}",),
    ),
    Broken(
        f"##MS_ServerStateReader## on {TARGET}",
        "EXEC (N'CREATE LOGIN [pantry-monitor] FROM EXTERNAL PROVIDER'); "
        "ALTER SERVER ROLE [##MS_ServerStateReader##] ADD MEMBER [pantry-monitor]",
        takes(VIEW_SERVER_STATE),
        verdict=Verdict.LACKING,
    ),
    Broken(
        f"VIEW DEFINITION on {TARGET}",
        "GRANT VIEW DEFINITION TO [pantry-monitor]",
        takes(VIEW_DEFINITION),
        verdict=Verdict.LACKING,
    ),
    *(
        Broken(
            f"{first} of {TARGET}",
            f"GRANT SELECT ON OBJECT::[{table}] ([",
            refuses(table),
            also=tuple(f"{one} of {TARGET}" for one in others),
        )
        for table, (first, *others) in COUNTED.items()
    ),
    Broken(
        f"users of {TARGET}",
        """'BUSINESS_NAMES={"sessions": "<what Nowhere is called>", "sessions.seenAt": "<what""",
        changes={"BUSINESS_NAMES": '{"sessions": "Nowhere"}'},
    ),
    Broken("mail", f'{PUT} acs-connection-string --value "$new"', forbids("email")),
    Broken("mail", "az communication list", breaks("email", "refuse")),
    Broken(
        "sender",
        "--query properties.linkedDomains && az functionapp config appsettings set",
        changes={"MAIL_FROM": "DoNotReply@elsewhere.example.com"},
    ),
    Broken("sms", f'{PUT} sms-connection-string --value "$new"', forbids("sms")),
    Broken("slack bot", "the scope chat:write", changes={"SLACK_BOT_TOKEN": "xoxb-revoked"}),
    Broken(
        "slack #alerts",
        f'{PUT} slack-webhooks --value "$new" --output none',
        forbids("slack"),
        also=("slack #performance", "slack bot"),
    ),
    Broken(
        "webhook ops",
        f"{PUT} webhooks",
        breaks("webhooks", "refuse"),
        also=("webhook tickets",),
    ),
    Broken(
        "teams operations",
        f"{PUT} teams-webhooks",
        breaks("teams", "refuse"),
        also=("teams management",),
    ),
    Broken(
        "heartbeat",
        f"{PUT} heartbeat-url",
        changes={"HEARTBEAT_URL": "http://127.0.0.1:1/ping"},
    ),
    Broken(
        "sign-in", "--settings 'AUTH_JWKS_URL=", breaks("identity", "garbage"), also=("identity",)
    ),
    Broken(f"last pass over {TARGET}", "host/default/sync", later=5 * MINUTE),
    Broken(
        "followers", "'ALERT_EMAIL=<address>'", changes={"ALERT_EMAIL": ""}, verdict=Verdict.LACKING
    ),
    Broken(
        "rules",
        "'APP_SERVICE_PLAN_ID=<",
        changes={"APP_SERVICE_PLAN_ID": ""},
        verdict=Verdict.LACKING,
    ),
]


def test_nothing_is_wrong_with_a_monitor_that_lacks_nothing(rig: Rig) -> None:
    found = look(rig)

    assert {name: one for name, one in found.items() if one.verdict is not Verdict.WELL} == {}
    assert rig.desk.inbox.records("webhooks") == []


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{place}-{case.name}" for place, case in enumerate(CASES)]
)
def test_what_is_broken_is_named_with_what_mends_it(rig: Rig, case: Broken) -> None:
    with case.by(rig):
        found = look(rig, case.changes, later=case.later, wall=case.wall)

    ill = {
        name: one for name, one in found.items() if one.verdict in (Verdict.BROKEN, Verdict.LACKING)
    }
    assert case.name in ill
    assert ill.keys() <= {case.name, *case.also}
    assert ill[case.name].verdict is case.verdict
    assert case.mend in ill[case.name].mend
    assert_can_be_pasted(ill.values())
    fit = case.verdict is Verdict.LACKING if case.fit is None else case.fit
    assert is_fit(found.values()) == fit


def assert_can_be_pasted(ill: Iterable[Checkup]) -> None:
    """Each says what it breaks, and a shell understands its mend, what is in <> included."""
    for one in ill:
        assert one.breaks, one
        if one.mend.startswith(PROGRAMS):
            checked = subprocess.run(["sh", "-n", "-c", one.mend], capture_output=True, check=False)
            assert checked.returncode == 0, one.mend
            assert "&&" not in one.mend.partition("   # ")[2], one.mend
        else:
            assert one.mend.startswith(SENTENCES), one.mend


def test_every_kind_of_examination_was_broken(rig: Rig) -> None:
    broken = {name for case in CASES for name in (case.name, *case.also)}

    assert {name for name in look(rig) if name not in broken} == set()


def test_behind_a_broken_identity_nothing_is_blamed_on_others(rig: Rig) -> None:
    with fault("identity", "error", rig):
        found = look(rig)

    untried = {name for name, one in found.items() if one.verdict is Verdict.UNTRIED}
    assert {*METRICS, LOGIN, f"logs of {TARGET}", "functions"} <= untried
    assert found[LOGIN].said == "it needs identity first"


@contextmanager
def all_broken(kind: str, rig: Rig, *, but: Collection[str] = ()) -> Iterator[None]:
    faults = rig.desk.faults
    for name in set(faults.names) - {"desk", *but}:
        faults.set(name, Fault(kind))
    try:
        yield
    finally:
        faults.clear()


def run(rig: Rig, *options: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """The program as somebody starts it, and how many seconds it took."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "shared.doctor", *options],
        cwd=ROOT,
        env={**rig.environment, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done, time.monotonic() - began


def test_it_ends_in_time_though_everything_hangs(rig: Rig) -> None:
    with all_broken("hang", rig, but=["identity"]):
        done, took = run(rig)

    assert took < PATIENCE.total_seconds() + STARTING_S
    assert done.returncode == 1
    assert done.stderr == ""
    assert f"untried  VIEW DEFINITION on {TARGET}" in done.stdout
    *_, broken, untried = done.stdout.splitlines()
    assert broken.startswith("broken: telemetry, ")
    assert untried.startswith("untried: secrets, functions, ")
    assert "mend:   az sql db show --ids" in done.stdout


SECRETS = (
    *(email.ACCESS_KEY, slack.SECRET, slack.BOT_TOKEN, webhooks.SECRET, webhooks.KEY),
    *(teams.SIGNATURE, SPARE_KEY),
)


@pytest.mark.parametrize("kind", ["garbage", "wrong_shape", "drop", "error"])
def test_whatever_goes_wrong_no_secret_is_told(rig: Rig, kind: str) -> None:
    secrets = {*SECRETS, rig.environment["CRM_TOKEN_KEY"]}
    with all_broken(kind, rig, but=["identity"]):
        found = look(rig).values()

    told = doctor.as_text([*found])
    assert {one for one in secrets if one not in str(rig.environment)} == set()
    assert {one for one in secrets if one in told} == set()
    assert_can_be_pasted(one for one in found if one.verdict is Verdict.BROKEN)


def test_test_messages_are_sent_when_they_are_wanted_and_only_then(rig: Rig) -> None:
    found = look(rig, send=True)

    sent = {name: one.verdict for name, one in found.items() if name.startswith("message to ")}
    assert sent["message to email:admin@example.com"] is Verdict.WELL
    assert sent["message to slack:#alerts"] is Verdict.WELL


def test_a_sender_that_the_mail_service_does_not_take_is_found_by_a_message(rig: Rig) -> None:
    found = look(rig, {"MAIL_FROM": "DoNotReply@elsewhere.example.com"}, send=True)

    ill = found["message to email:admin@example.com"]
    assert (found["mail"].verdict, ill.verdict) == (Verdict.WELL, Verdict.BROKEN)
    assert "DomainNotLinked" in ill.said
    assert "--query properties.linkedDomains && az functionapp" in ill.mend
    assert_can_be_pasted([ill])
