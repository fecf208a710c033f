"""The resources that the Azure on the desk has: the ids that settings name."""

TENANT = "0d5c0a1e-6f0e-4a53-9b7c-2f1f7c6f5a10"
SUBSCRIPTION = "5f3b1c52-7d0e-4c5b-9a55-3d8f0c6b7e21"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/pantry"

PLAN = f"{GROUP}/providers/Microsoft.Web/serverfarms/pantry-plan"
APP = f"{GROUP}/providers/Microsoft.Web/sites/pantry-crm"
DATABASE = f"{GROUP}/providers/Microsoft.Sql/servers/pantry-sql/databases/pantry"
MONITOR = f"{GROUP}/providers/Microsoft.Web/sites/pantry-monitor"
COMMUNICATION = f"{GROUP}/providers/Microsoft.Communication/CommunicationServices/pantry-mail"
WORKSPACE = "9a1f6f3c-2b64-4f0e-8a57-61c0f2d7b3e4"

REFERENCES = {
    name: name.lower().replace("_", "-")
    for name in (
        *("ACS_CONNECTION_STRING", "SMS_CONNECTION_STRING", "SLACK_WEBHOOKS", "SLACK_BOT_TOKEN"),
        *("WEBHOOKS", "TEAMS_WEBHOOKS", "ACTION_KEYS", "HEARTBEAT_URL", "CRM_TOKEN_KEY"),
    )
}
"""The settings of the monitor that are secrets of its vault."""

REGION = "westeurope"
