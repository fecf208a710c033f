"""The commands that mend what an examination found, ready to be pasted.

What the monitor can't know stands in angle brackets, quoted like everything that a shell would
take for its own.
"""

from collections.abc import Iterable
from shlex import quote

from shared.adapters.checkups.identities import Identity
from shared.adapters.checkups.setting_mends import Printed, by_name

NOTHING = "nothing to do here: it is asked again each minute; https://status.azure.com says more"
SLACK_AWAY = "nothing to do here: each message is tried again; https://slack-status.com says more"
WHY_NONE = "   # if none is listed then: python -c 'import function_app' says why"
LIST_APPS = 'az functionapp list --query "[].id" --output tsv   # --app wants one of these'
_COMMUNICATION = "2023-04-01"


def grant_role(role: str, scope: str, who: Identity) -> str:
    """Assign a role on one resource; `scope` is its id, or a command that finds it."""
    kind = "ServicePrincipal" if who.is_app else "User"
    return (
        f'az role assignment create --role "{role}" --assignee-object-id {quote(who.principal)} '
        f"--assignee-principal-type {kind} --scope {scope}"
    )


def storage_scope(account: str) -> str:
    """What finds the id of a storage account by its name."""
    return f'"$(az storage account show --name {account} --query id --output tsv)"'


def workspace_scope(workspace: str) -> str:
    """What finds the id of a Log Analytics workspace by its GUID."""
    query = f"[?customerId=='{workspace}'].id"
    return f'"$(az monitor log-analytics workspace list --query "{query}" --output tsv)"'


def communication_scope(host: str) -> str:
    """What finds the id of the Communication Services at a host."""
    return f'"$(az communication list --query "[?hostName==\'{host}\'].id" --output tsv)"'


def telemetry_scope(resource: str) -> str:
    """What finds the id of the Application Insights by its own id (ApplicationId)."""
    query = f"[?appId=='{resource or '<ApplicationId>'}'].id"
    return f'"$(az monitor app-insights component show --query "{query}" --output tsv)"'


def raise_cap(workspace: str) -> str:
    """Let a workspace take more a day; `workspace`: its GUID, if a setting names it."""
    ids = workspace_scope(workspace) if workspace else quote("<id of the monitor's workspace>")
    update = f"az monitor log-analytics workspace update --ids {ids} --quota '<GB a day>'"
    return f"{update}   # and dailyCapGb in main.bicepparam for good"


def look_for_communication(host: str) -> str:
    """Whether Communication Services are there at all."""
    listed = 'az communication list --query "[].hostName" --output tsv'
    return f"{listed}   # is {host} not among them, it is gone; else https://status.azure.com"


def linked_domains(host: str) -> str:
    """Which mail domains Communication Services may send from."""
    found = f"az communication list --query \"[?hostName=='{host}'].id\" --output tsv"
    url = f"https://management.azure.com$({found})?api-version={_COMMUNICATION}"
    return f'az rest --method get --url "{url}" --query properties.linkedDomains'


def communication_key(host: str) -> Printed:
    """What tells the connection string of the Communication Services at a host."""
    found = f"az communication list --query \"[?hostName=='{host}'].id\" --output tsv"
    url = f"https://management.azure.com$({found})/listKeys?api-version={_COMMUNICATION}"
    command = f'az rest --method post --url "{url}"'
    return Printed(f"{command} --query primaryConnectionString --output tsv")


def storage_key(account: str) -> Printed:
    """What tells the connection string of a storage account."""
    shown = f"az storage account show-connection-string --name {account}"
    return Printed(f"{shown} --query connectionString --output tsv")


def list_functions(app_id: str) -> str:
    """Which functions the platform knows."""
    return f'az functionapp function list {by_name(app_id)} --query "[].name"'


def start(app_id: str) -> str:
    """Start a function app that was stopped."""
    return f"az functionapp start --ids {quote(app_id)}"


def enable(functions: Iterable[str], app_id: str) -> str:
    """Take away the settings by which functions were disabled."""
    names = " ".join(f"AzureWebJobs.{one}.Disabled" for one in functions)
    delete = f"az functionapp config appsettings delete --ids {quote(app_id)}"
    return f"{delete} --setting-names {names} --output none"


def restart(resource_id: str) -> str:
    """Restart a web app."""
    return f"az webapp restart --ids {quote(resource_id)}"


def restart_monitor(who: Identity) -> str:
    """Restart the function app."""
    return f"az functionapp restart --ids {quote(who.app_id)}"


def ask_page(url: str, app_id: str) -> str:
    """See what a health page says; an app that says nothing within 10 s is restarted."""
    asked = f"curl --include --max-time 10 {quote(url)}"
    return f"{asked} || {restart(app_id or '<resource id of the CRM app>')}"


def show_poison(queue: str, account: str) -> str:
    """See the first messages that were given up, then throw all of them away."""
    named = f"--queue-name {queue} --account-name {account} --auth-mode login"
    peek = f"az storage message peek {named} --num-messages 32"
    return f"{peek} && az storage message clear {named}   # passes do their work again"


def sync_triggers(who: Identity) -> str:
    """Make the platform look for functions again."""
    url = f"https://management.azure.com{who.app_id}/host/default/sync?api-version=2024-04-01"
    return f'az rest --method post --url "{url}"'
