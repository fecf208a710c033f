"""The settings as values. Standard library only; bootstrap hands the values on.

Settings come from the environment (the function app's configuration). Everything wrong with them
is said in one message; a secret's value is never said at all.
"""

from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo
from typing import Any

from shared import setting_places as place
from shared.setting_forms import Doubtful, Hours
from shared.setting_places import BusinessNames, DatabasePlace, Resources
from shared.setting_table import TABLE, Setting
from shared.setting_ways import Hook


class SettingsError(ValueError):
    """The settings can't be accepted: one line per problem; only `names` are for everybody.

    `problems`: a sentence for each name, without secrets. `unfollowed`: those that still hold
    their reference into a key vault, with that reference.
    """

    def __init__(
        self, problems: Mapping[str, str], unfollowed: Mapping[str, str] | None = None
    ) -> None:
        lines = "".join(f"\n- {problem}" for problem in problems.values())
        super().__init__(f"the settings can't be used:{lines}")
        self.names = tuple(problems)
        self.problems = tuple(problems.values())
        self.unfollowed = unfollowed or {}

    @property
    def public(self) -> str:
        """What anybody may hear: names, and which of them lack a secret of the vault."""
        said = f"{', '.join(self.names)} can't be used; the log says why"
        if not self.unfollowed:
            return said
        return f"{said} ({', '.join(self.unfollowed)}: the key vault was not read)"


OF_SOME_TARGETS = frozenset(
    {
        *("APP_SERVICE_PLAN_ID", "APP_SERVICE_ID", "SQL_DATABASE_ID"),
        *("LOG_ANALYTICS_WORKSPACE_ID", "HEALTH_URL", "MORE_TARGETS"),
    }
)
"""What describes the first target, or the others: wrong, it is no reason to leave the rest."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings as values; secrets are left out of its repr."""

    storage: str = field(repr=False)
    storage_account: str
    targets: tuple[str, ...]
    plan: str
    app: str
    database: str
    sql_host: str
    sql_user: str
    sql_password: str = field(repr=False)
    sql_driver: str
    business_names: BusinessNames
    workspace: str
    health_url: str
    more_targets: Mapping[str, Resources]
    monitor_endpoint: str
    logs_endpoint: str
    alert_email: str
    acs: str = field(repr=False)
    acs_endpoint: str
    mail_from: str
    mails_per_minute: int
    mails_per_hour: int
    slack_webhooks: Mapping[str, str] = field(repr=False)
    slack_bot_token: str = field(repr=False)
    slack_endpoint: str
    webhooks: Mapping[str, Hook] = field(repr=False)
    webhook_hosts: tuple[str, ...]
    teams_webhooks: Mapping[str, str] = field(repr=False)
    sms_from: str
    sms_severity: str
    sms: str = field(repr=False)
    reader_zone: tzinfo | None
    office_hours: Hours
    public_url: str
    action_keys: tuple[str, ...] = field(repr=False)
    severity_routes: Mapping[str, tuple[str, ...]]
    fallback_channel: str
    heartbeat_url: str = field(repr=False)
    report_channel: str
    report_day: int
    report_hour: int
    availability_objective: float
    collect_inline_max: int
    minutes_kept: timedelta
    hours_kept: timedelta
    alerts_kept: timedelta
    audit_kept: timedelta
    own_app: str
    own_storage: str
    own_workspace: str
    prices: Mapping[str, float]
    auth_issuer: str
    auth_audience: str
    auth_jwks_url: str
    auth_role_claim: str
    crm_token_key: str = field(repr=False)
    doubts: Mapping[str, str] = field(default_factory=dict)
    """What is left out of what describes the targets, by setting; the rest of it is used."""

    @property
    def resources(self) -> dict[str, Resources]:
        """What is measured for each target; the flat settings describe the first one."""
        first = Resources(self.plan, self.app, self.database, self.workspace, self.health_url)
        given = {**self.more_targets, self.targets[0]: first}
        return {target: given.get(target, Resources()) for target in self.targets}

    @property
    def databases(self) -> dict[str, DatabasePlace]:
        """Where each target's database is reached by SQL, if it is."""
        places = {
            target: place.database_place(its.database, self.sql_host)
            for target, its in self.resources.items()
            if its.database and self.sql_host
        }
        return {target: place for target, place in places.items() if place is not None}

    @property
    def placeholders(self) -> dict[str, str]:
        """What a rule may write as ${NAME}; names without a value are left out."""
        return {"ALERT_EMAIL": self.alert_email} if self.alert_email else {}


def load(environment: Mapping[str, str]) -> Settings:
    """The settings in `environment`; raises SettingsError that names every problem."""
    values, problems = _read(environment)
    doubts = _joined([*_doubtful(values), *_forgiven(values, problems), *_strangers(values)])
    if not values.get("storage") and not values.get("storage_account"):
        needed = "set AzureWebJobsStorage (a connection string) or AzureWebJobsStorage__accountName"
        problems.setdefault("AzureWebJobsStorage", needed)
    problems.update(_disagreements(values))
    if problems:
        raise SettingsError(problems, _unfollowed(environment))
    return Settings(**values, doubts=doubts)


def _read(environment: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The values by field, and what is wrong by setting."""
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for setting in TABLE:
        given = environment.get(setting.name, setting.default)
        try:
            values[setting.field] = _resolved(setting, given)
        except ValueError as error:
            said = "" if setting.secret or is_reference(given) else f", not {given!r}"
            problems[setting.name] = f"{setting.name} must be {error}{said}"
    return values, problems


Doubt = tuple[str, str]
"""A setting's name and a sentence about it."""


def _doubtful(values: dict[str, Any]) -> Iterator[Doubt]:
    """What is said of values of which only a part can be used; they become that part."""
    for setting in TABLE:
        value = values.get(setting.field)
        if isinstance(value, Doubtful):
            values[setting.field] = value.value
            yield setting.name, f"{setting.name} must be {'; '.join(value.doubts)}"


def _forgiven(values: dict[str, Any], problems: dict[str, str]) -> Iterator[Doubt]:
    """The problems of one target's description, where others can be watched; they become doubts."""
    has_more = len(values.get("targets", ())) > 1
    for setting in TABLE:
        if has_more and setting.name in OF_SOME_TARGETS and setting.name in problems:
            values[setting.field] = setting.parse(setting.default)
            yield setting.name, problems.pop(setting.name)


def _strangers(values: Mapping[str, Any]) -> Iterator[Doubt]:
    """Targets that are described in vain."""
    strangers = set(values.get("more_targets", {})) - set(values.get("targets", ())[1:])
    if strangers and "targets" in values:
        names = ", ".join(sorted(strangers))
        said = "it is for targets that MONITOR_TARGETS names, the first one left out"
        yield "MORE_TARGETS", f"MORE_TARGETS describes {names}; {said}"


def _joined(doubts: Iterable[Doubt]) -> dict[str, str]:
    said: dict[str, list[str]] = {}
    for name, sentence in doubts:
        said.setdefault(name, []).append(sentence)
    return {name: "; ".join(sentences) for name, sentences in said.items()}


def _unfollowed(environment: Mapping[str, str]) -> dict[str, str]:
    """The references that the platform left in place, because it could not follow them."""
    given = {setting.name: environment.get(setting.name, "") for setting in TABLE}
    return {name: text for name, text in given.items() if is_reference(text)}


def is_reference(text: str) -> bool:
    """Whether a value is one that the platform should have followed into a key vault."""
    return text.lstrip().lower().startswith("@microsoft.keyvault(")


def _resolved(setting: Setting, given: str) -> Any:
    """The value; a reference that the platform could not follow is no secret to sign with."""
    if is_reference(given):
        raise ValueError(
            f"what {given.strip()} refers to, which the platform could not read: is that secret "
            "there and enabled, and has the app's identity the role Key Vault Secrets User on the "
            "vault? python -m shared.doctor says what mends it"
        )
    return setting.parse(given)


def as_option(name: str) -> Callable[[str], Any]:
    """A setting's form, for an option of a command line that stands in for it."""
    parse = next(one.parse for one in TABLE if one.name == name)

    def parse_option(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise ArgumentTypeError(f"it must be {error}, not {text!r}") from None

    return parse_option


def _disagreements(values: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong only between settings, among those that can be read at all."""
    problems = {}
    if (values.get("acs") or values.get("acs_endpoint")) and not values.get("mail_from", "-"):
        problems["MAIL_FROM"] = "MAIL_FROM must be set when mails can be sent"
    services = ("sms", "acs", "acs_endpoint")
    if values.get("sms_from") and not any(values.get(name, "-") for name in services):
        problems["SMS_FROM"] = (
            "SMS_FROM needs SMS_CONNECTION_STRING, ACS_CONNECTION_STRING or ACS_ENDPOINT"
        )
    if not _are_together(values, "sql_user", "sql_password"):
        problems["SQL_USER"] = "SQL_USER and SQL_PASSWORD are set together"
    if values.get("hours_kept", timedelta.max) < values.get("minutes_kept", timedelta.min):
        problems["HOURS_KEPT_DAYS"] = "HOURS_KEPT_DAYS must not be less than MINUTES_KEPT_DAYS"
    if not _are_together(values, "auth_issuer", "auth_audience", "auth_jwks_url"):
        problems["AUTH_ISSUER"] = "AUTH_ISSUER, AUTH_AUDIENCE and AUTH_JWKS_URL are set together"
    return problems


def _are_together(values: Mapping[str, Any], *names: str) -> bool:
    """Whether all of them are set, or none is; one that can't be read has a problem of its own."""
    return any(name not in values for name in names) or len({bool(values[n]) for n in names}) == 1
