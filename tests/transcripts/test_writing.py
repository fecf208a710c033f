"""The kept stories are compared honestly, and each belongs to a test."""

import re
from pathlib import Path

import pytest

from tests.transcripts import writing
from tests.transcripts.writing import KEPT, assert_kept


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(writing, "KEPT", tmp_path)
    monkeypatch.delenv("REWRITE_TRANSCRIPTS", raising=False)
    (tmp_path / "day.txt").write_text("10:00  DTU  40 %\n10:05  DTU  99 %\n")
    return tmp_path


@pytest.mark.usefixtures("shelf")
def test_another_story_fails_and_shows_the_lines_that_differ() -> None:
    with pytest.raises(pytest.fail.Exception) as failure:
        assert_kept("day", "10:00  DTU  40 %\n10:06  DTU  99 %\n")

    assert "-10:05  DTU  99 %\n+10:06  DTU  99 %" in str(failure.value)
    assert "\n 10:00  DTU  40 %" in str(failure.value)


@pytest.mark.usefixtures("shelf")
def test_a_story_that_nobody_kept_fails() -> None:
    with pytest.raises(pytest.fail.Exception):
        assert_kept("night", "10:00  DTU  40 %\n")


def test_a_story_is_written_anew_only_when_asked_for(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REWRITE_TRANSCRIPTS", "1")
    assert_kept("day", "10:06  DTU  99 %\n")

    assert (shelf / "day.txt").read_text() == "10:06  DTU  99 %\n"


def test_every_kept_story_is_some_tests_own() -> None:
    told = re.findall(r'assert_kept\("(\w+)"', (KEPT / "test_days.py").read_text())

    assert sorted(told) == sorted(path.stem for path in KEPT.glob("*.txt"))
