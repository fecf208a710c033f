"""The settings that lead an app to the Azure on the desk, as its environment would have them."""

import json
import secrets
from collections.abc import Iterable, Mapping
from functools import cache

from local.cloud import email, resources, slack, sms, teams, telemetry, webhooks
from local.cloud.answerers import Desk
from local.cloud.clouds import Cloud
from local.odbc import NoOdbc, driver
from shared.adapters.sql.connections import PURE_PYTHON
from shared.setting_table import TABLE

ADMIN = "admin@example.com"
AUDIENCE = "api://pantry-monitor"
FIRST = "pantry-crm"
FLAT = {
    "plan": "APP_SERVICE_PLAN_ID",
    "app": "APP_SERVICE_ID",
    "database": "SQL_DATABASE_ID",
    "workspace": "LOG_ANALYTICS_WORKSPACE_ID",
    "health_url": "HEALTH_URL",
}
"""What MORE_TARGETS calls the resources that flat settings name for the first target."""
# By these the platform, or a developer's own sign-in, tells azure-identity who is asking.
_IDENTITIES = ("AZURE_", "IDENTITY_", "IMDS_", "MSI_", "WEBSITE_")


def surroundings(
    cloud: Cloud, *, storage: str, changes: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Every setting of the app and of its host, and the variables of its identity.

    `storage` is the connection string of the storage account; `changes` win.
    """
    urls = cloud.urls
    return {
        "AzureWebJobsStorage": storage,
        "APP_SERVICE_PLAN_ID": resources.PLAN,
        "APP_SERVICE_ID": resources.APP,
        "SQL_DATABASE_ID": resources.DATABASE,
        "SQL_HOST": urls["sql"].removeprefix("tcp://"),
        "SQL_DRIVER": sql_driver(),
        "LOG_ANALYTICS_WORKSPACE_ID": resources.WORKSPACE,
        "HEALTH_URL": f"{urls['crm']}/api/health",
        "AZURE_MONITOR_ENDPOINT": urls["platform"],
        "LOG_ANALYTICS_ENDPOINT": urls["logs"],
        "ALERT_EMAIL": ADMIN,
        **ways_to_tell(cloud.desk),
        "AUTH_ISSUER": cloud.issuer,
        "AUTH_AUDIENCE": AUDIENCE,
        "AUTH_JWKS_URL": cloud.jwks_url,
        "CRM_TOKEN_KEY": secrets.token_urlsafe(48),
        **cloud.identity_environment,
        **telemetry.environment(cloud.desk),
        **(changes or {}),
    }


def several_targets(settings: Mapping[str, str], count: int) -> dict[str, str]:
    """The settings by which so many targets are watched, all of them the first one's resources."""
    others = [f"{FIRST}-{number}" for number in range(2, count + 1)]
    described = {field: settings[name] for field, name in FLAT.items()}
    more = json.dumps(dict.fromkeys(others, described)) if others else ""
    return {"MONITOR_TARGETS": ",".join([FIRST, *others]), "MORE_TARGETS": more}


def ways_to_tell(desk: Desk) -> dict[str, str]:
    """The settings of every channel, as they lead to the desk's services."""
    return {
        "ACS_CONNECTION_STRING": email.connection_string(desk),
        "MAIL_FROM": email.SENDER,
        "SLACK_WEBHOOKS": json.dumps(slack.webhooks(desk)),
        "SLACK_ENDPOINT": slack.endpoint(desk),
        "WEBHOOKS": json.dumps(webhooks.webhooks(desk)),
        "WEBHOOK_HOSTS": ",".join(
            desk.urls[one].removeprefix("http://") for one in (webhooks.NAME, teams.NAME)
        ),
        "TEAMS_WEBHOOKS": json.dumps(teams.webhooks(desk)),
        "SMS_FROM": sms.SENDER,
        "SMS_CONNECTION_STRING": sms.connection_string(desk),
    }


@cache
def sql_driver() -> str:
    """Microsoft's driver where the machine can load it, else the pure Python one."""
    try:
        return driver()
    except NoOdbc:
        return PURE_PYTHON


def sql_way() -> str:
    """By which of them the database is reached, and why not by the first, in a line."""
    try:
        driver()
    except NoOdbc as missing:
        return f"by python-tds, because for ODBC {missing}"
    return "by Microsoft's ODBC driver"


def strangers(environment: Iterable[str], surrounding: Mapping[str, str]) -> list[str]:
    """The names in an environment that would lead the app away from the desk."""
    settings = {setting.name for setting in TABLE}
    return [
        name
        for name in environment
        if name not in surrounding and (name in settings or name.startswith(_IDENTITIES))
    ]
