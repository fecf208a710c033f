"""Every setting once: name, default, help. Standard library only; secrets are marked.

Settings come from the environment (the function app's configuration); `settings` makes values of
them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from shared import setting_forms as form
from shared import setting_places as place
from shared import setting_ways as way


class Setting(NamedTuple):
    """One row of the table. `parse` turns the text into a value or raises ValueError."""

    name: str
    field: str
    default: str
    help: str
    parse: Callable[[str], Any] = str
    secret: bool = False


TABLE = (
    Setting(
        "AzureWebJobsStorage",
        "storage",
        "",
        "Connection string of the storage account with the monitor's tables and queues. "
        "Leave it empty in Azure and name the account below: the app's identity is used.",
        way.connection,
        secret=True,
    ),
    Setting(
        "AzureWebJobsStorage__accountName",
        "storage_account",
        "",
        "Name of that storage account, reached with the app's identity.",
        form.account,
    ),
    Setting(
        "MONITOR_TARGETS",
        "targets",
        "pantry-crm",
        "The applications to watch, joined by commas.",
        form.ids,
    ),
    Setting(
        "APP_SERVICE_PLAN_ID",
        "plan",
        "",
        "Resource id of the CRM's App Service plan (CPU, memory, bytes, sockets).",
        place.RESOURCE_FORMS["plan"],
    ),
    Setting(
        "APP_SERVICE_ID",
        "app",
        "",
        "Resource id of the CRM's web app (its disk).",
        place.RESOURCE_FORMS["app"],
    ),
    Setting(
        "SQL_DATABASE_ID",
        "database",
        "",
        "Resource id of the CRM's Azure SQL database, which is read by SQL and as the platform "
        "sees it.",
        place.RESOURCE_FORMS["database"],
    ),
    Setting(
        "SQL_HOST",
        "sql_host",
        "{server}.database.windows.net",
        "Where databases are reached by SQL; {server} is the name in the resource id. Another one "
        "for sovereign clouds; empty, they are not read by SQL.",
        place.sql_host,
    ),
    Setting(
        "SQL_USER",
        "sql_user",
        "",
        "A database user, where the app's identity can't be used.",
        form.one_word,
    ),
    Setting(
        "SQL_PASSWORD",
        "sql_password",
        "",
        "That user's password.",
        secret=True,
    ),
    Setting(
        "SQL_DRIVER",
        "sql_driver",
        "",
        "An ODBC driver's name or path, or python-tds. Empty: Microsoft's newest that is "
        "installed, else python-tds.",
    ),
    Setting(
        "BUSINESS_NAMES",
        "business_names",
        "crm",
        "What the CRM calls the tables and columns that its own counts are made of: crm, brief, or "
        'a JSON object of names that differ from crm\'s, as in {"sessions": "dbo.UserSession"}. '
        "Empty: nothing is counted.",
        place.business_names,
    ),
    Setting(
        "LOG_ANALYTICS_WORKSPACE_ID",
        "workspace",
        "",
        "Id (GUID) of the Log Analytics workspace behind the CRM's Application Insights.",
        place.RESOURCE_FORMS["workspace"],
    ),
    Setting(
        "HEALTH_URL",
        "health_url",
        "",
        "The CRM's health page, asked twice a minute, such as https://crm.example.com/api/health. "
        "Under another path the monitor's own requests would count as traffic.",
        place.RESOURCE_FORMS["health_url"],
    ),
    Setting(
        "MORE_TARGETS",
        "more_targets",
        "",
        "The resources of further targets as JSON: target to an object of plan, app, database, "
        "workspace and health_url. The settings above describe the first target.",
        place.more_targets,
    ),
    Setting(
        "AZURE_MONITOR_ENDPOINT",
        "monitor_endpoint",
        "https://management.azure.com",
        "Where platform metrics are read; another one for sovereign clouds.",
        form.needed(way.azure("azure.com", "usgovcloudapi.net", "chinacloudapi.cn")),
    ),
    Setting(
        "LOG_ANALYTICS_ENDPOINT",
        "logs_endpoint",
        "https://api.loganalytics.io",
        "Where logs are queried; another one for sovereign clouds.",
        form.needed(
            way.azure("loganalytics.io", "loganalytics.us", "loganalytics.azure.cn", "azure.com")
        ),
    ),
    Setting(
        "ALERT_EMAIL",
        "alert_email",
        "",
        "Who gets alerts by e-mail. While it is empty, rules that mail have nobody to tell.",
        form.email,
    ),
    Setting(
        "ACS_CONNECTION_STRING",
        "acs",
        "",
        "Azure Communication Services, which sends the mails. Leave it empty and give the "
        "endpoint below to use the app's identity.",
        way.acs,
        secret=True,
    ),
    Setting(
        "ACS_ENDPOINT",
        "acs_endpoint",
        "",
        "Endpoint of Azure Communication Services, used with the app's identity.",
        way.azure("communication.azure.com", "communication.azure.us"),
    ),
    Setting(
        "MAIL_FROM",
        "mail_from",
        "",
        "The sender's address on the mail domain linked to Azure Communication Services.",
        form.email,
    ),
    Setting(
        "MAILS_PER_MINUTE",
        "mails_per_minute",
        "5",
        "How many mails the mail domain allows in a minute; 5 on an Azure-managed one.",
        form.count,
    ),
    Setting(
        "MAILS_PER_HOUR",
        "mails_per_hour",
        "10",
        "How many mails it allows in an hour; 10 on an Azure-managed one. Two of ten are kept "
        "for critical alerts.",
        form.count,
    ),
    Setting(
        "SLACK_WEBHOOKS",
        "slack_webhooks",
        "",
        "Slack's incoming webhooks as JSON: channel name to URL.",
        way.webhooks,
        secret=True,
    ),
    Setting(
        "SLACK_BOT_TOKEN",
        "slack_bot_token",
        "",
        "A Slack bot's token (xoxb-…), which may post to any channel it was invited to.",
        form.token,
        secret=True,
    ),
    Setting(
        "SLACK_ENDPOINT",
        "slack_endpoint",
        "https://slack.com/api",
        "Slack's Web API, used with the bot's token.",
        form.needed(way.azure("slack.com", "slack-gov.com")),
    ),
    Setting(
        "WEBHOOKS",
        "webhooks",
        "",
        "Receivers of webhooks as JSON: name to URL, or to an object of url and key, with which "
        "messages are signed (docs/webhooks.md).",
        way.hooks,
        secret=True,
    ),
    Setting(
        "WEBHOOK_HOSTS",
        "webhook_hosts",
        "",
        "Hosts on private networks that webhooks may lead to, as host or address:port, joined by "
        "commas.",
        way.listed_hosts,
    ),
    Setting(
        "TEAMS_WEBHOOKS",
        "teams_webhooks",
        "",
        "Webhooks of Teams workflows as JSON: name to URL.",
        way.plain_webhooks,
        secret=True,
    ),
    Setting(
        "SMS_FROM",
        "sms_from",
        "",
        "The number or name that SMS come from. While it is empty, none is sent.",
        form.sms_sender,
    ),
    Setting(
        "SMS_SEVERITY",
        "sms_severity",
        "critical",
        "The least severity that is worth an SMS; milder alerts go to the fallback channel.",
        form.severity,
    ),
    Setting(
        "SMS_CONNECTION_STRING",
        "sms",
        "",
        "Azure Communication Services for SMS, where it is not the mails' own.",
        way.acs,
        secret=True,
    ),
    Setting(
        "READER_TIME_ZONE",
        "reader_zone",
        "UTC",
        "The time zone of those who read the messages, such as Europe/Berlin: its time is told "
        "beside UTC.",
        form.needed(form.time_zone),
    ),
    Setting(
        "OFFICE_HOURS",
        "office_hours",
        "Mon-Fri 07:00-19:00",
        "When the CRM's people work, by READER_TIME_ZONE: what administrators do, and who looks at "
        "sensitive data, is counted outside of it.",
        form.needed(form.office_hours),
    ),
    Setting(
        "PUBLIC_URL",
        "public_url",
        "",
        "Where this app is reached, such as https://pantry-monitor.azurewebsites.net. Messages "
        "get links to acknowledge, snooze and resolve when it and ACTION_KEYS are set.",
        way.https_url,
    ),
    Setting(
        "ACTION_KEYS",
        "action_keys",
        "",
        "Secrets that sign those links, joined by commas: the first one signs, all are accepted. "
        "Put a new one first, and take the old one out a week later.",
        form.signing_keys,
        secret=True,
    ),
    Setting(
        "SEVERITY_ROUTES",
        "severity_routes",
        "",
        "Where the alerts of rules without actions go, as JSON: severity to a list of type:target, "
        'as in {"critical": ["email:${ALERT_EMAIL}", "slack:#alerts"]}.',
        form.severity_routes,
    ),
    Setting(
        "FALLBACK_CHANNEL",
        "fallback_channel",
        "console:log",
        "Where an alert goes when its own channel refuses it, as type:target; the target may hold "
        "${ALERT_EMAIL}. The default writes it to the log; empty means nowhere.",
        form.channel,
    ),
    Setting(
        "HEARTBEAT_URL",
        "heartbeat_url",
        "",
        "A dead man's switch in the manner of healthchecks.io, told each minute that the "
        "monitor is well, and under /fail what is wrong. It must raise an alarm when it hears "
        "nothing.",
        way.https_url,
        secret=True,
    ),
    Setting(
        "REPORT_CHANNEL",
        "report_channel",
        "email:${ALERT_EMAIL}",
        "Who gets the weekly report, as type:target; the target may hold ${ALERT_EMAIL}. Mails "
        "show it with charts; slack, teams and console its text. Empty: nobody.",
        form.report_channel,
    ),
    Setting(
        "REPORT_DAY",
        "report_day",
        "mon",
        "The day of the week on which it is sent: mon to sun, in READER_TIME_ZONE.",
        form.weekday,
    ),
    Setting(
        "REPORT_HOUR",
        "report_hour",
        "7",
        "The hour of that day, 0 to 23, in READER_TIME_ZONE.",
        form.hour,
    ),
    Setting(
        "AVAILABILITY_OBJECTIVE",
        "availability_objective",
        "99.5",
        "Percent of the probed minutes in which the CRM is to be available; reports tell how many "
        "of the others are left.",
        form.objective,
    ),
    Setting(
        "COLLECT_INLINE_MAX",
        "collect_inline_max",
        "5",
        "Up to so many targets are ticked and watched by the timers; more go through the queue.",
        form.count,
    ),
    Setting(
        "MINUTES_KEPT_DAYS",
        "minutes_kept",
        "90",
        "For how many days minutes are kept; beyond, each hour's summary is.",
        form.days(15),
    ),
    Setting(
        "HOURS_KEPT_DAYS",
        "hours_kept",
        "1096",
        "For how many days the summaries of hours and days are kept.",
        form.days(15),
    ),
    Setting(
        "ALERTS_KEPT_DAYS",
        "alerts_kept",
        "400",
        "For how many days alerts, their messages and deploy markers are kept after their end.",
        form.days(15),
    ),
    Setting(
        "AUDIT_KEPT_DAYS",
        "audit_kept",
        "400",
        "For how many days it is kept what people did.",
        form.days(15),
    ),
    Setting(
        "MONITOR_APP_ID",
        "own_app",
        "",
        "Resource id of the monitor's own function app: each night its executions are counted, so "
        "that reports tell what the monitor costs. Empty: they are not.",
        form.resource("Microsoft.Web/sites/[^/]+"),
    ),
    Setting(
        "MONITOR_STORAGE_ID",
        "own_storage",
        "",
        "Resource id of the monitor's own storage account: its transactions are counted likewise.",
        form.resource("Microsoft.Storage/storageAccounts/[^/]+"),
    ),
    Setting(
        "MONITOR_WORKSPACE_ID",
        "own_workspace",
        "",
        "Id (GUID) of the workspace of the monitor's own telemetry: its billable bytes are counted "
        "likewise. Empty where it shares the CRM's: whose bytes they are, that can't tell.",
        form.workspace,
    ),
    Setting(
        "PRICES",
        "prices",
        "",
        "US dollars where reports and python -m shared.cost must reckon with others than the "
        'shipped list prices, as JSON such as {"log_gigabytes": 2.76, "free_log_gigabytes": 0}.',
        form.prices,
    ),
    Setting(
        "AUTH_ISSUER",
        "auth_issuer",
        "",
        "Issuer of the callers' Entra ID tokens, such as "
        "https://login.microsoftonline.com/<tenant>/v2.0.",
        way.https_url,
    ),
    Setting(
        "AUTH_AUDIENCE",
        "auth_audience",
        "",
        "The audience that a caller's token must name, such as api://pantry-monitor.",
    ),
    Setting(
        "AUTH_JWKS_URL",
        "auth_jwks_url",
        "",
        "Where that issuer publishes its signing keys, such as "
        "https://login.microsoftonline.com/<tenant>/discovery/v2.0/keys.",
        way.https_url,
    ),
    Setting(
        "AUTH_ROLE_CLAIM",
        "auth_role_claim",
        "roles",
        "The claim that holds a caller's roles (admin, reader, deployer).",
        form.needed(form.one_word),
    ),
    Setting(
        "CRM_TOKEN_KEY",
        "crm_token_key",
        "",
        "Secret shared with the CRM's server, which signs short tokens (HS256) with it.",
        form.signing_key,
        secret=True,
    ),
)
