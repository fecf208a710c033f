"""The SQL answerer: an engine behind TDS, broken as the desk's faults say."""

from local.cloud.answerers import Desk, TcpAnswerer
from local.cloud.sql.breaking import Breaking
from local.cloud.sql.database import make_engine
from local.cloud.sql.engine import Engine
from local.cloud.sql.server import SqlServer

NAME = "sql"


def answerer(desk: Desk, engine: Engine | None = None) -> TcpAnswerer:
    """Who connects and what they ask is in `desk.visits`; TLS is with `desk.certificate`.

    Without an `engine` it is the one over the desk's world, which is then `desk.database`.
    """
    if engine is None:
        engine = desk.engine = make_engine(desk)
    breaking = Breaking(desk.faults, NAME)
    return TcpAnswerer(NAME, SqlServer(engine, breaking, desk.certificate, desk.visits))
