"""The line that every pass leaves in the log: what it says, and what it never says."""

import json
import logging
import threading
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from shared.domain.decisions import Transition
from shared.domain.errors import ChannelError, StoreUnavailable
from shared.domain.machine import State
from shared.domain.reasons import Reason
from shared.domain.records import Insert
from shared.services import minute as minutes
from shared.services.evaluate import Evaluation
from shared.services.leases import LEASES, Lease
from shared.services.passes import MOST_LISTED, Pass, line_of, public
from tests.builders import (
    BAD,
    OK,
    SLACK,
    T0,
    TARGET,
    Desk,
    ScriptedSource,
    a_rule,
    an_event,
    at,
)
from tests.services.conftest import MakeDesk

ADDRESSED = "admin@example.com"


@pytest.fixture(autouse=True)
def _heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The passes that the log tells of, oldest first."""
    said = [record.getMessage() for record in caplog.records]
    return [json.loads(one.removeprefix("pass ")) for one in said if one.startswith("pass {")]


def last_line(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    return lines(caplog)[-1]


def test_a_tick_says_what_it_did(make_desk: MakeDesk, caplog: pytest.LogCaptureFixture) -> None:
    desk = make_desk([BAD] * 9)
    desk.ticks(0, 3)

    line = last_line(caplog)

    assert (line["target"], line["pass"], line["minute"]) == (
        TARGET,
        "tick",
        "2026-01-01T00:02:00Z",
    )
    assert (line["skipped"], line["error"], line["behind"], line["broken"]) == (
        False,
        None,
        False,
        [],
    )
    assert (line["rules"], line["dispatched"], line["suppressions"]) == (1, 1, [])
    assert line["transitions"] == [
        {
            "rule": "dtu-high",
            "from": "pending",
            "to": "firing",
            "reason": "breach",
            "minute": "2026-01-01T00:01:00Z",
        }
    ]
    assert line["deliveries"] == [
        {"channel": "email", "status": "sent", "reason": "delivered", "count": 1}
    ]


def test_a_source_says_how_far_it_spoke(
    make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    desk = make_desk([OK] * 9)
    desk.tick(3)

    assert last_line(caplog)["sources"] == [
        {
            "source": "dmv",
            "samples": 3,
            "coveredUntil": "2026-01-01T00:03:00Z",
            "lagSeconds": 20,
            "uncovered": 0,
            "error": None,
        }
    ]


def test_a_source_that_fails_says_why_and_what_is_missing(
    make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    source = ScriptedSource([OK] * 9)
    desk = make_desk(sources=[source])
    desk.tick(3)
    source.silent = True
    desk.tick(8)

    assert last_line(caplog)["sources"] == [
        {
            "source": "dmv",
            "samples": 0,
            "coveredUntil": "2026-01-01T00:03:00Z",
            "lagSeconds": 320,
            "uncovered": 4,  # 5 minutes less the one in which it settles
            "error": "SourceError: the source is down",
        }
    ]


def test_nothing_is_known_of_a_source_that_never_spoke(
    make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    source = ScriptedSource([])
    source.silent = True
    make_desk(sources=[source]).tick(3)

    (said,) = last_line(caplog)["sources"]

    assert (said["coveredUntil"], said["lagSeconds"], said["uncovered"]) == (None, None, None)


def test_each_kind_of_pass_has_its_name_and_each_pass_its_id(
    make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    desk = make_desk([OK] * 9)
    desk.tick(3)
    desk.watch(3)
    message = minutes.CollectMessage(TARGET, at(4))
    minutes.collect_message(message, targets=[TARGET], house=desk.house, now=at(4, 30))
    minutes.close_stories(TARGET, house=desk.house, now=at(5))

    told = lines(caplog)

    assert [line["pass"] for line in told] == ["tick", "watch", "collect", "close"]
    assert len({line["id"] for line in told}) == 4


def test_every_step_is_timed(make_desk: MakeDesk, caplog: pytest.LogCaptureFixture) -> None:
    make_desk([OK] * 9).tick(3)

    durations = last_line(caplog)["durations"]

    assert durations.keys() == {"collect", "evaluate", "dispatch", "deliver", "total"}
    assert all(isinstance(one, int) and one >= 0 for one in durations.values())


def test_a_pass_that_finds_the_target_leased_says_so(
    make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    desk = make_desk([OK] * 9)
    desk.house.config.commit(LEASES, [Insert(TARGET, Lease("somebody", at(4)))])
    desk.tick(3)

    assert (last_line(caplog)["skipped"], last_line(caplog)["sources"]) == (True, [])


def test_a_pass_that_fails_half_way_leaves_its_line_too(
    make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    desk = make_desk([OK] * 9)
    silence(desk)
    with pytest.raises(StoreUnavailable):
        desk.tick(3)

    line = last_line(caplog)

    assert line["error"] == "StoreUnavailable: no answer from https://x.table.example/Samples?…"
    assert line["durations"].keys() == {"collect", "total"}


def silence(desk: Desk) -> None:
    """A store whose samples can't be read; its error quotes an URL with a key in it."""

    def latest(target: str) -> Any:
        raise StoreUnavailable("no answer from https://x.table.example/Samples?sig=c2VjcmV0")

    desk.house.samples.latest = latest  # type: ignore[method-assign]


def test_lines_are_logged_from_the_functions_own_thread(
    make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    """The Functions host drops what is logged from a thread that it did not start."""
    desk = make_desk([OK] * 9)
    minutes.tick_all(["one", "two"], inline_max=5, house=desk.house, now=at(3))
    silence(desk)
    minutes.tick_all(["one", "two"], inline_max=5, house=desk.house, now=at(4))

    said = [one for one in caplog.records if one.getMessage().startswith(("pass ", "the pass "))]

    assert len(said) == 6
    assert {one.thread for one in said} == {threading.get_ident()}
    assert [line["error"] is None for line in lines(caplog)] == [True, True, False, False]


def test_no_address_and_no_name_of_a_channel_is_in_the_line(
    make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    desk = make_desk([BAD] * 9, rules=[a_rule(), a_rule("second", actions=(SLACK,))])
    desk.channels["email"].failures.append(ChannelError(f"no such person: {ADDRESSED}"))
    desk.ticks(0, 3)
    desk.watch(2)

    text = json.dumps(lines(caplog))

    assert '"reason": "retry"' in text
    assert ADDRESSED not in text
    assert SLACK.target not in text


def test_an_error_shows_no_query_and_not_more_than_its_beginning() -> None:
    assert public("GET https://a.example/b?sig=1&x=2 failed: 403") == (
        "GET https://a.example/b?… failed: 403"
    )
    assert public("url='https://a.example/b?sig=1'") == "url='https://a.example/b?…'"
    assert public("is it so? yes") == "is it so? yes"
    assert len(public("x" * 5000)) == 200


def test_what_has_no_room_is_counted_and_the_line_stays_short(make_desk: MakeDesk) -> None:
    change = Transition(
        rule="r" * 64,
        minute=T0,
        before=State.INACTIVE,
        after=State.PENDING,
        reason=Reason.NO_DATA_TREATED_AS_OK,
        episode=None,
    )
    many = Evaluation(transitions=[change] * 1000, broken=[f"{n:064}" for n in range(100)])
    done = Pass(TARGET, T0, evaluation=replace(many, behind=True))

    line = line_of(done, make_desk().house.catalog)

    assert len(line["transitions"]) == len(line["broken"]) == MOST_LISTED
    assert line["unlisted"] == 1000 + 100 - 2 * MOST_LISTED
    assert len(json.dumps(line)) < 32_768


def test_what_a_channel_still_owes_is_counted_by_outcome(
    make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    desk = make_desk([OK] * 9)
    desk.channels["email"].failures.append(
        ChannelError("slow down", retry_after=timedelta(seconds=5))
    )
    desk.decide(an_event())
    desk.tick(1)
    desk.watch(1)

    said = [line["deliveries"] for line in lines(caplog)]

    assert said == [
        [{"channel": "email", "status": "pending", "reason": "rate_limited", "count": 1}],
        [{"channel": "email", "status": "sent", "reason": "delivered", "count": 1}],
    ]
