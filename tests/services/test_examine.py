"""What is broken is named once, where the trouble is; what hangs or crashes spoils nothing else."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.domain.checkups import Checkup, Verdict, is_fit
from shared.domain.errors import Untried, Unwell
from shared.ports import Examination
from shared.services.examine import MOST_AT_ONCE, examine
from tests.stopwatch import seconds_at_most


def an_examination(name: str, ask: Callable[[], str] = lambda: "fine", *after: str) -> Examination:
    return Examination(name=name, breaks=f"what {name} is for", ask=ask, after=after)


def raises(error: Exception) -> Callable[[], str]:
    def ask() -> str:
        raise error

    return ask


def verdicts(found: list[Checkup]) -> dict[str, Verdict]:
    return {one.name: one.verdict for one in found}


def test_a_broken_one_is_named_with_its_mend_and_those_behind_it_are_not_asked() -> None:
    asked: list[str] = []

    def note() -> str:
        asked.append("table")
        return "fine"

    found = examine(
        [
            an_examination("grant", note, "login"),
            an_examination("login", note, "identity"),
            an_examination("identity", raises(Unwell("no token", mend="az login"))),
            an_examination("clock"),
        ]
    )

    assert [one.name for one in found] == ["grant", "login", "identity", "clock"]
    assert verdicts(found) == {
        "grant": Verdict.UNTRIED,
        "login": Verdict.UNTRIED,
        "identity": Verdict.BROKEN,
        "clock": Verdict.WELL,
    }
    assert (found[2].said, found[2].mend) == ("no token", "az login")
    assert found[2].breaks == "what identity is for"
    assert found[1].said == "it needs identity first"
    assert asked == []
    assert not is_fit(found)


def test_what_is_optional_or_cannot_be_asked_is_told_and_breaks_nothing() -> None:
    found = examine(
        [
            an_examination("role", raises(Unwell("it is not there", limps=True))),
            an_examination("sms", raises(Untried("a test costs an SMS"))),
            an_examination("blocking", lambda: "fine", "role"),
        ]
    )

    assert list(verdicts(found).values()) == [Verdict.LACKING, Verdict.UNTRIED, Verdict.WELL]
    assert is_fit(found)


def test_one_patience_is_for_all_however_they_wait_for_each_other() -> None:
    ended = threading.Event()
    slow = timedelta(seconds=3)

    def wait() -> str:
        ended.wait(2)
        return "at last"

    with seconds_at_most(6):
        found = examine(
            [
                an_examination("well"),
                an_examination("first", wait),
                an_examination("second", wait, "first"),
                an_examination("third", wait, "second"),
            ],
            patience=slow,
        )
    ended.set()

    assert list(verdicts(found).values()) == [
        *(Verdict.WELL, Verdict.WELL),
        *(Verdict.BROKEN, Verdict.UNTRIED),
    ]
    assert found[2].mend.startswith("ask again")
    assert found[3].said == "it needs second first"


def test_nobody_waits_for_whom_he_does_not_need() -> None:
    asked = threading.Event()

    def hold() -> str:
        asked.wait(10)
        return "fine"

    def follow() -> str:
        asked.set()
        return "fine"

    found = examine(
        [
            an_examination("slow", hold),
            an_examination("login"),
            an_examination("grant", follow, "login"),
        ]
    )

    assert set(verdicts(found).values()) == {Verdict.WELL}


def test_hundreds_are_asked_a_few_at_a_time_and_what_hangs_leaves_the_rest_unasked() -> None:
    lock, ended = threading.Lock(), threading.Event()
    under_way, most = 0, 0

    def count() -> str:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.002)
        with lock:
            under_way -= 1
        return "fine"

    def hang() -> str:
        ended.wait(30)
        return "late"

    many = [an_examination(f"target {number}", count) for number in range(300)]
    stuck = [an_examination(f"stuck {number}", hang) for number in range(MOST_AT_ONCE)]

    assert set(verdicts(examine(many)).values()) == {Verdict.WELL}
    assert 2 <= most <= MOST_AT_ONCE
    found = examine([*stuck, an_examination("last")], patience=timedelta(seconds=3))
    ended.set()
    assert {one.verdict for one in found[:-1]} == {Verdict.BROKEN}
    assert (found[-1].verdict, found[-1].said) == (
        Verdict.UNTRIED,
        "there was no time left to ask it",
    )


def test_what_mends_it_is_asked_when_everything_is_known() -> None:
    known: list[str] = []

    def name() -> str:
        asked.wait(10)
        known.append("the app")
        return "fine"

    def fail() -> str:
        asked.set()
        raise Unwell("no", mend=lambda: f"restart {known}")

    asked = threading.Event()
    found = examine([an_examination("mail", fail), an_examination("identity", name)])

    assert found[0].mend == "restart ['the app']"


def test_what_hangs_or_crashes_is_broken_alone() -> None:
    ended = threading.Event()

    def hang() -> str:
        ended.wait(10)
        return "late"

    found = examine(
        [
            an_examination("slow", hang),
            an_examination("odd", raises(KeyError("what"))),
            an_examination("well"),
        ],
        patience=timedelta(seconds=1),
    )
    ended.set()

    assert [one.said for one in found] == ["no answer within 1 s", "KeyError: 'what'", "fine"]
    assert [one.verdict for one in found[:2]] == [Verdict.BROKEN] * 2


def test_a_name_that_nobody_examines_holds_nobody_up_and_a_circle_is_a_mistake() -> None:
    assert examine([an_examination("login", lambda: "fine", "identity")])[0].said == "fine"
    with pytest.raises(ValueError, match="wait for each other: egg, hen"):
        examine([an_examination("egg", lambda: "", "hen"), an_examination("hen", str, "egg")])
