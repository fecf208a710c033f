"""The SQL answerer: an engine behind TDS, broken as the desk's faults say."""

from local.cloud.answerers import Desk, TcpAnswerer
from local.cloud.sql.breaking import Breaking
from local.cloud.sql.engine import Engine
from local.cloud.sql.server import SqlServer

NAME = "sql"


def answerer(desk: Desk, engine: Engine) -> TcpAnswerer:
    """Who connects and what they ask is in `desk.visits`; TLS is with `desk.certificate`."""
    breaking = Breaking(desk.faults, NAME)
    return TcpAnswerer(NAME, SqlServer(engine, breaking, desk.certificate, desk.visits))
