"""`python -m local.anomaly`: a CSV file in, the same rows with their scores out."""

import csv
from pathlib import Path

import pytest

from local.anomaly import main
from local.bench_anomaly import is_tuned_on
from tests.domain.test_detectors import a_week_with_a_storm


def written(folder: Path, text: str) -> str:
    path = folder / "series.csv"
    path.write_text(text)
    return str(path)


def test_every_row_comes_back_with_its_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points, storm = a_week_with_a_storm()
    rows = [f"{at:%Y-%m-%d %H:%M:%S},{value}" for at, value in points]
    given = written(tmp_path, "\n".join(["timestamp,value", *rows, ""]))
    assert main([given]) == 0
    first = capsys.readouterr().out
    header, *found = csv.reader(first.splitlines())
    assert header == ["timestamp", "value", "anomaly_score"]
    assert [row[:2] for row in found] == [row.split(",") for row in rows]
    scores = [float(row[2]) for row in found]
    assert all(0 <= score < 1 for score in scores)
    assert scores.index(max(scores)) in range(storm, storm + 3)
    assert main([given]) == 0
    assert capsys.readouterr().out == first


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("time,value\n2026-01-01,1\n", "must begin with the header timestamp,value"),
        ("timestamp,value\n", "has no rows below its header"),
        ("timestamp,value\n2026-01-01,much\n", "line 2: expected a timestamp and a number"),
        ("timestamp,value\n2026-01-01,nan\n", "line 2: nan is not a finite number"),
        ("timestamp,value\n2026-01-02,1\n2026-01-01,1\n", "line 3: time runs backwards"),
    ],
)
def test_bad_input_is_answered_with_a_sentence(
    text: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([written(tmp_path, text)]) == 2
    said = capsys.readouterr()
    assert says in said.err
    assert said.out == ""


def test_a_file_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nowhere.csv"]) == 2
    assert "nowhere.csv can't be read" in capsys.readouterr().err


def test_which_half_a_series_is_in_follows_from_its_name_alone() -> None:
    assert is_tuned_on("realTweets/Twitter_volume_UPS.csv")
    assert not is_tuned_on("realTraffic/speed_7578.csv")
