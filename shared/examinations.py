"""What a doctor examines: furnished like the house, from the same settings (docs/adr/020).

Each examination really asks. Nothing is stored but a row and a message that are gone at once, and
nobody is told anything.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from shared import bootstrap
from shared.adapters.checkups import apps, mends, people, storage
from shared.adapters.checkups.databases import OPTIONAL, USES, DatabaseExaminer, Place
from shared.adapters.checkups.identities import Credentials
from shared.catalog.platform_metrics import NAMESPACES
from shared.catalog.sql_queries import COUNTS, Grant
from shared.domain.checkups import Checkup
from shared.domain.deliveries import public_name
from shared.domain.errors import SourceDenied, SourceError
from shared.furnishing.sources import BY_LOGS, databases
from shared.furnishing.storage import ALERTS, CONFIG, SAMPLES, open_identity, queue, table
from shared.ports import Examination, House, WallClock
from shared.services import vitals
from shared.services.channels import known_channels
from shared.services.examine import examine
from shared.services.minute import COLLECT_QUEUE, DELIVERIES_QUEUE
from shared.settings import Settings

RUN_BY_THEMSELVES = (
    *("tick", "watch", "roll_up", "advise", "send_report"),
    *("collect_target", "deliver"),
)
"""The functions that nobody calls: when the platform does not list them, nothing happens."""

_IDENTITY = ("identity",)


def examinations(
    given: Settings,
    home: House,
    *,
    now: datetime,
    wall: WallClock,
    identity: Callable[[], Any] = open_identity,
    app_id: str = "",
    send: bool = False,
) -> list[Examination]:
    """All of them, in the order in which their findings are told.

    `send`: a test message through every channel, too, which people get.
    """
    known = app_id or app_id_in(os.environ)
    who = Credentials(identity, management_scope(given), known)
    doctor = _Doctor(given, home, who, now, wall)
    return [
        *doctor.itself(),
        *doctor.its_storage(),
        *(one for target in given.targets for one in doctor.target(target)),
        *doctor.people(),
        *doctor.life(),
        *(doctor.messages() if send else ()),
    ]


def checkups() -> list[Checkup]:
    """Everything examined with the settings and over the house of this process."""
    given, home, now = bootstrap.settings(), bootstrap.house(), bootstrap.utc_now()
    return examine(examinations(given, home, now=now, wall=bootstrap.wall_now))


def app_id_in(environment: Mapping[str, str]) -> str:
    """The function app's resource id as the platform tells its own apps; else empty."""
    subscription = environment.get("WEBSITE_OWNER_NAME", "").partition("+")[0]
    group = environment.get("WEBSITE_RESOURCE_GROUP", "")
    name = environment.get("WEBSITE_SITE_NAME", "")
    if not (subscription and group and name):
        return ""
    where = f"/subscriptions/{subscription}/resourceGroups/{group}"
    return f"{where}/providers/Microsoft.Web/sites/{name}"


def management_scope(given: Settings) -> str:
    """What tokens for Azure's management are asked for; on a desk the public cloud's."""
    is_here = given.monitor_endpoint.startswith("http://")
    cloud = "https://management.azure.com" if is_here else given.monitor_endpoint.rstrip("/")
    return f"{cloud}/.default"


class _Doctor:
    """Makes the examinations of one monitor."""

    def __init__(
        self, given: Settings, home: House, who: Credentials, now: datetime, wall: WallClock
    ) -> None:
        self._given = given
        self._house = home
        self._who = who
        self._now = now
        self._wall = wall
        self._account = storage.account_name(given.storage, given.storage_account)

    def itself(self) -> Iterator[Examination]:
        """Who the app is, and whether the platform knows its functions."""
        given, who = self._given, self._who
        if self._uses_identity():
            yield Examination(
                name="identity",
                breaks="nothing that the identity opens can be read or sent",
                ask=who.examine,
            )
            yield Examination(
                name="functions",
                breaks="what is not listed never runs: no pass, no message",
                ask=lambda: apps.ask_functions(
                    given.monitor_endpoint,
                    who.identity.app_id,
                    lambda: who.token(management_scope(given)),
                    RUN_BY_THEMSELVES,
                    lambda: mends.sync_triggers(who.identity),
                ),
                after=_IDENTITY,
            )

    def _uses_identity(self) -> bool:
        given = self._given
        kinds = {kind for sources in self._house.measured.values() for kind in sources}
        asked = kinds & (NAMESPACES.keys() | set(BY_LOGS)) or (
            given.databases and not given.sql_user
        )
        return bool(asked or given.acs_endpoint or not given.storage)

    def its_storage(self) -> Iterator[Examination]:
        """Tables, queues, and what lies in them."""
        given = self._given
        named = () if given.storage else _IDENTITY
        tables = {one: table(given, one, self._credential) for one in (SAMPLES, ALERTS, CONFIG)}
        queues = queue(given, self._credential)
        endpoint = storage.table_endpoint(given.storage, given.storage_account)
        yield Examination(
            name="tables",
            breaks="nothing is stored, no rule is judged, nobody is told",
            ask=lambda: storage.try_tables(tables, self._mend_storage("Table")),
            after=named,
        )
        if not given.storage:
            yield Examination(
                name="blobs",
                breaks="the host has no locks and no package: no function runs",
                ask=lambda: storage.try_blobs(
                    f"https://{given.storage_account}.blob.core.windows.net",
                    self._who.token,
                    self._mend_storage("Blob", "Owner"),
                ),
                after=named,
            )
        yield Examination(
            name="queues",
            breaks="more than a few targets are not collected; messages wait for the next pass",
            ask=lambda: storage.try_queue(queues, self._mend_storage("Queue"), self._wall),
            after=named,
        )
        yield Examination(
            name="poison",
            breaks="whatever these messages asked for was not done by them",
            ask=lambda: storage.look_for_poison(
                queues, (COLLECT_QUEUE, DELIVERIES_QUEUE), self._account
            ),
            after=("queues",),
        )
        yield Examination(
            name="clock",
            breaks="tokens and signed messages are refused, leases end too soon or too late",
            ask=lambda: storage.compare_clocks(
                endpoint, self._wall, "sudo timedatectl set-ntp true   # in Azure: restart the app"
            ),
            after=("tables",),
        )

    def _credential(self) -> Any:
        return self._who.credential

    def _mend_storage(self, kind: str, degree: str = "Contributor") -> storage.Mend:
        def mend(status: int | None) -> str:
            if status in (401, 403):
                role, scope = f"Storage {kind} Data {degree}", mends.storage_scope(self._account)
                return mends.grant_role(role, scope, self._who.identity)
            return f"az storage account show --name {self._account} --query statusOfPrimary"

        return mend

    def target(self, target: str) -> Iterator[Examination]:
        """The sources of one target."""
        for source in self._house.sources:
            if source.name in self._house.measured.get(target, ()):
                mend = partial(self._mend_source, target, source.name)
                listen = vitals.see_page if source.name == "probe" else vitals.hear
                yield Examination(
                    name=f"{source.name} of {target}",
                    breaks=_breaks(self._house, source.name),
                    ask=partial(listen, source, target, mend=mend, now=self._now),
                    after=() if source.name == "probe" else _IDENTITY,
                )
        yield from self._conduct(target)
        yield from self._database(target)

    def _conduct(self, target: str) -> Iterator[Examination]:
        """The groups of sources that are read from logs."""
        measured = self._house.measured.get(target, ())
        for group in self._house.groups:
            names = [one for one in group.names if one in BY_LOGS and one in measured]
            if names:
                yield Examination(
                    name=f"{' and '.join(names)} of {target}",
                    breaks=", ".join(_breaks(self._house, one) for one in names),
                    ask=partial(
                        vitals.hear_together,
                        group,
                        names,
                        target,
                        mend=partial(self._mend_source, target, "logs"),
                        now=self._now,
                    ),
                    after=_IDENTITY,
                )

    def _mend_source(self, target: str, source: str, error: SourceError) -> str:
        its = self._given.resources[target]
        if source == "probe":
            return mends.restart(its.app or "<resource id of the CRM's app>")
        if isinstance(error, SourceDenied):
            if source in BY_LOGS:
                role, scope = "Log Analytics Reader", _workspace_scope(its.workspace)
            else:
                role, scope = "Monitoring Reader", getattr(its, source)
            return mends.grant_role(role, scope, self._who.identity)
        if " 404" in str(error):
            return "az resource list --output table   # which ids there are"
        return mends.NOTHING

    def _database(self, target: str) -> Iterator[Examination]:
        place = self._given.databases.get(target)
        if place is None:
            return
        database = databases(self._given, self._credential)[target]
        where = Place(self._given.resources[target].database, *place, self._given.sql_user)
        visit = DatabaseExaminer(target, database, where, self._who, self._now)
        login = f"login to {target}"
        yield Examination(
            name=login,
            breaks="no figure of the database but the platform's own, no advice about it",
            ask=visit.log_in,
            after=() if self._given.sql_user else _IDENTITY,
        )
        for grant in Grant:
            yield Examination(
                name=f"{grant} on {target}",
                breaks=f"{'optional: ' if grant in OPTIONAL else ''}{USES[grant]}",
                ask=partial(visit.grant, grant),
                after=(login,),
            )
        yield from self._counts(target, visit, login)

    def _counts(self, target: str, visit: DatabaseExaminer, login: str) -> Iterator[Examination]:
        sources = dict.fromkeys(query.source for query in COUNTS)
        for source in sources:
            if source in self._house.measured.get(target, ()):
                yield Examination(
                    name=f"{source} of {target}",
                    breaks=_breaks(self._house, source),
                    ask=partial(visit.count, source),
                    after=(login,),
                )

    def people(self) -> Iterator[Examination]:
        """The providers of every channel, the dead man's switch, and who opens the API."""
        given = self._given
        if given.acs or given.acs_endpoint:
            yield self._communication("mail", given.acs, people.MAIL_PATH)
        if given.sms_from:
            yield self._communication("sms", given.sms or given.acs, people.SMS_PATH)
        yield from self._slack()
        yield from self._hooks()
        if given.heartbeat_url:
            mend = self._setting("HEARTBEAT_URL", "<url>")
            yield self._reach("heartbeat", given.heartbeat_url, "the dead man's switch", mend)
        if given.auth_jwks_url:
            mend = self._setting("AUTH_JWKS_URL", "<url>")
            yield Examination(
                name="sign-in",
                breaks="tokens of the issuer can't be verified: nobody gets in by them",
                ask=partial(apps.ask_issuer, given.auth_jwks_url, mend),
            )

    def _setting(self, name: str, value: str) -> Callable[[], str]:
        """How a setting is changed, once it is known who the app is."""
        return lambda: mends.set_setting(name, value, self._who.identity)

    def _communication(self, name: str, connection: str, path: str) -> Examination:
        """Mail or SMS, by key or by identity."""
        if connection:
            endpoint, sign = people.signed_by(connection)
            setting = "SMS_CONNECTION_STRING" if name == "sms" else "ACS_CONNECTION_STRING"
            new = "<what az communication list-key --query primaryConnectionString says>"
            mend = self._setting(setting, new)
        else:
            endpoint, sign = self._given.acs_endpoint, people.signed_as(self._who.token)
            mend = partial(self._let_send, endpoint)
        return Examination(
            name=name,
            breaks=f"alerts by {name} reach nobody but the fallback",
            ask=partial(
                people.ask_communication, endpoint, path, sign, who=f"the {name} service", mend=mend
            ),
            after=() if connection else _IDENTITY,
        )

    def _let_send(self, endpoint: str) -> str:
        scope = mends.communication_scope(endpoint.rpartition("/")[2])
        role = "Communication and Email Service Owner"
        return mends.grant_role(role, scope, self._who.identity)

    def _slack(self) -> Iterator[Examination]:
        given = self._given
        if given.slack_bot_token:
            yield Examination(
                name="slack bot",
                breaks="alerts to Slack channels without a webhook reach nobody but the fallback",
                ask=partial(
                    people.ask_slack_bot,
                    given.slack_endpoint,
                    given.slack_bot_token,
                    self._new_bot_token,
                ),
            )
        for name, url in given.slack_webhooks.items():
            mend = self._setting("SLACK_WEBHOOKS", _one_of(name, "<a new webhook's URL>"))
            yield Examination(
                name=f"slack {name}",
                breaks=f"alerts to {name} reach nobody but the fallback",
                ask=partial(people.ask_slack_webhook, name, url, mend),
            )

    def _new_bot_token(self) -> str:
        set_it = mends.set_setting("SLACK_BOT_TOKEN", "<xoxb-…>", self._who.identity)
        return (
            "give the bot the scope chat:write under OAuth & Permissions at api.slack.com/apps, "
            f"install it again, then {set_it}"
        )

    def _hooks(self) -> Iterator[Examination]:
        given = self._given
        hooks = [("webhook", "WEBHOOKS", name, url) for name, (url, _) in given.webhooks.items()]
        hooks += [("teams", "TEAMS_WEBHOOKS", *one) for one in given.teams_webhooks.items()]
        for kind, setting, name, url in hooks:
            mend = self._setting(setting, _one_of(name, "<url>"))
            yield self._reach(f"{kind} {name}", url, f"the {kind} {name}", mend)

    def _reach(self, name: str, url: str, who: str, mend: Callable[[], str]) -> Examination:
        listed = self._given.webhook_hosts
        return Examination(
            name=name,
            breaks=f"what goes to {who} does not arrive",
            ask=partial(people.reach, url, who, listed=listed, mend=mend),
        )

    def life(self) -> Iterator[Examination]:
        """Whether passes end, rules can fire, and somebody hears of it."""
        home = self._house
        named = "docs/settings.md names the setting that each sentence is about"
        for target in self._given.targets:
            yield Examination(
                name=f"last pass over {target}",
                breaks="the figures are old, and no alert fires or ends",
                ask=partial(
                    vitals.last_cycle, target, mend=self._start_again, house=home, now=self._now
                ),
                after=("tables",),
            )
        yield Examination(
            name="rules",
            breaks="these rules can't fire, or their past has holes",
            ask=partial(vitals.can_fire, home, mend=named),
            after=("tables",),
        )
        yield Examination(
            name="followers",
            breaks="these alerts reach the fallback alone, or nobody",
            ask=partial(vitals.can_tell, home, mend=named),
            after=("tables",),
        )

    def messages(self) -> Iterator[Examination]:
        """A test message to everybody whom a rule names."""
        home, first = self._house, self._given.targets[0]
        for channel in known_channels(home):
            address = channel.address
            said = f"what {address.type} answered says what is wrong; docs/settings.md sets it up"
            yield Examination(
                name=f"message to {address.type}:{public_name(address)}",
                breaks=f"the alerts of {', '.join(channel.rules) or 'the fallback'}",
                ask=partial(vitals.send_test, first, channel, mend=said, house=home, now=self._now),
                after=("tables",),
            )

    def _start_again(self) -> str:
        who = self._who.identity
        return f"{mends.sync_triggers(who)}; {mends.restart(who.app_id)}"


def _one_of(name: str, value: str) -> str:
    """An entry of a setting that is a JSON object; the others stay."""
    return f'{{"{name}": "{value}", …}}'


def _workspace_scope(workspace: str) -> str:
    query = f"[?customerId=='{workspace}'].id"
    return f'"$(az monitor log-analytics workspace list --query "{query}" --output tsv)"'


def _breaks(home: House, source: str) -> str:
    """What a source alone gives, in metrics."""
    names = [one.name for one in home.catalog.metrics if one.sources == (source,)]
    return f"no figures of {', '.join(names)}" if names else f"{source} is not seen"
