"""The commands that mend what an examination found, ready to be pasted.

What the monitor can't know stands in angle brackets, quoted like everything that a shell would
take for its own.
"""

import json
import re
from collections.abc import Mapping
from shlex import quote

from shared.adapters.checkups.identities import Identity

GRANT_SCRIPT = "infra/sql/grant-monitor.sql"
NOTHING = "nothing to do here: it is asked again each minute; https://status.azure.com says more"
RAISE_CAP = (
    "az monitor log-analytics workspace update --resource-group '<group>' "
    "--workspace-name '<the monitor's own>' --quota '<GB a day>'   # and dailyCapGb for good"
)
LIST_APPS = 'az functionapp list --query "[].id" --output tsv   # --app wants one of these'
_WITH_ENTRY = (
    "import json, sys; name, url = sys.argv[1:]; given = json.load(sys.stdin); "
    "old = given.get(name); "
    'given[name] = {**old, "url": url} if isinstance(old, dict) else url; '
    "print(json.dumps(given))"
)
_DATABASE = re.compile(
    r".*/resourceGroups/([^/]+)/.*/servers/([^/]+)/databases/([^/]+)", re.IGNORECASE
)


def grant_role(role: str, scope: str, who: Identity) -> str:
    """Assign a role on one resource; `scope` is its id, or a command that finds it."""
    kind = "ServicePrincipal" if who.is_app else "User"
    return (
        f'az role assignment create --role "{role}" --assignee-object-id {who.principal} '
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


def set_setting(name: str, value: str, who: Identity) -> str:
    """Change one of the app's settings; by hand it lasts until the next deployment."""
    settings = quote(f"{name}={value}")
    return f"az functionapp config appsettings set --ids {quote(who.app_id)} --settings {settings}"


def set_entry(name: str, entry: str, url: str, who: Identity) -> str:
    """Change the URL of one entry of a setting that is a JSON object; the others stay."""
    ids = quote(who.app_id)
    query = f"[?name=='{name}'].value"
    listed = f'az functionapp config appsettings list --ids {ids} --query "{query}" --output tsv'
    changed = f'"{name}=$({listed} | {with_entry(entry, url)})"'
    return f"az functionapp config appsettings set --ids {ids} --settings {changed} --output none"


def with_entry(entry: str, url: str) -> str:
    """A filter that changes the URL of one entry of the JSON object that it is given."""
    return f"python3 -c '{_WITH_ENTRY}' {quote(entry)} {quote(url)}"


def set_names(names: Mapping[str, str], who: Identity) -> str:
    """Say what the CRM calls its tables."""
    return set_setting("BUSINESS_NAMES", json.dumps(names), who)


def list_functions(app_id: str) -> str:
    """Which functions the platform knows."""
    _, _, group = app_id.partition("/resourceGroups/")
    named = f"--resource-group {group.partition('/')[0]} --name {app_id.rpartition('/')[2]}"
    return f'az functionapp function list {named} --query "[].name"'


def restart(resource_id: str) -> str:
    """Restart a web app."""
    return f"az webapp restart --ids {quote(resource_id)}"


def restart_monitor(who: Identity) -> str:
    """Restart the function app."""
    return f"az functionapp restart --ids {quote(who.app_id)}"


def sync_triggers(who: Identity) -> str:
    """Make the platform look for functions again."""
    url = f"https://management.azure.com{who.app_id}/host/default/sync?api-version=2024-04-01"
    return f'az rest --method post --url "{url}"'


def sql(server: str, database: str, statement: str) -> str:
    """Run a statement as the server's Entra admin; go-sqlcmd then signs in as az does."""
    signing_in = "--authentication-method ActiveDirectoryDefault"
    return f'sqlcmd -S {server} -d {database} {signing_in} -Q "{statement}"'


def let_in(server: str, database: str, who: Identity) -> str:
    """Make the app's identity a user of the database, with what no figure can do without."""
    statement = (
        f"CREATE USER [{who.name}] FROM EXTERNAL PROVIDER; "
        f"GRANT VIEW DATABASE STATE TO [{who.name}]"
    )
    return f"{sql(server, database, statement)}   # {GRANT_SCRIPT} grants the rest"


def join_server_role(server: str, role: str, name: str) -> str:
    """Give a login a server's role; a user of the database alone has no login yet."""
    unknown = f"NOT EXISTS (SELECT 1 FROM sys.server_principals WHERE name = N'{name}')"  # noqa: S608 - shown, not run
    statement = (
        f"IF {unknown} EXEC (N'CREATE LOGIN [{name}] FROM EXTERNAL PROVIDER'); "
        f"ALTER SERVER ROLE [{role}] ADD MEMBER [{name}]"
    )
    return f"{sql(server, 'master', statement)}   # {GRANT_SCRIPT}: its user must be FROM LOGIN"


def open_firewall(database_id: str) -> str:
    """Let Azure's services reach the server of a database."""
    group, server, _ = parts_of(database_id)
    return (
        f"az sql server firewall-rule create --resource-group {group} --server {server} "
        "--name allow-azure --start-ip-address 0.0.0.0 --end-ip-address 0.0.0.0"
    )


def list_databases(database_id: str) -> str:
    """Which databases the server has."""
    group, server, _ = parts_of(database_id)
    return f"az sql db list --resource-group {group} --server {server} --query [].name"


def parts_of(database_id: str) -> tuple[str, str, str]:
    """Resource group, server and database of a resource id."""
    found = _DATABASE.fullmatch(database_id)
    return (found[1], found[2], found[3]) if found else ("<group>", "<server>", "<database>")
