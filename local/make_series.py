"""Writes the bundled series of `make replay`: `python -m local.make_series`. Seeded, so the same.

Each holds one story worth telling, and one scare that is not: a breach shorter than `duration`.
"""

import random
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from shared.domain.times import MINUTE

FOLDER = Path(__file__).parent / "series"
FIRST = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
MINUTES = 180
SILENT = range(112, 116)
"""Minutes without a sample in the middle of the slow release: they must not resolve it."""


def dtu_storm() -> list[tuple[int, float]]:
    """Percent: a calm morning, one spike of a minute, then a bad query from 09:30 to 09:47."""
    noise = random.Random(5)
    levels = [(range(40, 41), 98.5), (range(90, 107), 98.0)]
    return [(i, _level(i, levels, 34.0, noise.uniform(-6, 6), 1.6)) for i in range(MINUTES)]


def slow_release() -> list[tuple[int, float]]:
    """Milliseconds: a slow release at 09:40, rolled back at 10:08; a short gap in it."""
    noise = random.Random(7)
    levels = [(range(55, 57), 3300.0), (range(100, 128), 4200.0)]
    points = [(i, _level(i, levels, 320.0, noise.uniform(-90, 90), 160.0)) for i in range(MINUTES)]
    return [(i, value) for i, value in points if i not in SILENT]


def _level(
    minute: int, levels: Iterable[tuple[range, float]], calm: float, noise: float, most: float
) -> float:
    for minutes, level in levels:
        if minute in minutes:
            return round(level + max(-most, min(noise, most)), 2)
    return round(calm + noise, 2)


def csv_text(points: Iterable[tuple[int, float]]) -> str:
    """`timestamp,value` rows, a minute apart unless a minute is left out."""
    rows = [f"{FIRST + i * MINUTE:%Y-%m-%d %H:%M:%S},{value}" for i, value in points]
    return "\n".join(["timestamp,value", *rows, ""])


SERIES = {"dtu_storm.csv": dtu_storm, "slow_release.csv": slow_release}


def main() -> None:
    """Write every series to its file."""
    FOLDER.mkdir(exist_ok=True)
    for name, make in SERIES.items():
        (FOLDER / name).write_text(csv_text(make()), encoding="utf-8")


if __name__ == "__main__":
    main()
