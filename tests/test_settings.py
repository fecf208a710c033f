"""Settings are a table: typed, loud, documented, and silent about secrets."""

import json
from dataclasses import fields
from pathlib import Path

import pytest

from shared.catalog.sql_queries import NAME_SETS
from shared.domain.rules import ActionType
from shared.setting_forms import CHANNEL_TYPES
from shared.setting_places import LOGICAL_NAMES, Resources
from shared.setting_places import NAME_SETS as FORMS
from shared.setting_table import TABLE
from shared.settings import Settings, SettingsError, load

ROOT = Path(__file__).parents[1]
SECRET = "AccountName=pantry;AccountKey=c2VjcmV0"  # noqa: S105 - nobody's
GOOD = {"AzureWebJobsStorage": SECRET}


def test_only_the_storage_has_to_be_set() -> None:
    given = load(GOOD)

    assert given.targets == ("pantry-crm",)
    assert (given.collect_inline_max, given.fallback_channel) == (5, "console:log")
    assert load({"AzureWebJobsStorage__accountName": "pantry"}).storage == ""


def test_everything_wrong_is_said_in_one_message() -> None:
    wrong = {
        "MONITOR_TARGETS": "Pantry CRM",
        "COLLECT_INLINE_MAX": "none",
        "ALERT_EMAIL": "nobody",
        "FALLBACK_CHANNEL": "log",
    }

    with pytest.raises(SettingsError) as refused:
        load(wrong)

    first, *problems = str(refused.value).splitlines()
    assert first == "the settings can't be used:"
    assert len(problems) == len(wrong) + 1
    for name, value in wrong.items():
        (line,) = [line for line in problems if line.startswith(f"- {name} must be ")]
        assert line.endswith(f", not {value!r}")
    assert "AzureWebJobsStorage__accountName" in problems[-1]


@pytest.mark.parametrize("count", ["0", "-1", "2.5", "", "five", "²"])
def test_a_count_is_a_whole_number_from_one(count: str) -> None:
    with pytest.raises(SettingsError, match="COLLECT_INLINE_MAX must be a whole number from 1"):
        load({**GOOD, "COLLECT_INLINE_MAX": count})


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("REPORT_DAY", "Monday", "one of mon, tue, wed, thu, fri, sat, sun"),
        ("REPORT_HOUR", "24", "a whole hour from 0 to 23"),
        ("REPORT_HOUR", "7:30", "a whole hour from 0 to 23"),
        ("AVAILABILITY_OBJECTIVE", "100", "a percentage from 50 to below 100"),
        ("AVAILABILITY_OBJECTIVE", "0.995", "a percentage from 50 to below 100"),
        ("REPORT_CHANNEL", "admin@example.com", "type:target"),
        ("REPORT_CHANNEL", "webhook:ops", "type:target of one of email, slack, teams, console"),
    ],
)
def test_a_report_has_a_day_an_hour_and_an_objective(name: str, wrong: str, said: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} must be {said}"):
        load({**GOOD, name: wrong})


def test_a_week_is_reported_on_monday_morning_unless_told_otherwise() -> None:
    usual = load(GOOD)
    other = load({**GOOD, "REPORT_DAY": "sun", "REPORT_HOUR": "0", "AVAILABILITY_OBJECTIVE": "99"})

    assert (usual.report_day, usual.report_hour, usual.availability_objective) == (0, 7, 99.5)
    assert (other.report_day, other.report_hour, other.availability_objective) == (6, 0, 99.0)


def test_several_targets_are_joined_by_commas() -> None:
    assert load({**GOOD, "MONITOR_TARGETS": "one, two,"}).targets == ("one", "two")
    assert load({**GOOD, "MONITOR_TARGETS": "one,two,one"}).targets == ("one", "two")


def test_a_fallback_channel_of_no_known_type_is_refused_before_it_is_needed() -> None:
    with pytest.raises(SettingsError, match="FALLBACK_CHANNEL"):
        load({**GOOD, "FALLBACK_CHANNEL": "pigeon:roof"})


@pytest.mark.parametrize(
    "storage",
    [
        "UseDevelopmentStorage=true",
        "garbage",
        "AccountKey=abc",
        "AccountName=pantry",
        "AccountName=pantry;AccountKey=not base64",
        "AccountName=pantry;garbage;AccountKey=c2VjcmV0",
        "TableEndpoint=https://pantry.table.core.windows.net",
    ],
)
def test_a_storage_that_no_client_could_open_is_refused_without_its_value(storage: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load({"AzureWebJobsStorage": storage})

    assert refused.value.names == ("AzureWebJobsStorage",)
    assert f"not '{storage}'" not in str(refused.value)


def test_secrets_are_in_no_repr_and_no_message() -> None:
    assert SECRET not in repr(load(GOOD))
    with pytest.raises(SettingsError) as refused:
        load({**GOOD, "COLLECT_INLINE_MAX": "x"})
    assert SECRET not in str(refused.value)


def test_every_secret_is_left_out_of_the_repr() -> None:
    hidden = {one.name for one in fields(Settings) if not one.repr}

    assert hidden == {setting.field for setting in TABLE if setting.secret}


def test_every_setting_has_a_field_and_a_sentence_of_help() -> None:
    assert [*(setting.field for setting in TABLE), "doubts"] == [
        one.name for one in fields(Settings)
    ]
    for setting in TABLE:
        assert setting.help.endswith("."), setting.name
        assert len(setting.help) > 20, setting.name


def test_the_example_file_names_every_setting_with_its_default() -> None:
    example = json.loads((ROOT / "local.settings.example.json").read_text(encoding="utf-8"))

    assert example["Values"] == {
        "FUNCTIONS_WORKER_RUNTIME": "python",
        **{setting.name: setting.default for setting in TABLE},
    }


def test_the_defaults_are_values_that_would_be_accepted() -> None:
    for setting in TABLE:
        setting.parse(setting.default)


def test_the_settings_know_every_type_of_channel_that_a_rule_can_name() -> None:
    assert tuple(ActionType) == CHANNEL_TYPES


def test_the_flat_settings_describe_the_first_target_and_json_the_others() -> None:
    plan = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/serverfarms/p"
    more = {"second": {"health_url": "https://second.example.com/api/health", "plan": plan}}
    given = load(
        {
            **GOOD,
            "MONITOR_TARGETS": "first,second,third",
            "APP_SERVICE_PLAN_ID": plan,
            "MORE_TARGETS": json.dumps(more),
        }
    )

    assert given.resources == {
        "first": Resources(plan=plan),
        "second": Resources(plan=plan, health_url="https://second.example.com/api/health"),
        "third": Resources(),
    }


def test_routes_by_severity_are_lists_of_channels() -> None:
    routes = {"critical": ["email:${ALERT_EMAIL}", "sms:+491511234567"], "low": []}

    given = load({**GOOD, "SEVERITY_ROUTES": json.dumps(routes)})

    assert given.severity_routes == {one: tuple(channels) for one, channels in routes.items()}


def test_a_storage_may_be_opened_by_a_signature() -> None:
    sas = "TableEndpoint=https://pantry.table.core.windows.net;SharedAccessSignature=sv=1&sig=x=;"

    assert load({"AzureWebJobsStorage": sas}).storage == sas


def test_an_issuer_keeps_its_last_slash_because_tokens_name_it_exactly() -> None:
    issuer = "https://sts.windows.net/tenant/"
    entra = {"AUTH_AUDIENCE": "api://monitor", "AUTH_JWKS_URL": "https://login.example.com/keys"}

    assert load({**GOOD, **entra, "AUTH_ISSUER": issuer}).auth_issuer == issuer


def test_a_reference_that_nobody_resolved_is_no_key_to_sign_with() -> None:
    reference = "@Microsoft.KeyVault(SecretUri=https://pantry.vault.azure.net/secrets/crm)"

    with pytest.raises(SettingsError, match="role Key Vault Secrets User on the vault") as refused:
        load({**GOOD, "CRM_TOKEN_KEY": reference, "SLACK_WEBHOOKS": f" {reference.lower()}"})

    assert refused.value.names == ("SLACK_WEBHOOKS", "CRM_TOKEN_KEY")
    assert refused.value.unfollowed["CRM_TOKEN_KEY"] == reference
    assert reference in refused.value.problems[1]
    assert "the key vault was not read" in refused.value.public
    assert "vault.azure.net" not in refused.value.public


WRONG_OF_ONE_TARGET = {
    "APP_SERVICE_PLAN_ID": [
        "plan",
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/app",
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/serverfarms/p/extra",
    ],
    "APP_SERVICE_ID": [
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/serverfarms/p",
        "/subscriptions/<subscription>/resourceGroups/g/providers/Microsoft.Web/sites/crm",
    ],
    "SQL_DATABASE_ID": ["/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers/s"],
    "LOG_ANALYTICS_WORKSPACE_ID": ["workspace", "/subscriptions/s/workspaces/w"],
    "HEALTH_URL": [
        "crm.example.com",
        "http://crm.example.com/",
        "ftp://crm",
        "https://[::1",
        "x:",
        "https://crm.example.com/api/health ",
        "https://<crm>/api/health",
    ],
    "MORE_TARGETS": [
        "[]",
        "{",
        '{"second": "plan"}',
        '{"second": {"paln": ""}}',
        '{"second": {"plan": "p"}}',
        '{"second": {"health_url": 7}}',
        '{"stranger": {}}',
        '{"first": {}}',
    ],
}
"""What describes one target: with several, the others are watched all the same."""
WRONG = {
    "AzureWebJobsStorage__accountName": ["pantry.example.com/", "Pantry", "p"],
    "AZURE_MONITOR_ENDPOINT": [
        "",
        "https://example.com",
        "https://management.azure.com.example.com",
        "https://evilazure.com",
        "http://management.azure.com",
        "https://example.com/?x=.azure.com",
        "https://management.azure.com@example.com",
    ],
    "LOG_ANALYTICS_ENDPOINT": ["", "https://example.com/api.loganalytics.io"],
    "SEVERITY_ROUTES": [
        "[]",
        "slack:#alerts",
        '{"urgent": []}',
        '{"high": "slack:#alerts"}',
        '{"high": [""]}',
        '{"high": ["#alerts"]}',
        '{"high": ["pager:me"]}',
        '{"high": [7]}',
        json.dumps({"high": ["slack:#alerts"] * 11}),
    ],
    "ACS_ENDPOINT": ["https://example.com"],
    "ACS_CONNECTION_STRING": [
        "endpoint=https://x.communication.azure.com/",
        "key",
        "endpoint=https://x.communication.azure.com/;accesskey=not base64",
        "endpoint=http://x.communication.azure.com/;accesskey=c2VjcmV0",
    ],
    "MAIL_FROM": ["alerts", "a@b", "DoNotReply@<domain>.azurecomm.net"],
    "MAILS_PER_MINUTE": ["0", "many", "1000001", "9" * 5_000],
    "PRICES": [
        "[]",
        '{"log_gigabyte": 1}',
        '{"sms": "1"}',
        '{"sms": -1}',
        '{"sms": NaN}',
        '{"sms": 1e999}',
        f'{{"sms": {"9" * 400}}}',
        "[" * 100_000,
    ],
    "WEBHOOKS": [
        "[]",
        '{"a": 7}',
        '{"a": {"key": "k"}}',
        '{"a": {"url": 7}}',
        '{"a": {"url": "https://a.example", "token": "x"}}',
        '{"a": {"url": "https://a.example", "key": "short"}}',
        '{"a": "http://a.example"}',
        '{"a": "https://2130706433/"}',
    ],
    "TEAMS_WEBHOOKS": ["[]", '{"a": 7}', '{"a": {"url": "https://a.example"}}', '{"a": ""}'],
    "WEBHOOK_HOSTS": ["10.0.0.5", "https://a.example", "[::1]", "a b", "::1"],
    "SMS_FROM": ["+0", "a name of twelve", "123"],
    "SMS_SEVERITY": ["", "Critical", "sev0"],
    "SMS_CONNECTION_STRING": ["endpoint=https://a.example"],
    "SLACK_WEBHOOKS": [
        "#alerts",
        "[]",
        '{"#alerts": 1}',
        '{"#alerts": ""}',
        '{"#a": "http://x.y"}',
    ],
    "SLACK_BOT_TOKEN": ["xoxb-1\n", "xoxb 1", "xoxb-…", " "],
    "SLACK_ENDPOINT": ["", "https://slack.example.com/api"],
    "AUTH_ISSUER": ["tenant", "https://login.microsoftonline.com/<tenant>/v2.0"],
    "AUTH_ROLE_CLAIM": ["", " "],
    "CRM_TOKEN_KEY": ["short"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_what_could_never_work_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load({**GOOD, "MONITOR_TARGETS": "first,second", name: value})

    assert refused.value.names == (name,)


each_wrong_description = pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in WRONG_OF_ONE_TARGET.items() for value in values],
)


@each_wrong_description
def test_a_target_that_is_described_wrongly_is_no_reason_to_leave_the_others(
    name: str, value: str
) -> None:
    given = load({**GOOD, "MONITOR_TARGETS": "first,second", name: value})

    assert list(given.doubts) == [name]
    assert given.doubts[name].startswith(f"{name} ")
    assert given.resources == {"first": Resources(), "second": Resources()}


@pytest.mark.parametrize("name", sorted(WRONG_OF_ONE_TARGET.keys() - {"MORE_TARGETS"}))
def test_the_only_target_is_described_rightly_or_not_watched_at_all(name: str) -> None:
    value = WRONG_OF_ONE_TARGET[name][0]
    with pytest.raises(SettingsError) as refused:
        load({**GOOD, name: value})

    assert refused.value.names == (name,)


def test_what_is_right_of_a_description_is_used() -> None:
    page, plan = "https://a.example.com/", "/subscriptions/s/wrong"
    more = {
        "second": {"health_url": page, "plan": plan},
        "third": {"health_url": page, "paln": plan},
        "stranger": {"health_url": page},
    }
    given = load(
        {
            **GOOD,
            "MONITOR_TARGETS": "first,second,third,Fourth",
            "HEALTH_URL": page,
            "MORE_TARGETS": json.dumps(more),
        }
    )

    assert given.resources == dict.fromkeys(
        ("first", "second", "third"), Resources(health_url=page)
    )
    assert given.doubts == {
        "MONITOR_TARGETS": "MONITOR_TARGETS must be names of 1-63 of a-z, 0-9 and -, joined by "
        "commas, which 'Fourth' is not",
        "MORE_TARGETS": "MORE_TARGETS must be right for second: its plan must be a resource id "
        "/subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.Web/serverfarms/<name>, "
        "not '/subscriptions/s/wrong'; right for third: an object of plan, app, database, "
        "workspace, health_url; MORE_TARGETS describes stranger; it is for targets that "
        "MONITOR_TARGETS names, the first one left out",
    }


def test_the_first_name_must_be_right_because_other_settings_describe_it() -> None:
    with pytest.raises(SettingsError) as refused:
        load({**GOOD, "MONITOR_TARGETS": "Pantry,second"})

    assert refused.value.names == ("MONITOR_TARGETS",)


def test_tokens_may_go_to_this_machine_in_plain_text() -> None:
    here = "http://127.0.0.1:8080"

    assert load({**GOOD, "AZURE_MONITOR_ENDPOINT": here}).monitor_endpoint == here
    assert load({**GOOD, "HEALTH_URL": "http://localhost:3000/"}).health_url


def test_settings_that_need_each_other_are_missed_together() -> None:
    acs = "endpoint=https://x.communication.azure.com/;accesskey=c2VjcmV0"
    with pytest.raises(SettingsError) as refused:
        load({**GOOD, "ACS_CONNECTION_STRING": acs, "AUTH_AUDIENCE": "api://monitor"})

    assert refused.value.names == ("MAIL_FROM", "AUTH_ISSUER")


def test_one_of_those_that_can_not_be_read_is_told_for_itself() -> None:
    entra = {"AUTH_ISSUER": "https://issuer.example.com", "AUTH_AUDIENCE": "api://monitor"}
    with pytest.raises(SettingsError) as refused:
        load({**GOOD, **entra, "AUTH_JWKS_URL": "keys", "SQL_USER": "a b", "SQL_PASSWORD": "p"})

    assert refused.value.names == ("SQL_USER", "AUTH_JWKS_URL")


def test_the_database_is_reached_by_the_name_in_its_resource_id() -> None:
    database = "/subscriptions/1/resourceGroups/g/providers/Microsoft.Sql/servers/sql/databases/crm"

    place = load({**GOOD, "SQL_DATABASE_ID": database}).databases["pantry-crm"]
    other = load({**GOOD, "SQL_DATABASE_ID": database, "SQL_HOST": "127.0.0.1:4321"}).databases

    assert place == ("sql.database.windows.net", 1433, "crm")
    assert other["pantry-crm"] == ("127.0.0.1", 4321, "crm")
    assert load({**GOOD, "SQL_DATABASE_ID": database, "SQL_HOST": ""}).databases == {}


@pytest.mark.parametrize(
    "host",
    [
        "sql.example.com",
        "{server}.database.windows.net.example.com",
        "user@x.database.windows.net",
        "x.database.windows.net/path",
        "https://x.database.windows.net",
        "x.database.windows.net:port",
        "10.0.0.1",
    ],
)
def test_tokens_for_the_database_go_to_microsoft_or_this_machine(host: str) -> None:
    with pytest.raises(SettingsError, match="SQL_HOST must be a host like "):
        load({**GOOD, "SQL_HOST": host})


def test_names_of_the_crm_are_one_of_the_sets_or_differ_from_the_first() -> None:
    given = '{"sessions": "dbo.UserSession", "sessions.seenAt": "seen at"}'

    assert load(GOOD).business_names == ("crm", {})
    assert load({**GOOD, "BUSINESS_NAMES": "brief"}).business_names.shipped == "brief"
    assert load({**GOOD, "BUSINESS_NAMES": ""}).business_names.shipped == ""
    names = load({**GOOD, "BUSINESS_NAMES": given}).business_names
    assert names == ("crm", {"sessions": "dbo.UserSession", "sessions.seenAt": "seen at"})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("prisma", "crm, brief, a JSON object of names, or empty"),
        ('{"users": "User"}', "without users; there are sessions, "),
        ('{"sessions": "User]; DROP TABLE x"}', "right for sessions: a name such as"),
        ('{"sessions": "a.b.c"}', "right for sessions"),
        ('{"sessions": 7}', "right for sessions"),
    ],
)
def test_a_name_that_is_none_is_refused(given: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load({**GOOD, "BUSINESS_NAMES": given})


def test_the_settings_know_the_names_that_the_statements_use() -> None:
    assert NAME_SETS.keys() == set(FORMS)
    assert all(names.keys() == set(LOGICAL_NAMES) for names in NAME_SETS.values())


def test_a_user_of_the_database_has_a_password() -> None:
    with pytest.raises(SettingsError, match="SQL_USER and SQL_PASSWORD are set together"):
        load({**GOOD, "SQL_USER": "monitor"})


def test_a_webhook_has_a_url_and_may_have_a_key() -> None:
    signed = {"url": "https://a.example/x", "key": "k" * 32}
    given = json.dumps({"a": signed, "b": "https://b.example"})

    hooks = load({**GOOD, "WEBHOOKS": given}).webhooks

    assert hooks == {"a": ("https://a.example/x", "k" * 32), "b": ("https://b.example", "")}


def test_hosts_inside_are_listed_by_name_or_with_their_port() -> None:
    given = "Hooks.lan, 10.0.0.5:8443,[fc00::1]:443"

    listed = load({**GOOD, "WEBHOOK_HOSTS": given}).webhook_hosts

    assert listed == ("hooks.lan", "10.0.0.5:8443", "[fc00::1]:443")


def test_sms_need_a_service_to_send_them() -> None:
    without = {name: value for name, value in GOOD.items() if not name.startswith("ACS")}
    with pytest.raises(SettingsError) as refused:
        load({**without, "SMS_FROM": "Pantry"})

    assert refused.value.names == ("SMS_FROM",)
    string = "endpoint=https://sms.example.com/;accesskey=a2V5"
    for more in ({"SMS_CONNECTION_STRING": string}, {"ACS_CONNECTION_STRING": string}):
        given = {**without, **more, "SMS_FROM": "Pantry", "MAIL_FROM": "a@example.com"}
        assert load(given).sms_from == "Pantry"
