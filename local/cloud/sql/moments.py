"""What the system views show at one moment: rows by view, as mappings of column to value.

A column that a row leaves out is NULL.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha256
from typing import Any

from local.cloud.sql.accounts import READ_COMMITTED, Account
from local.cloud.sql.grants import DATABASE
from local.cloud.sql.inside_keys import query_hash
from local.cloud.sql.inside_rows import InsideRows
from local.cloud.sql.kept import naive
from local.world.events import ResourceRow, RunningRequest, World, WorldMinute
from local.world.inside import Inside
from local.world.levels import PAGE
from local.world.running import FIRST_SESSION, HOST, PROGRAM, WORKER_HOST
from shared.domain.times import MINUTE, each_minute, floor_minute

Row = dict[str, Any]

DATABASE_ID = 5
DTU_LIMIT = 5
LOG_PAGES = 1024
CRM_LOGIN = "pantry-crm"
_REMEMBERED = timedelta(hours=1)
_MS = timedelta(milliseconds=1)
_SYSTEM_SESSIONS = range(1, 7)


@dataclass(frozen=True)
class Moment:
    """The database at `now`, as the connection `asking` may see it.

    `sees_sessions` and `sees_requests`: those of others, too, not only its own. `refused`: names of
    what can't be selected from.
    """

    world: World
    now: datetime
    asking: Account
    accounts: tuple[Account, ...]
    sees_sessions: bool = True
    sees_requests: bool = True
    sees_definitions: bool = True
    refused: frozenset[str] = frozenset()

    def rows(self, view: str) -> list[Row]:
        """The rows of a view of the schema sys; raises KeyError for one that there is not."""
        feeds = {
            "dm_db_resource_stats": self._resource_stats,
            "dm_exec_sessions": self._sessions,
            "dm_exec_connections": self._connections,
            "dm_exec_requests": self._requests,
            "dm_exec_sql_text": self._texts,
            "database_files": self._files,
            "database_service_objectives": self._objectives,
        }
        found = self.inside_rows.rows(view)
        return list(feeds[view]() if found is None else found)

    @cached_property
    def inside(self) -> Inside:
        """What the database shows of itself."""
        return self.world.inside(self.now)

    @cached_property
    def inside_rows(self) -> InsideRows:
        """The rows of the views that show it."""
        database = (DATABASE_ID, DATABASE)
        return InsideRows(self.inside, database, self.sees_definitions, self.refused)

    @cached_property
    def minute(self) -> WorldMinute:
        """The running minute."""
        return self.world.minute(floor_minute(self.now))

    @property
    def data_pages(self) -> int:
        """The pages that the data file uses."""
        return -(-self.minute.storage_bytes // PAGE)

    @property
    def pending(self) -> int:
        """The offline changes that wait: as many as when the last minute ended."""
        return self.world.minute(floor_minute(self.now) - MINUTE).business.sync_pending

    @cached_property
    def _running(self) -> tuple[RunningRequest, ...]:
        return self.world.requests_running(self.now)

    @property
    def _own(self) -> tuple[Account, ...]:
        return (self.asking,)

    def _resource_stats(self) -> Iterator[Row]:
        """A row for every fifteen seconds of the last hour that are over."""
        first = floor_minute(self.now - _REMEMBERED)
        for start in each_minute(first, floor_minute(self.now) + MINUTE):
            for row in self.world.minute(start).resources:
                if self.now - _REMEMBERED < row.end_time <= self.now:
                    yield _resource_row(row)

    def _sessions(self) -> Iterator[Row]:
        if self.sees_sessions:
            yield from (_system_session(number) for number in _SYSTEM_SESSIONS)
            yield from (self._crm_session(i) for i in range(self.minute.sessions))
        for account in self.accounts if self.sees_sessions else self._own:
            yield _account_session(account)

    def _crm_session(self, place: int) -> Row:
        number = FIRST_SESSION + place
        request = next((each for each in self._running if each.session_id == number), None)
        began = self._logged_in(place)
        blocks = any(each.blocked_by == number for each in self._running)
        last = request.started_at if request else self._idle_since(place)
        return {
            **_user_session(number, began, PROGRAM, CRM_LOGIN),
            "host_name": request.host if request else WORKER_HOST if blocks else HOST,
            "status": "running" if request else "sleeping",
            "cpu_time": (self.now - began) // MINUTE * (3 + place % 5),
            "logical_reads": (self.now - began) // MINUTE * (40 + place),
            "last_request_start_time": naive(last),
            "last_request_end_time": naive(last),
            "open_transaction_count": int(blocks),
        }

    def _idle_since(self, place: int) -> datetime:
        """Some seconds; but who forgot a transaction, since it began."""
        forgotten = self.inside.transactions
        began = {one.session_id - FIRST_SESSION: one.began_at for one in forgotten}
        return began.get(place, self.now - (1 + place % 20) * timedelta(seconds=1))

    def _logged_in(self, place: int) -> datetime:
        """Connections are of all ages that they reach."""
        step = self.inside.session_life / 50
        base = floor_minute(self.now) if step >= MINUTE else self.now
        return base - (1 + place * 7 % 50) * step

    def _connections(self) -> Iterator[Row]:
        last = {one.session_id: _handle(one.text) for one in self.inside.transactions}
        for row in self._sessions():
            if row["is_user_process"]:
                number = row["session_id"]
                yield {
                    "session_id": number,
                    "most_recent_session_id": number,
                    "connect_time": row["login_time"],
                    "net_transport": "TCP",
                    "protocol_type": "TSQL",
                    "encrypt_option": "TRUE",
                    "auth_scheme": "SQL",
                    "num_reads": 2 + row["logical_reads"] // 10,
                    "num_writes": 2 + row["logical_reads"] // 10,
                    "last_read": row["last_request_start_time"],
                    "last_write": row["last_request_end_time"],
                    "net_packet_size": 4096,
                    "client_net_address": "198.51.100.20",
                    "most_recent_sql_handle": last.get(number),
                }

    def _requests(self) -> Iterator[Row]:
        if self.sees_requests:
            yield from (_request(each) for each in self._running)
        for account in self.accounts if self.sees_requests else self._own:
            if (batch := account.batch) is not None:
                yield self._account_request(account, batch)

    def _account_request(self, account: Account, batch: str) -> Row:
        statement, began = account.statement, account.batch_at or self.now
        return {
            **_any_request(account.session_id, batch, statement.text if statement else batch),
            "start_time": naive(began),
            "connection_id": account.connection_id,
            "statement_start_offset": 2 * statement.begins if statement else 0,
            "statement_end_offset": 2 * (statement.ends - 1) if statement else -1,
            "cpu_time": account.batch_cpu_ms,
            "total_elapsed_time": (self.now - began) // _MS,
            "logical_reads": account.batch_reads,
            "transaction_isolation_level": account.isolation_level,
        }

    def _texts(self) -> Iterator[Row]:
        batches = [each.before + each.text for each in self._running if self.sees_requests]
        batches += [each.text for each in self.inside.transactions if self.sees_requests]
        others = self.accounts if self.sees_requests else self._own
        batches += [batch for account in others if (batch := account.batch) is not None]
        for batch in dict.fromkeys(batches):
            yield {
                "sql_handle": _handle(batch),
                "dbid": DATABASE_ID,
                "encrypted": False,
                "text": batch,
            }

    def _files(self) -> Iterator[Row]:
        most = self.world.storage_limit_bytes // PAGE
        yield _file(1, "ROWS", "data_0", min(self.data_pages + 2048, most), most)
        yield _file(2, "LOG", "log", 4 * LOG_PAGES, 2**27)

    def _objectives(self) -> Iterator[Row]:
        yield {"database_id": DATABASE_ID, "edition": "Basic", "service_objective": "Basic"}


def _resource_row(row: ResourceRow) -> Row:
    return {
        "end_time": naive(row.end_time),
        "avg_cpu_percent": row.cpu_percent,
        "avg_data_io_percent": row.data_io_percent,
        "avg_log_write_percent": row.log_write_percent,
        "avg_memory_usage_percent": 62.5,
        "xtp_storage_percent": 0,
        "max_worker_percent": row.workers_percent,
        "max_session_percent": row.sessions_percent,
        "dtu_limit": DTU_LIMIT,
        "avg_instance_cpu_percent": row.cpu_percent / 10,
        "avg_instance_memory_percent": 30,
        "replica_role": 0,
    }


def _system_session(number: int) -> Row:
    return {
        "session_id": number,
        "login_time": datetime(2025, 1, 6, 8),  # noqa: DTZ001 - as the view has it
        "login_name": "sa",
        "program_name": None,
        "status": "sleeping",
        "cpu_time": 0,
        "logical_reads": 0,
        "is_user_process": False,
        "database_id": 1,
        "open_transaction_count": 0,
    }


def _user_session(number: int, began: datetime, program: str, login: str) -> Row:
    return {
        "session_id": number,
        "login_time": naive(began),
        "program_name": program,
        "login_name": login,
        "original_login_name": login,
        "memory_usage": 2,
        "total_scheduled_time": 0,
        "total_elapsed_time": 0,
        "reads": 0,
        "writes": 0,
        "is_user_process": True,
        "transaction_isolation_level": READ_COMMITTED,
        "lock_timeout": -1,
        "deadlock_priority": 0,
        "row_count": 0,
        "prev_error": 0,
        "database_id": DATABASE_ID,
        "open_transaction_count": 0,
    }


def _account_session(account: Account) -> Row:
    last = naive(account.batch_at or account.opened_at)
    number, login = account.session_id, account.login
    return {
        **_user_session(number, account.opened_at, login.program, account.login_name),
        "host_name": login.host,
        "status": "sleeping" if account.batch is None else "running",
        "cpu_time": account.cpu_ms,
        "logical_reads": account.logical_reads,
        "last_request_start_time": last,
        "last_request_end_time": last,
        "transaction_isolation_level": account.isolation_level,
    }


def _any_request(number: int, batch: str, statement: str) -> Row:
    return {
        "session_id": number,
        "request_id": 0,
        "status": "running",
        "command": "SELECT",
        "sql_handle": _handle(batch),
        "plan_handle": b"\x06\x00" + sha256(batch.encode()).digest(),
        "query_hash": query_hash(statement),
        "query_plan_hash": sha256(b"plan" + statement.encode()).digest()[:8],
        "database_id": DATABASE_ID,
        "blocking_session_id": 0,
        "wait_time": 0,
        "wait_resource": "",
        "open_transaction_count": 0,
        "open_resultset_count": 1,
        "percent_complete": 0,
        "reads": 0,
        "writes": 0,
        "transaction_isolation_level": READ_COMMITTED,
        "dop": 1,
    }


def _request(request: RunningRequest) -> Row:
    batch = request.before + request.text
    return {
        **_any_request(request.session_id, batch, request.text),
        "start_time": naive(request.started_at),
        "status": request.status,
        "command": request.command,
        "statement_start_offset": 2 * len(request.before),
        "statement_end_offset": -1,
        "blocking_session_id": request.blocked_by,
        "wait_type": request.wait_type,
        "last_wait_type": request.wait_type or "SOS_SCHEDULER_YIELD",
        "wait_time": request.wait_ms,
        "cpu_time": request.cpu_ms,
        "total_elapsed_time": request.elapsed_ms,
        "logical_reads": request.logical_reads,
        "granted_query_memory": 128,
    }


def _handle(batch: str) -> bytes:
    """A handle of a batch, as long as the server's."""
    return b"\x02\x00\x00\x00" + sha256(batch.encode()).digest()[:20] + bytes(20)


def _file(number: int, kind: str, name: str, pages: int, most: int) -> Row:
    return {
        "file_id": number,
        "type": number - 1,
        "type_desc": kind,
        "data_space_id": 2 - number,
        "name": name,
        "physical_name": f"{DATABASE}_{name}",
        "state": 0,
        "state_desc": "ONLINE",
        "size": pages,
        "max_size": most,
        "growth": 2048,
        "is_media_read_only": False,
        "is_read_only": False,
        "is_sparse": False,
        "is_percent_growth": False,
        "is_name_reserved": False,
    }
