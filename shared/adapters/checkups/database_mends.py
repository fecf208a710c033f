"""The commands that let the app into a database, and let it read what it counts there."""

import re
from uuid import UUID

from shared.adapters.checkups.identities import Identity

GRANT_SCRIPT = "infra/hooks/grant_sql.sh"
_DATABASE = re.compile(
    r".*/resourceGroups/([^/]+)/.*/servers/([^/]+)/databases/([^/]+)", re.IGNORECASE
)


def sql(server: str, database: str, statement: str) -> str:
    """Run a statement as the server's Entra admin; go-sqlcmd then signs in as az does."""
    signing_in = "--authentication-method ActiveDirectoryDefault"
    return f'sqlcmd -S {server} -d {database} {signing_in} -Q "{statement}"'


def let_in(server: str, database: str, who: Identity) -> str:
    """Make the app's identity a user of the database, with what no figure can do without."""
    made = f"CREATE USER [{who.name}] {_as_whom(who)}"
    # An older app of that name may have left a user, whose identity is gone.
    statement = (
        f"DROP USER IF EXISTS [{who.name}]; {made}; GRANT VIEW DATABASE STATE TO [{who.name}]"
    )
    return f"{sql(server, database, statement)}   # {GRANT_SCRIPT} grants the rest"


def _as_whom(who: Identity) -> str:
    """An app's SID is its client id; without it the server looks the name up in the directory."""
    try:
        return f"WITH SID = 0x{UUID(who.client).bytes_le.hex().upper()}, TYPE = E"
    except ValueError:
        return "FROM EXTERNAL PROVIDER"


def join_server_role(server: str, role: str, name: str) -> str:
    """Give a login a server's role; a user of the database alone has no login yet."""
    unknown = f"NOT EXISTS (SELECT 1 FROM sys.server_principals WHERE name = N'{name}')"  # noqa: S608 - shown, not run
    statement = (
        f"IF {unknown} EXEC (N'CREATE LOGIN [{name}] FROM EXTERNAL PROVIDER'); "
        f"ALTER SERVER ROLE [{role}] ADD MEMBER [{name}]"
    )
    again = f"GRANT_SERVER_STATE=yes {GRANT_SCRIPT}"
    return f"{sql(server, 'master', statement)}   # {again} makes its user that login's"


def show_sessions(server: str, database: str) -> str:
    """Who fills a database up; its admin may get in when others don't."""
    statement = (
        "SELECT program_name, host_name, COUNT(*) AS sessions FROM sys.dm_exec_sessions "
        "WHERE is_user_process = 1 GROUP BY program_name, host_name ORDER BY sessions DESC"
    )
    return f"{sql(server, database, statement)}   # too many of the CRM's: restart it"


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
