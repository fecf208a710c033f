"""What the monitor's login may read; it may change at any time, as an administrator would."""

from threading import Lock

from local.cloud.sql.engine import DENIED, SqlError
from local.cloud.sql.inside_views import INSIDE_VIEWS

DATABASE = "pantry"
VIEW_DATABASE_STATE = "VIEW DATABASE STATE"
VIEW_SERVER_STATE = "VIEW SERVER STATE"
VIEW_DEFINITION = "VIEW DEFINITION"
PERMISSIONS = (VIEW_DATABASE_STATE, VIEW_SERVER_STATE, VIEW_DEFINITION)
NO_DATABASE_PERMISSION = 262
NO_ACTION_PERMISSION = 297
NO_SERVER_PERMISSION = 300

_NEEDED = {
    "dm_db_resource_stats": VIEW_DATABASE_STATE,
    "dm_db_wait_stats": VIEW_DATABASE_STATE,
    "dm_db_partition_stats": VIEW_DATABASE_STATE,
    "database_query_store_options": VIEW_DATABASE_STATE,
    **dict.fromkeys(
        (name for name in INSIDE_VIEWS if name.startswith("query_store_")), VIEW_DATABASE_STATE
    ),
    # On Basic, S0 and S1 only: elsewhere VIEW DATABASE STATE is enough.
    "dm_exec_connections": VIEW_SERVER_STATE,
    "dm_db_index_usage_stats": VIEW_SERVER_STATE,
    "dm_os_sys_info": VIEW_SERVER_STATE,
    **dict.fromkeys(
        (name for name in INSIDE_VIEWS if name.startswith(("dm_db_missing_", "dm_tran_"))),
        VIEW_SERVER_STATE,
    ),
}
_NUMBERS = (DENIED, NO_DATABASE_PERMISSION, NO_ACTION_PERMISSION, NO_SERVER_PERMISSION)


class Grants:
    """Permissions that are held, and objects that are refused whatever is held; thread-safe.

    VIEW SERVER STATE stands for membership of ##MS_ServerStateReader##, which brings VIEW DATABASE
    STATE with it. Without VIEW DEFINITION the catalog's views are empty, and nothing is refused.
    """

    def __init__(self, *permissions: str) -> None:
        self._held = set(permissions or PERMISSIONS)
        self._refused: dict[str, int] = {}
        self._lock = Lock()

    def give(self, permission: str) -> None:
        """Grant one of PERMISSIONS."""
        with self._lock:
            self._held.add(_known(permission))

    def take(self, permission: str) -> None:
        """Revoke it."""
        with self._lock:
            self._held.discard(_known(permission))

    def refuse(self, name: str, number: int = DENIED) -> None:
        """Let reading a view or table fail with 229, 262, 297 or 300, whatever is held."""
        if number not in _NUMBERS:
            raise ValueError(f"a refusal is one of {', '.join(map(str, _NUMBERS))}, not {number}")
        with self._lock:
            self._refused[_bare(name)] = number

    def allow(self, name: str) -> None:
        """End such a refusal."""
        with self._lock:
            self._refused.pop(_bare(name), None)

    def holds(self, permission: str) -> bool:
        """Whether the login has it, by itself or by its role."""
        with self._lock:
            by_role = permission == VIEW_DATABASE_STATE and VIEW_SERVER_STATE in self._held
            return by_role or permission in self._held

    def refused(self) -> list[str]:
        """The names, in small letters, of what can't be selected from."""
        with self._lock:
            return sorted(self._refused)

    def check(self, name: str, schema: str) -> None:
        """Raises the SqlError with which reading that object fails, if it does."""
        with self._lock:
            number = self._refused.get(_bare(name))
        if number is not None:
            raise _refusal(number, name, schema)
        needed = _NEEDED.get(name)
        if needed is not None and not self.holds(needed):
            database = needed == VIEW_DATABASE_STATE
            number = NO_DATABASE_PERMISSION if database else NO_SERVER_PERMISSION
            raise _refusal(number, name, schema)


def _known(permission: str) -> str:
    if permission not in PERMISSIONS:
        raise ValueError(f"a permission is one of {', '.join(PERMISSIONS)}, not {permission}")
    return permission


def _bare(name: str) -> str:
    return name.rpartition(".")[2].lower()


def _refusal(number: int, name: str, schema: str) -> SqlError:
    texts = {
        DENIED: f"The SELECT permission was denied on the object '{name}', "
        f"database '{DATABASE}', schema '{schema}'.",
        NO_DATABASE_PERMISSION: f"{VIEW_DATABASE_STATE} permission denied in database "
        f"'{DATABASE}'.",
        NO_ACTION_PERMISSION: "The user does not have permission to perform this action.",
        NO_SERVER_PERMISSION: f"{VIEW_SERVER_STATE} permission was denied on object 'server', "
        "database 'master'.",
    }
    return SqlError(number, texts[number], severity=14)
