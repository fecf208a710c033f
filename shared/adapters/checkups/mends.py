"""The commands that mend what an examination found, ready to be pasted.

What the monitor can't know stands in angle brackets.
"""

import json
import re

from shared.adapters.checkups.identities import Identity

GRANT_SCRIPT = "infra/sql/grant-monitor.sql"
NOTHING = "nothing to do here: it is asked again each minute; https://status.azure.com says more"
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


def communication_scope(host: str) -> str:
    """What finds the id of the Communication Services at a host."""
    return f'"$(az communication list --query "[?hostName==\'{host}\'].id" --output tsv)"'


def set_setting(name: str, value: str, who: Identity) -> str:
    """Change one of the app's settings; by hand it lasts until the next deployment."""
    return f"az functionapp config appsettings set --ids {who.app_id} --settings '{name}={value}'"


def set_names(names: dict[str, str], who: Identity) -> str:
    """Say what the CRM calls its tables."""
    return set_setting("BUSINESS_NAMES", json.dumps(names), who)


def show(resource_id: str) -> str:
    """Look whether a resource is there."""
    return f"az resource show --ids {resource_id} --query properties.state"


def restart(resource_id: str) -> str:
    """Restart an app."""
    return f"az webapp restart --ids {resource_id}"


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
