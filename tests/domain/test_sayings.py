"""What was said before: what stays silent, what is said again, and what came of it."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from shared.adapters.sql.findings import ADDED, PARTS
from shared.domain.inspections import QueryUse
from shared.domain.recommendations.indexes import missing_indexes
from shared.domain.recommendations.registry import ADVISERS
from shared.domain.recommendations.sayings import (
    READ_FOR,
    Saying,
    Status,
    changed,
    found,
    not_found,
)
from shared.domain.recommendations.situations import Situation
from shared.domain.recommendations.values import Area, Measure, Recommendation
from shared.domain.times import DAY, HOUR
from tests.domain.advised import BUSY, SPEAKING, only
from tests.domain.advising import NOW, a_missing, a_query, a_situation, a_use


def seen_after(length: timedelta, use: QueryUse | None = None, **changes: Any) -> Situation:
    """The same database later; its query with other costs."""
    query = a_query(use=use)
    situation = a_situation(
        day=BUSY, **{"queries": (query,), "missing_indexes": (a_missing(),), **changes}
    )
    inspection = situation.inspection
    assert inspection is not None
    later = NOW + length
    return replace(situation, now=later, inspection=replace(inspection, at=later))


def advice(situation: Situation | None = None) -> Recommendation:
    return only(missing_indexes, situation or seen_after(timedelta()))


def said(status: Status = Status.NEW, **changes: Any) -> Saying:
    """Said at NOW; the change of its status an hour later."""
    first = found(None, advice(), seen_after(timedelta()))
    if status is not Status.NEW:
        first = changed(first, status, by="admin", note=None, now=NOW + HOUR)
    return replace(first, **changes)


def test_what_is_found_first_is_new() -> None:
    saying = said()

    assert (saying.status, saying.is_open, saying.said_at) == (Status.NEW, True, NOW)


@pytest.mark.parametrize("status", [Status.NEW, Status.SEEN])
def test_what_is_open_is_brought_up_to_date(status: Status) -> None:
    later = seen_after(6 * HOUR, a_use(reads=9_000))
    saying = found(said(status), advice(later), later)

    assert saying.recommendation == advice(later)
    assert (saying.status, saying.said_at, saying.found_at) == (status, NOW, NOW + 6 * HOUR)


def test_what_is_not_found_any_more_is_not_open_and_comes_back_as_it_was() -> None:
    gone = not_found(said(Status.SEEN), seen_after(6 * HOUR))
    back = found(gone, advice(), seen_after(12 * HOUR))

    assert (gone.is_found, gone.is_open) == (False, False)
    assert (back.is_open, back.status) == (True, Status.SEEN)


def test_what_could_not_be_looked_for_stands_for_a_day() -> None:
    """A busy database answers its dearest questions too late, just when there is most to say."""
    lacking = {"queries": "it could not be read: a time-out"}
    soon, late, read = (
        not_found(said(), seen_after(hours * HOUR, queries=None, lacking=why))
        for hours, why in ((24, lacking), (25, lacking), (6, {"waits": "a time-out"}))
    )

    assert (soon.is_open, late.is_open, read.is_open) == (True, False, False)


def test_each_kind_that_needs_a_part_is_some_advisers_and_each_part_an_inspections() -> None:
    kinds = {one.kind for adviser in ADVISERS for one in adviser(SPEAKING[adviser])}
    parts = {part for needed in READ_FOR.values() for part in needed}

    assert READ_FOR.keys() <= kinds
    assert parts <= {*PARTS, *ADDED}


def test_saying_the_same_again_changes_nothing() -> None:
    done = said(Status.DONE)

    assert changed(done, Status.DONE, by="other", note="x", now=NOW + DAY) == done


@pytest.mark.parametrize(("times", "status"), [(1.9, Status.DISMISSED), (2.0, Status.NEW)])
def test_what_was_dismissed_stays_so_until_it_doubles(times: float, status: Status) -> None:
    larger = replace(advice(), size=advice().size * times)
    saying = found(said(Status.DISMISSED), larger, seen_after(6 * HOUR))

    assert saying.status is status
    again = "Dismissed on 2026-11-24, and at least twice as large since."
    assert saying.again == (again if status is Status.NEW else None)


def test_what_was_dismissed_does_not_double_by_small_steps() -> None:
    saying = said(Status.DISMISSED)
    for step in range(1, 8):
        larger = replace(advice(), size=advice().size * (1 + step * 0.2))
        saying = found(saying, larger, seen_after(step * HOUR))
        assert saying.status is (Status.DISMISSED if step < 5 else Status.NEW)


def test_what_is_dismissed_anew_counts_from_how_large_it_is_now() -> None:
    def larger(times: float) -> Recommendation:
        return replace(advice(), size=advice().size * times)

    grown = found(said(Status.DISMISSED), larger(1.9), seen_after(6 * HOUR))
    reopened = changed(grown, Status.SEEN, by="a", note=None, now=NOW + 7 * HOUR)
    anew = changed(reopened, Status.DISMISSED, by="a", note=None, now=NOW + 8 * HOUR)

    assert found(grown, larger(2.0), seen_after(9 * HOUR)).status is Status.NEW
    assert found(anew, larger(3.7), seen_after(9 * HOUR)).status is Status.DISMISSED
    assert found(anew, larger(3.8), seen_after(9 * HOUR)).status is Status.NEW


def test_a_row_that_kept_the_size_with_the_advice_goes_on_from_it() -> None:
    old = replace(said(Status.DISMISSED), dismissed_size=None)
    later = found(old, replace(advice(), size=advice().size * 1.5), seen_after(6 * HOUR))

    assert (later.status, later.dismissed_size) == (Status.DISMISSED, advice().size)


def test_what_was_done_is_left_alone_for_a_day() -> None:
    saying = found(said(Status.DONE), advice(), seen_after(24 * HOUR))

    assert (saying.status, saying.follow_up) == (Status.DONE, None)


def test_what_was_done_and_did_not_help_is_said_again() -> None:
    later = seen_after(26 * HOUR, a_use(reads=1_940))
    saying = found(said(Status.DONE), advice(later), later)
    outcome = "IO of query 42 −3 % since it was done on 2026-11-24 (2,000 to 1,940 pages)."

    assert (saying.status, saying.said_at) == (Status.NEW, NOW + 26 * HOUR)
    assert saying.again == f"Done on 2026-11-24, and found again: {outcome}"
    assert saying.follow_up == outcome


def test_an_inspection_from_before_says_nothing_about_what_was_done() -> None:
    old = replace(seen_after(timedelta()), now=NOW + 9 * DAY)
    saying = found(said(Status.DONE), advice(), old)

    assert (saying.status, saying.follow_up, saying.again) == (Status.DONE, None, None)


def test_what_was_done_about_the_app_waits_for_no_inspection_of_the_database() -> None:
    """A database that is never at rest is never inspected; the app may leak all the same."""
    old = replace(seen_after(timedelta()), now=NOW + 9 * DAY)
    of_app = replace(advice(), area=Area.MEMORY, measure=None)
    saying = found(said(Status.DONE, recommendation=of_app, before=None), of_app, old)

    assert (saying.status, saying.again) == (Status.NEW, "Done on 2026-11-24, and found again.")


def test_what_helped_stays_done_though_it_is_found() -> None:
    later = seen_after(26 * HOUR, a_use(reads=1_380))
    saying = found(said(Status.DONE), advice(later), later)

    assert saying.status is Status.DONE
    assert saying.follow_up == (
        "IO of query 42 −31 % since it was done on 2026-11-24 (2,000 to 1,380 pages)."
    )


def test_what_was_done_is_followed_up_when_it_is_gone() -> None:
    later = seen_after(26 * HOUR, a_use(reads=200))
    away = seen_after(26 * HOUR, queries=(a_query(7),))
    unread = seen_after(26 * HOUR, queries=None)

    assert "−90 %" in (not_found(said(Status.DONE), later).follow_up or "")
    assert not_found(said(Status.DONE), away).follow_up == (
        "IO of query 42 is not among the dearest any more since it was done on 2026-11-24."
    )
    assert not_found(said(Status.DONE), unread).follow_up is None


def test_without_a_measure_what_is_found_again_is_said_again() -> None:
    plain = replace(advice(), measure=None)
    done = changed(
        found(None, plain, seen_after(timedelta())), Status.DONE, by="a", note=None, now=NOW
    )

    assert found(done, plain, seen_after(23 * HOUR)).status is Status.DONE
    assert found(done, plain, seen_after(24 * HOUR)).again == "Done on 2026-11-24, and found again."


@pytest.mark.parametrize(
    ("of", "after"),
    [("metric:dtuCpu", 30.0), (f"query:{a_query().query_hash}:cpu", 50.0), ("metric:x", None)],
)
def test_a_measure_says_where_to_find_it_again(of: str, after: float | None) -> None:
    measured = replace(advice(), measure=Measure(of, "it", 100.0, "%"))
    done = changed(
        found(None, measured, seen_after(timedelta())), Status.DONE, by="a", note=None, now=NOW
    )
    told = not_found(done, seen_after(2 * DAY)).follow_up

    assert told == (
        None
        if after is None
        else f"it −{100 - after:.0f} % since it was done on 2026-11-24 (100 to {after:.0f} %)."
    )


def test_counts_are_told_without_a_unit_and_what_was_nothing_not_at_all() -> None:
    def told(value: float, unit: str) -> str | None:
        plain = replace(advice(), measure=Measure("metric:dtuCpu", "it", value, unit))
        first = found(None, plain, seen_after(timedelta()))
        done = changed(first, Status.DONE, by="a", note=None, now=NOW)
        return not_found(done, seen_after(2 * DAY)).follow_up

    assert told(60.0, "count") == "it −50 % since it was done on 2026-11-24 (60 to 30)."
    assert told(20.0, "%") == "it +50 % since it was done on 2026-11-24 (20 to 30 %)."
    assert told(30.0, "%") == "it ±0 % since it was done on 2026-11-24 (30 to 30 %)."
    assert told(0.0, "count") is None


def test_what_is_gone_for_long_is_forgotten() -> None:
    gone = not_found(said(Status.DISMISSED), seen_after(HOUR))

    assert not gone.is_forgotten(NOW + 120 * DAY)
    assert gone.is_forgotten(NOW + 121 * DAY)
    assert not said().is_forgotten(NOW + 999 * DAY)
