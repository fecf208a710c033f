"""A statement is shown without the CRM's data, and sessions that run the same are one culprit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.culprits import LONGEST, MOST, Culprit, described, gathered, in_line, masked


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        ("SELECT 1", "SELECT ?"),
        ("WHERE name = N'O''Brien' AND id = 42", "WHERE name = ? AND id = ?"),
        ("WHERE a = -1.5e3 OR b = .5 OR c = 0xDEADbeef", "WHERE a = -? OR b = ? OR c = ?"),
        ("WHERE a > $1000.50 AND b = 5AND c$1 = €7", "WHERE a > ? AND b = ?AND c$1 = €?"),
        ("WHERE [a]]'s] = 'x' AND b = 'y'", "WHERE [a]]'s] = ? AND b = ?"),
        ("WHERE [it's 5 o'clock] = 'x'", "WHERE [it's 5 o'clock] = ?"),
        ("WHERE \"quoted\" = 'x'", "WHERE ? = ?"),
        ("TOP (@P1) t2.c3, #temp4, @v5, col_6", "TOP (@P1) t2.c3, #temp4, @v5, col_6"),
        ("SELECT a -- of customer 7\nFROM b", "SELECT a FROM b"),
        ("SELECT /* 'secret' */ a", "SELECT a"),
        ("WHERE mail = 'ann@exam", "WHERE mail = ?"),
        ("SELECT a /* never ended", "SELECT a"),
        ("SELECT a /* x /* y */ it's */ FROM b WHERE c = 'd'", "SELECT a FROM b WHERE c = ?"),
        ("SELECT a /* x /* never", "SELECT a"),
        ("/***/SELECT/**/1/* 2 */ ", "SELECT ?"),
        ("  SELECT\n\ta  ", "SELECT a"),
        ("", ""),
    ],
)
def test_literals_and_comments_are_masked(statement: str, shown: str) -> None:
    assert masked(statement) == shown


def test_what_is_shown_is_one_line() -> None:
    """Else a program's name could add lines of its own to an alert."""
    assert in_line(" crm\r\nRESOLVED \x1b[2J\u202e\x00x ") == "crm RESOLVED [2J x"
    assert masked("SELECT\x00\x1ba -- comment\nFROM b") == "SELECT a FROM b"


@given(st.text(alphabet="abc'\"[]0 -/*\n", max_size=60), st.text("xyz", min_size=4, max_size=9))
def test_no_text_in_quotes_survives(before: str, secret: str) -> None:
    """Whatever stands before it: a closed quote, an open one, a bracket or a comment."""
    closed = before.replace("'", "").replace('"', "").replace("[", "").replace("/*", "")

    assert secret not in masked(f"{closed}\n'{secret}'")


def test_a_long_statement_is_cut() -> None:
    assert len(masked("SELECT " + "a, " * LONGEST)) == LONGEST
    assert masked("SELECT " + "a, " * LONGEST).endswith("…")


def a_culprit(statement: str = "SELECT a", session: int = 51, **rest: float) -> Culprit:
    return Culprit(statement=statement, session=session, program="crm", **rest)  # type: ignore[arg-type]


def test_sessions_that_run_the_same_are_one_culprit() -> None:
    found = gathered(
        [
            a_culprit(session=51, cpu_ms=10, running_ms=100, logical_reads=1),
            a_culprit("SELECT b", session=52, cpu_ms=15),
            a_culprit(session=53, cpu_ms=20, running_ms=900, logical_reads=2),
        ]
    )

    assert [(one.statement, one.sessions, one.cpu_ms) for one in found] == [
        ("SELECT a", 2, 30),
        ("SELECT b", 1, 15),
    ]
    assert (found[0].session, found[0].running_ms, found[0].logical_reads) == (53, 900, 3)


def test_a_few_culprits_are_enough() -> None:
    assert len(gathered(a_culprit(f"SELECT {n}") for n in range(MOST + 2))) == MOST
    assert gathered([]) == ()


def test_a_culprit_is_told_in_a_line() -> None:
    one = a_culprit(running_ms=34_600, cpu_ms=31_200)
    many = gathered([one, a_culprit(session=52)])[0]

    assert described(one) == "session 51 (crm), for 35 s with 31,200 ms CPU: SELECT a"
    assert described(many).startswith("2 sessions, the first of them session 51 (crm), for 35 s")
