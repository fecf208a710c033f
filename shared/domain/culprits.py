"""Which queries ran when a database came under load: what an alert about it can name."""

import re
from collections.abc import Iterable
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

LONGEST = 500
"""Characters of a statement that are kept."""
COUNTS_FOR = timedelta(minutes=10)
"""A look is good for so long: what begins anew within it is laid to the same queries."""
MOST = 3
"""How many statements an alert names."""


class Culprit(Struct, frozen=True, kw_only=True, rename="camel"):
    """A statement that was being executed, by one session or several.

    Of logins that fail there is no session (0), and the statement is a sentence about who tries.
    `statement`: without its literals, at most LONGEST characters. `session`: the one that has run
    it for longest (`running_ms`). CPU time in ms and logical reads (8-KB pages) are those of all
    `sessions`. `waiting`: sessions that the head of a chain of blocked ones keeps waiting; then
    `running_ms` is how long the longest of them has waited, and what it costs is not told.
    """

    statement: str
    session: int
    program: str = ""
    host: str = ""
    running_ms: float = 0
    cpu_ms: float = 0
    logical_reads: float = 0
    sessions: int = 1
    waiting: int = 0


_TOKEN = re.compile(
    r"""
      (?P<comment> --[^\n]*(\n|$) | /\*(?: [^*/] | \*(?!/) | /(?!\*) | /\*.*?(\*/|$) )*(\*/|$) )
    | (?P<name>    \[(?:[^\]]|\]\])*(\]|$) )
    | (?P<text>    N?'(?:[^']|'')*('|$) | "(?:[^"]|"")*("|$) )
    | (?P<number>  (?<![\w@$\#.]) \$? (?: 0x[0-9a-f]* | \d+(?:\.\d*)?(?:e[+-]?\d+)? | \.\d+ ) )
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)


def masked(statement: str) -> str:
    """The statement in one line with `?` for every literal: those are the CRM's own data.

    Comments go too, with one inside another. A text that was cut in the middle of a literal is
    masked to its end.
    """

    def put(found: re.Match[str]) -> str:
        if found["name"]:
            return found[0]
        return " " if found["comment"] else "?"

    line = in_line(_TOKEN.sub(put, statement))
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def in_line(text: str) -> str:
    """The text in one line that can be shown: programs and hosts call themselves what they like."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def gathered(running: Iterable[Culprit]) -> tuple[Culprit, ...]:
    """One culprit for each statement, however many sessions run it; the hungriest first."""
    found: dict[str, Culprit] = {}
    for one in running:
        known = found.get(one.statement)
        found[one.statement] = one if known is None else _joined(known, one)
    return tuple(sorted(found.values(), key=lambda one: -one.cpu_ms))[:MOST]


def _joined(one: Culprit, other: Culprit) -> Culprit:
    longest = max(one, other, key=lambda each: each.running_ms)
    return replace(
        longest,
        cpu_ms=one.cpu_ms + other.cpu_ms,
        logical_reads=one.logical_reads + other.logical_reads,
        sessions=one.sessions + other.sessions,
    )


def described(culprit: Culprit) -> str:
    """Who runs what for how long, in a line."""
    if not culprit.session:
        return culprit.statement
    where = f" on {culprit.host}" if culprit.host else ""
    who = f"session {culprit.session} ({culprit.program or 'unknown program'}{where})"
    if culprit.sessions > 1:
        who = f"{culprit.sessions} sessions, the first of them {who}"
    seconds = culprit.running_ms / 1000
    if culprit.waiting:
        waits = "session waits" if culprit.waiting == 1 else "sessions wait"
        return (
            f"{culprit.waiting} {waits} for {who}, the longest for {seconds:,.0f} s: "
            f"{culprit.statement}"
        )
    return f"{who}, for {seconds:,.0f} s with {culprit.cpu_ms:,.0f} ms CPU: {culprit.statement}"
