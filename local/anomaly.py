"""How unusual is each point of a series? `python -m local.anomaly FILE.csv`.

Reads `timestamp,value` and writes `timestamp,value,anomaly_score` to stdout: 0–1, 0 where nothing
stands out; about 0.33 and more is worth a look. Strictly online: a score knows nothing of later
rows. One configuration for every series, nothing at random, and no setting is needed.
"""

import argparse
import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from local.recordings import read_rows
from local.terminals import ending_in_peace
from shared.domain.anomalies.detectors import Detector, step
from shared.domain.errors import InvalidInput

DIGITS = 6


def signals(points: Iterable[tuple[datetime, float]]) -> Iterator[float]:
    """The detector's signal for each point, as the command writes it."""
    detector: Detector | None = None
    for at, value in points:
        detector, judged = step(detector, at, value)
        yield round(judged.signal, DIGITS)


def main(arguments: Sequence[str]) -> int:
    """Exit code 0, or 2 with one sentence on stderr when the input is wrong."""
    parser = argparse.ArgumentParser(prog="python -m local.anomaly", description=__doc__)
    parser.add_argument("file", type=Path, help="a CSV file with the header timestamp,value")
    given = parser.parse_args(arguments)
    try:
        rows = read_rows(given.file)
    except InvalidInput as error:
        print(error, file=sys.stderr)
        return 2
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["timestamp", "value", "anomaly_score"])
    scores = signals((row.at, row.value) for row in rows)
    writer.writerows((row.text, row.value, score) for row, score in zip(rows, scores, strict=True))
    return 0


if __name__ == "__main__":
    sys.exit(ending_in_peace(lambda: main(sys.argv[1:])))
