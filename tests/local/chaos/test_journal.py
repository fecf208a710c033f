"""A storage in a file: whoever opens it goes on with what the one before had written."""

from pathlib import Path

import pytest

from local.chaos.journal import kept_storage
from shared.adapters.rows import DeleteRow, InsertRow, ReplaceRow
from shared.domain.errors import Conflict
from shared.services.minute import COLLECT_QUEUE, CollectMessage
from tests.builders import at


def test_rows_are_there_again_with_the_etags_under_which_they_were_read(tmp_path: Path) -> None:
    before, _ = kept_storage(tmp_path / "storage")
    before.alerts.transact("p", [InsertRow("a", {"n": 1}), InsertRow("b", {"n": 2})])
    before.alerts.transact("p", [DeleteRow("b")])
    before.config.transact("p", [InsertRow("c", {"n": 4})])
    kept = before.alerts.get("p", "a")
    assert kept is not None

    after, _ = kept_storage(tmp_path / "storage")

    assert after.alerts.query("p", "", "~") == [kept]
    assert after.config.get("p", "c") is not None
    after.alerts.transact("p", [ReplaceRow("a", {"n": 5}, kept.etag)])
    with pytest.raises(Conflict):
        after.alerts.transact("p", [ReplaceRow("a", {"n": 6}, kept.etag)])


def test_a_write_that_is_refused_is_not_kept(tmp_path: Path) -> None:
    before, _ = kept_storage(tmp_path / "storage")
    before.alerts.transact("p", [InsertRow("a", {"n": 1})])
    with pytest.raises(Conflict):
        before.alerts.transact("p", [InsertRow("a", {"n": 2})])

    after, _ = kept_storage(tmp_path / "storage")

    row = after.alerts.get("p", "a")
    assert row is not None
    assert row.properties == {"n": 1}


def test_a_message_stays_until_it_is_finished(tmp_path: Path) -> None:
    first, second = (CollectMessage("pantry-crm", at(minute)) for minute in (1, 2))
    before, box = kept_storage(tmp_path / "storage")
    before.queue.put(COLLECT_QUEUE, first)
    before.queue.put(COLLECT_QUEUE, second)
    box.finish(1)

    _, reopened = kept_storage(tmp_path / "storage")

    assert reopened.waiting() == [second]
