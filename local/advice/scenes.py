"""Databases with one culprit among decoys, each a temptation; and calm ones with decoys alone."""

import random
from collections.abc import Callable, Mapping
from datetime import timedelta

from msgspec.structs import replace

from local.advice.databases import DAY, HOUR, NOW, Database, Query, Table
from shared.domain.deployments import Deployment
from shared.domain.inspections import (
    BlockingChain,
    FailedQuery,
    Index,
    MissingIndex,
    OpenTransaction,
    SessionGroup,
    Statistics,
)

DECOYS_OF_A_SCENE = 4
MINUTE = timedelta(minutes=1)

Span = tuple[float, float]
"""The least and the most of something that chance draws."""


def ordinary(seed: str) -> Database:
    """A database at work: some ten queries that together take 10 to 30 % of its DTU."""
    made = Database(random.Random(seed))
    chance = made.random
    made.uptime_days = chance.uniform(20, 60)
    for _ in range(chance.randint(5, 9)):
        made.add_table(rows=round(10 ** chance.uniform(3, 5.5)), writes=chance.randint(20, 4_000))
    for _ in range(chance.randint(8, 14)):
        table, executions = made.table(), 10 ** chance.uniform(2, 4)
        column, shown = chance.sample(table.columns, 2)
        cpu, pages = made.points(chance.choice(["cpu", "io"]), chance.uniform(0.4, 2.2), executions)
        text = f"SELECT TOP (?) Id, {shown} FROM {table.name} WHERE {column} = ? ORDER BY Id"
        made.add_query(text, cpu, pages, executions)
    made.sessions += [
        SessionGroup(program="node-mssql", host="crm-web-1", sessions=chance.randint(5, 10)),
        SessionGroup(program="Azure Data Studio", host="LAPTOP", sessions=2, idle=1, young=1),
    ]
    made.deployments.append(a_deploy(made, chance.uniform(30, 150)))
    made.memory.base = chance.uniform(380, 560)
    return made


def a_deploy(made: Database, hours_ago: float) -> Deployment:
    """A version that went live."""
    at = (made.now - hours_ago * HOUR).replace(second=0, microsecond=0)
    version = f"1.{made.random.randint(0, 30)}.{made.random.randint(0, 9)}"
    return Deployment(id=version, target="pantry-crm", at=at, version=version, by="pipeline")


# Culprits: each answers what the advice should be about.


def bad_query(made: Database) -> str:
    """A statement that no index can help, 22 to 60 points of DTU."""
    one, other, executions = made.table(), made.table(), 10 ** made.random.uniform(2.2, 3.6)
    resource, share = made.random.choice(["cpu", "io"]), made.random.uniform(22, 60)
    cpu, pages = made.points(resource, share, executions)
    text = (
        f"SELECT a.Id, b.Id FROM {one.name} a CROSS JOIN {other.name} b "
        f"WHERE UPPER(a.{one.columns[0]}) LIKE ? ORDER BY a.{one.columns[1]}"
    )
    return str(made.add_query(text, cpu, pages, executions).id)


def missing_index(made: Database) -> str:
    """A scan of a large table for each request, since long or for some days: 20 to 55 points."""
    table = made.add_table(rows=made.random.randint(150_000, 600_000), writes=400)
    column, shown = table.columns[:2]
    executions = 10 ** made.random.uniform(2.3, 3.3)
    cpu, pages = made.points("io", made.random.uniform(20, 55), executions)
    text = f"SELECT Id, {shown} FROM {table.name} WHERE {column} = ? AND {table.columns[2]} > ?"
    query = made.add_query(text, cpu, pages, executions)
    days = made.random.choice([made.uptime_days, made.random.uniform(1, 6)])
    query.first_seen_at = made.now - days * DAY
    made.missing.append(
        MissingIndex(
            table=table.name,
            equality=(column,),
            inequality=(table.columns[2],),
            included=(shown,),
            seeks=round(executions * days * made.random.uniform(0.8, 1)),
            cost=pages / 800,
            impact=made.random.uniform(72, 99),
        )
    )
    return table.name


def memory_leak(made: Database) -> str:
    """200 to 900 MB since a restart one and a half to five days ago."""
    hours = made.random.uniform(40, 120)
    made.memory.restarted_at = made.now - hours * HOUR
    made.memory.leak = made.random.uniform(200, 900) / hours
    if made.random.random() < 0.5:
        made.deployments.append(a_deploy(made, hours + 0.1))
    return "1,600 MB"


def blocking_chain(made: Database) -> str:
    """Three to twelve sessions behind one that sleeps in a transaction, or works on and on."""
    table, head = made.table(), made.random.randint(51, 200)
    is_idle = made.random.random() < 0.7
    text = f"UPDATE {table.name} SET {table.columns[0]} = ? WHERE {table.columns[1]} = ?"
    victim = f"SELECT Id FROM {table.name} WHERE {table.columns[1]} = ?"
    wait_ms = made.random.uniform(30_000, 300_000)
    made.chains.append(
        BlockingChain(
            head=head,
            text=text,
            blocked=made.random.randint(3, 12),
            wait_ms=wait_ms,
            program="node-mssql",
            host="crm-web-1",
            is_idle=is_idle,
            victim=victim,
        )
    )
    began = made.now - timedelta(milliseconds=wait_ms) - 2 * MINUTE
    idle = began + MINUTE if is_idle else None
    made.transactions.append(
        OpenTransaction(session=head, began_at=began, text=text, idle_since=idle)
    )
    waiting = made.add_query(victim, 12, 300, 900)
    made.failures.append(
        FailedQuery(
            query_hash=waiting.hash,
            query_id=waiting.id,
            text=victim,
            aborted=made.random.randint(10, 200),
            exceptions=0,
            executions=900,
        )
    )
    made.blocked_share, made.workers = made.random.uniform(0.02, 0.1), 45.0
    return f"session {head}"


def regression(made: Database) -> str:
    """After a deploy yesterday a query takes 3 to 12 times as much: 18 to 50 points of DTU."""
    return _regressed(made, made.random.uniform(20, 23))


def young_regression(made: Database) -> str:
    """The same after a deploy of 2 to 7 hours ago: the day's mean hardly knows it yet."""
    return _regressed(made, made.random.uniform(2, 7))


def _regressed(made: Database, hours_ago: float) -> str:
    table, executions = made.table(), 10 ** made.random.uniform(2.5, 3.8)
    cpu, pages = made.points("io", made.random.uniform(18, 50), executions)
    deploy = a_deploy(made, hours_ago)
    made.deployments.append(deploy)
    text = f"SELECT Id FROM {table.name} WHERE {table.columns[0]} = ? OR {table.columns[1]} = ?"
    query = made.add_query(text, cpu, pages, executions)
    factor = made.random.uniform(3, 12)
    _worsen(made, query, factor)
    query.worse_since = deploy.at + made.random.randint(3, 50) * MINUTE
    return str(query.id)


def _worsen(made: Database, query: Query, factor: float) -> None:
    query.before = (query.cpu_ms / factor, query.pages / factor)
    new_plan = made.random.random() < 0.8
    query.plans = (query.id + 1, query.id + 2) if new_plan else (query.id + 1,)
    query.worse_since = made.now - made.random.uniform(2, 20) * HOUR


def connection_churn(made: Database) -> str:
    """An app that logs in for each request: its sessions are young, the workers nearly used up."""
    sessions = made.random.randint(14, 40)
    young = round(sessions * made.random.uniform(0.8, 1))
    program = f"node-{made.random.choice(['tedious', 'mssql', 'prisma'])}"
    host = f"crm-{made.random.choice(['api', 'jobs'])}-{made.random.randint(1, 3)}"
    made.sessions.append(
        SessionGroup(program=program, host=host, sessions=sessions, young=young, running=2)
    )
    made.workers = made.random.uniform(70, 85)
    made.logins_cpu = made.random.uniform(4, 12)
    return program


Culprit = Callable[[Database], str]
KIND_OF: Mapping[str, str] = {"young_regression": "plan_regression"}
"""The kind of the advice, where the culprit is not called like it."""
CULPRITS: Mapping[str, Culprit] = {
    "bad_query": bad_query,
    "missing_index": missing_index,
    "memory_leak": memory_leak,
    "blocking_chain": blocking_chain,
    "plan_regression": regression,
    "young_regression": young_regression,
    "connection_churn": connection_churn,
}


# Decoys: each looks worse than the culprit in some figure, and matters little.


def nightly_report(made: Database) -> None:
    """By far the dearest execution there is, once to three times a day: 1 to 5 points."""
    executions = made.random.randint(1, 3)
    cpu, pages = made.points("cpu", made.random.uniform(1, 5), executions)
    table = made.table()
    text = f"SELECT {table.columns[0]}, COUNT(*) FROM {table.name} GROUP BY {table.columns[0]}"
    made.add_query(text, cpu, pages, executions)


def usual_query(made: Database) -> None:
    """Where the work has always gone, and rightly: 6 to 12 points."""
    executions = 10 ** made.random.uniform(3, 4)
    resource = made.random.choice(["cpu", "io"])
    cpu, pages = made.points(resource, made.random.uniform(6, 12), executions)
    table = made.table()
    columns = ", ".join(table.columns)
    text = f"SELECT TOP (?) {columns} FROM {table.name} WHERE {table.columns[0]} = ?"
    made.add_query(text, cpu, pages, executions)


def small_index(made: Database) -> None:
    """An index that would really help, a query of 2 to 5 points."""
    table = made.add_table(rows=made.random.randint(20_000, 90_000), writes=200)
    _scanned(made, table, often=(2, 3), share=(2, 5), impact=(80, 99.5))


def _scanned(made: Database, table: Table, *, often: Span, share: Span, impact: Span) -> None:
    """By a query of 10 ** `often` executions a day, a `share` of DTU, which wants an index."""
    executions = 10 ** made.random.uniform(*often)
    cpu, pages = made.points("io", made.random.uniform(*share), executions)
    column = table.columns[0]
    made.add_query(f"SELECT Id FROM {table.name} WHERE {column} = ?", cpu, pages, executions)
    made.missing.append(
        MissingIndex(
            table=table.name,
            equality=(column,),
            seeks=round(executions * made.uptime_days),
            cost=pages / 800,
            impact=made.random.uniform(*impact),
        )
    )


def loud_index(made: Database) -> None:
    """The optimiser expects 99 % less of something very dear, and asked for it five times."""
    table = made.table()
    made.missing.append(
        MissingIndex(
            table=table.name,
            equality=tuple(table.columns[:2]),
            included=tuple(table.columns[2:]),
            seeks=made.random.randint(1, 5),
            cost=made.random.uniform(300, 2_000),
            impact=made.random.uniform(98.5, 99.9),
        )
    )


def written_index(made: Database) -> None:
    """Asked for all the time, on a table that is written far more than it is read."""
    table = made.add_table(rows=80_000, writes=made.random.randint(300_000, 600_000))
    _scanned(made, table, often=(3, 4), share=(2, 4), impact=(80, 97))


def chatty_query(made: Database) -> None:
    """More executions than all others together, each next to nothing: 2 to 5 points."""
    executions = made.random.randint(60_000, 150_000)
    cpu, pages = made.points("cpu", made.random.uniform(2, 5), executions)
    made.add_query(f"SELECT Id FROM {made.table().name} WHERE Id = ?", cpu, pages, executions)


def idle_tool(made: Database) -> None:
    """Someone's reporting tool holds more sessions than the app, all of them asleep."""
    made.sessions.append(
        SessionGroup(program="Power BI", host="DESKTOP-7", sessions=24, idle=23, young=1)
    )


def short_wait(made: Database) -> None:
    """A session waited for a second or two when somebody looked."""
    made.chains.append(
        BlockingChain(
            head=made.random.randint(201, 250),
            text=f"UPDATE {made.table().name} SET UpdatedAt = ? WHERE Id = ?",
            blocked=1,
            wait_ms=made.random.uniform(400, 2_500),
        )
    )


def open_editor(made: Database) -> None:
    """A transaction that somebody's editor left open for some minutes."""
    began = made.now - made.random.randint(6, 12) * MINUTE
    made.transactions.append(
        OpenTransaction(
            session=made.random.randint(251, 290),
            began_at=began,
            text=f"SELECT * FROM {made.table().name}",
            program="Azure Data Studio",
            idle_since=began,
        )
    )


def small_regression(made: Database) -> None:
    """Eight times worse than last week, and still nothing: 1 to 2 points."""
    table, executions = made.table(), 10 ** made.random.uniform(1.5, 2.5)
    cpu, pages = made.points("cpu", made.random.uniform(1, 2), executions)
    text = f"SELECT MAX({table.columns[1]}) FROM {table.name} WHERE {table.columns[0]} = ?"
    _worsen(made, made.add_query(text, cpu, pages, executions), 8)


def dead_weight(made: Database) -> None:
    """A large index that nobody reads, and one that is there twice."""
    table = made.table()
    idle = Index(
        table=table.name,
        name=f"IX_old_{made.random.randint(1, 99)}",
        kind="NONCLUSTERED",
        keys=(table.columns[0],),
        size_mb=made.random.uniform(5, 90),
        reads=0,
        writes=round(table.writes * made.uptime_days),
    )
    twin = replace(idle, name="IX_twin", includes=(table.columns[1],), reads=4_000)
    made.indexes += [idle, twin]


def old_statistics(made: Database) -> None:
    """Statistics that nobody renewed for a month."""
    table = max(made.tables, key=lambda one: one.rows)
    made.statistics.append(
        Statistics(
            table=table.name,
            name="_WA_Sys_1",
            updated_at=made.now - 30 * DAY,
            rows=table.rows,
            changes=table.rows,
        )
    )


def high_memory(made: Database) -> None:
    """A process that has always needed much, with a high wave at noon."""
    made.memory.base = made.random.uniform(600, 680)
    made.memory.wave = made.random.uniform(120, 220)


def fresh_deploy(made: Database) -> None:
    """A version that went live this morning and did nothing wrong."""
    made.deployments.append(a_deploy(made, made.random.uniform(0.5, 4)))


Decoy = Callable[[Database], None]
DECOYS: tuple[Decoy, ...] = (
    nightly_report,
    usual_query,
    small_index,
    loud_index,
    written_index,
    chatty_query,
    idle_tool,
    short_wait,
    open_editor,
    small_regression,
    dead_weight,
    old_statistics,
    high_memory,
    fresh_deploy,
)


def scene(name: str, seed: int, decoys: int = DECOYS_OF_A_SCENE) -> tuple[Database, str]:
    """A database with that culprit among decoys, and what its advice has to name."""
    made = ordinary(f"{name} {seed}")
    for decoy in made.random.sample(DECOYS, decoys):
        decoy(made)
    return made, CULPRITS[name](made)


def calm(seed: int, day: int = 0) -> Database:
    """A database without any culprit and six decoys, on a day of its week."""
    made = ordinary(f"calm {seed} {day}")
    made.now = NOW + day * DAY
    for decoy in made.random.sample(DECOYS, 6):
        decoy(made)
    return made
