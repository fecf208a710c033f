"""Who blocks whom, transactions that stay open, and connections that are not shared."""

from collections.abc import Iterable

from shared.domain.blockings import SeenChain
from shared.domain.inspections import BlockingChain, OpenTransaction, SessionGroup
from shared.domain.quantities import clock, quantity
from shared.domain.recommendations.situations import Situation
from shared.domain.recommendations.values import (
    Confidence,
    Fact,
    Gist,
    Measure,
    Recommendation,
    Remedy,
    Text,
    percent,
    recommend,
)
from shared.domain.times import MINUTE, minutes_between

BLOCKING = Gist(
    kind="blocking_chain",
    type="blocking",
    link="https://learn.microsoft.com/azure/azure-sql/database/understand-resolve-blocking",
)
TRANSACTION = Gist(
    kind="open_transaction",
    type="long_transaction",
    link="https://learn.microsoft.com/sql/relational-databases/"
    "sql-server-transaction-locking-and-row-versioning-guide",
)
CHURN = Gist(
    kind="connection_churn",
    type="connection_pooling",
    link="https://learn.microsoft.com/sql/connect/ado-net/sql-server-connection-pooling",
)
PATIENCE_MS = 60_000.0
"""After a minute in the queue everybody has given up."""
LEAST_WAIT_MS = 1_000.0
MOST_OF_THE_PAST = 0.3
"""What is over can't be helped any more; it comes again when nothing changes."""
FEW_WAITS = 4
"""Whoever is seen has waited for a minute: how many of them make half of the urgency."""
OFTEN_BLOCKED = 0.02
SEEN_WITHIN = 2 * MINUTE
"""An inspection is named by the minute in which it begins, and takes one at most."""
INDEX_IT = "Give the statement that waits an index, so that it locks fewer rows."
IDLE_FOR = 5 * MINUTE
RUNS_FOR = 30 * MINUTE
WHOLE_HOUR = 60.0
FEWEST_SESSIONS = 5
YOUNG_SHARE = 0.5


def blocking_chains(situation: Situation) -> Iterable[Recommendation]:
    """Sessions that wait for another one, seen by the inspection.

    Urgency = min(longest wait / 60 s, 1) × (1 - 0.5 ^ sessions that wait).
    """
    chains = (situation.inspection and situation.inspection.blocking) or ()
    for chain in chains:
        if chain.wait_ms >= LEAST_WAIT_MS:
            urgency = min(chain.wait_ms / PATIENCE_MS, 1.0) * (1 - 0.5**chain.blocked)
            yield recommend(
                BLOCKING,
                _subject(chain),
                _blocking_text(chain),
                urgency=urgency,
                size=chain.wait_ms * chain.blocked,
                confidence=Confidence.HIGH,
                remedy=_unblock(chain, situation),
            )


def _blocking_text(chain: BlockingChain) -> Text:
    state = "sleeps in a transaction that it left open" if chain.is_idle else "is at work"
    waits = quantity(round(chain.wait_ms / 1000), "s")
    return Text(
        f"{chain.blocked} {'session waits' if chain.blocked == 1 else 'sessions wait'} "
        f"for session {chain.head}",
        f"Session {chain.head}{_who(chain.program, chain.host)} {state}; the longest has waited "
        f"for {waits}.",
        (
            "End the head's session if nobody works in it: the script does, if it has not gone on.",
            _end_sooner(chain),
            INDEX_IT,
        ),
        (
            Fact("sessions that wait", str(chain.blocked)),
            Fact("longest wait", waits),
            *_victim(chain),
        ),
    )


def _subject(chain: BlockingChain) -> str:
    return chain.text or f"session {chain.head}"


def _end_sooner(chain: BlockingChain) -> str:
    if chain.is_idle:
        return "Commit or roll back in the request that began the transaction, also after an error."
    return "Make the transaction shorter: fewer rows at once, nothing slow inside."


def _victim(chain: BlockingChain) -> Iterable[Fact]:
    return [Fact("who waits longest", chain.victim)] if chain.victim else []


def _unblock(chain: BlockingChain, situation: Situation) -> Remedy:
    return Remedy(
        statement=chain.text or None,
        script=_end_session(chain.head, situation),
        measure=_blocked(situation),
    )


def _end_session(number: int, situation: Situation) -> str:
    """Numbers are given anew: whoever has asked for something since then is somebody else.

    One that sleeps without a transaction has ended it meanwhile, and keeps nobody waiting.
    """
    seen = situation.inspected_at + SEEN_WITHIN
    same = f"session_id = {number} AND last_request_start_time <= '{seen:%Y-%m-%dT%H:%M:%S}'"
    holds = "(status <> 'sleeping' OR open_transaction_count > 0)"
    found = f"SELECT 1 FROM sys.dm_exec_sessions WHERE {same} AND {holds}"  # noqa: S608 - ours
    return f"IF EXISTS ({found}) KILL {number};"


def _blocked(situation: Situation) -> Measure | None:
    blocked = situation.mean("blockedSessions")
    if blocked is None:
        return None
    return Measure("metric:blockedSessions", "blocked sessions", blocked, "count")


def _blocked_share(situation: Situation) -> float:
    stretch = situation.day.get("blockedSessions")
    return stretch.share(1) if stretch is not None else 0.0


def _who(program: str, host: str) -> str:
    named = " on ".join(filter(None, (program, host)))
    return f" ({named})" if named else ""


def noticed_blocking(situation: Situation) -> Iterable[Recommendation]:
    """Sessions that waited for another one for minutes, seen within the last day.

    Urgency = 0.3 × (1 - 0.5 ^ (sessions that waited × times that it was seen / 4)), or the share of
    the 5-minute steps of the last 24 hours with a blocked session where that is more. It is the
    same advice as about a chain that an inspection sees.
    """
    for one in situation.noticed:
        met = 1 - 0.5 ** (one.chain.blocked * one.looks / FEW_WAITS)
        yield recommend(
            BLOCKING,
            _subject(one.chain),
            _noticed_text(one),
            urgency=max(MOST_OF_THE_PAST * met, _blocked_share(situation)),
            size=one.chain.wait_ms * one.chain.blocked,
            confidence=Confidence.HIGH,
            remedy=Remedy(statement=one.chain.text or None, measure=_blocked(situation)),
        )


def _noticed_text(one: SeenChain) -> Text:
    chain, waits = one.chain, quantity(round(one.chain.wait_ms / 1000), "s")
    state = "slept in a transaction that it left open" if chain.is_idle else "was at work"
    often = "once" if one.looks == 1 else f"{one.looks} times"
    return Text(
        f"{chain.blocked} {'session' if chain.blocked == 1 else 'sessions'} waited for a session"
        f"{_who(chain.program, chain.host)}",
        f"It {state}; the longest had waited for {waits}. Seen {often} in the last day, for the "
        f"last time at {clock(one.last_at)}.",
        (
            _end_sooner(chain),
            INDEX_IT,
        ),
        (
            Fact("sessions that waited", str(chain.blocked)),
            Fact("longest wait", waits),
            *_victim(chain),
        ),
    )


def frequent_blocking(situation: Situation) -> Iterable[Recommendation]:
    """Sessions that waited for locks in more than 2 % of the day, and no chain was seen.

    Urgency = the share of the 5-minute steps of the last 24 hours with a blocked session.
    """
    chains = (situation.inspection and situation.inspection.blocking) or situation.noticed
    share = _blocked_share(situation)
    if share > OFTEN_BLOCKED and not chains:
        yield recommend(
            BLOCKING,
            "day",
            Text(
                f"Sessions waited for locks in {percent(share)} of the last day",
                "None waited for long, nor when the database was inspected, so it is not known for "
                "whom.",
                (
                    "Look at the alert's timeline: at such a moment it names what was executed.",
                    "Make transactions short, and change tables in the same order everywhere.",
                ),
                (Fact("of the day with a blocked session", percent(share)),),
            ),
            urgency=share,
            size=share,
            confidence=Confidence.LOW,
        )


def open_transactions(situation: Situation) -> Iterable[Recommendation]:
    """Transactions left open: idle for 5 minutes, or at work for 30; heads of chains left out.

    Urgency = 0.3 × min(age / 60 min, 1), half of it while the session works: locks and the log are
    kept meanwhile, but nobody waits so far.
    """
    inspection = situation.inspection
    if inspection is None:
        return
    heads = {chain.head for chain in inspection.blocking or ()}
    for one in inspection.transactions or ():
        age = minutes_between(one.began_at, inspection.at)
        idle = one.idle_since is not None and inspection.at - one.idle_since >= IDLE_FOR
        if one.session not in heads and (idle or age * MINUTE >= RUNS_FOR):
            yield recommend(
                TRANSACTION,
                one.text or one.program,
                _transaction_text(one, age, idle=idle),
                urgency=0.3 * min(age / WHOLE_HOUR, 1.0) * (1.0 if idle else 0.5),
                size=age,
                remedy=Remedy(
                    statement=one.text or None, script=_end_session(one.session, situation)
                ),
            )


def _transaction_text(one: OpenTransaction, age: int, *, idle: bool) -> Text:
    state = "and asks for nothing" if idle else "and is at work"
    return Text(
        f"A transaction is open for {age} min",
        f"Session {one.session}{_who(one.program, one.host)} began it {age} min ago {state}: its "
        "locks stay, and the log can't be cut.",
        (
            "Commit or roll back in the same request, also after an error.",
            "Set XACT_ABORT ON, so that a time-out rolls back.",
            "End the session if nobody works in it: the script does, if it has not gone on.",
        ),
        (Fact("open for", quantity(age, "min")),),
    )


def connection_churn(situation: Situation) -> Iterable[Recommendation]:
    """A program that logs in again and again: most of its sessions are less than a minute old.

    Urgency = 0.6 × the share of young sessions × the share of the 30 workers or 300 sessions that
    are in use at the day's busiest times, the program's own sessions of the 300 at least.
    """
    groups = (situation.inspection and situation.inspection.sessions) or ()
    busy = max(_in_use(metric, situation) for metric in ("workersPercent", "sessionsPercent"))
    for one in groups:
        share = one.young / one.sessions if one.sessions else 0.0
        if one.sessions >= FEWEST_SESSIONS and share >= YOUNG_SHARE:
            yield recommend(
                CHURN,
                f"{one.program}|{_without_number(one.host)}",
                _churn_text(one, share, busy),
                urgency=0.6 * share * max(busy, one.sessions / 300),
                size=one.young,
                confidence=Confidence.HIGH if share >= 0.8 else Confidence.MEDIUM,
            )


def _in_use(metric: str, situation: Situation) -> float:
    stretch = situation.day.get(metric)
    return ((stretch.high() if stretch is not None else None) or 0.0) / 100


def _without_number(host: str) -> str:
    """Instances come and go; the app stays the same."""
    return host.rstrip("0123456789-")


def _churn_text(one: SessionGroup, share: float, busy: float) -> Text:
    return Text(
        f"{one.program or 'A program'} opens a connection for each request",
        f"{one.young} of its {one.sessions} sessions{_who('', one.host)} logged in within the last "
        f"minute, and {percent(busy)} of the database's workers or sessions were in use at busy "
        "times: each login costs more than most queries.",
        (
            "Make one pool when the process starts, and take connections from it.",
            "Leave 5 to 10 connections to the pool: the database has 30 workers.",
            "Close what is borrowed in a finally block, so that it comes back after an error.",
        ),
        (
            Fact("sessions", str(one.sessions)),
            Fact("younger than a minute", percent(share)),
            Fact("idle for 5 minutes", str(one.idle)),
        ),
    )
