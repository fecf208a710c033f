"""How would a rule have behaved on a series? `python -m local.backtest --rule R --series S`.

Prints {"states": [[state, activeAt], ...]}, one pair per minute from 2026-01-01T00:00Z; a null in
the series is a missing minute. Nothing is read but the two files, and no setting is needed.
"""

import argparse
import codecs
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from shared.catalog.metrics import CATALOG
from shared.domain.backtests import states
from shared.domain.errors import InvalidInput
from shared.domain.machine import State
from shared.domain.members import Member
from shared.domain.rules import Rule, parse_rule
from shared.domain.samples import Cell, Gap, Said, Sampled
from shared.domain.times import MINUTE, iso
from shared.domain.watching import Watched, over_window

FIRST = datetime(2026, 1, 1, tzinfo=UTC)

StateAt = tuple[State, str | None]
Series = Sequence[float | None] | Mapping[str, Sequence[float | None]]
"""A rule's series; by metric for a composite, as long as the shortest."""


def backtest(rule: Rule, series: Series) -> list[StateAt]:
    """The rule's state and activeAt after every minute of the series."""
    return [
        (one.state, iso(one.active_at) if one.active_at else None)
        for one in states(rule, heard(rule, series))
    ]


def heard(rule: Rule, series: Series) -> Iterable[tuple[datetime, Said]]:
    """What the rule hears of the series; each sample is of its own minute, whatever `every` says.

    Raises InvalidInput when a series is lacking.
    """
    by_metric = series if isinstance(series, Mapping) else {rule.members[0].metric: series}
    rows = [_cells(member, by_metric) for member in rule.members]
    if not rule.is_composite:
        return rows[0]
    return ((cells[0][0], tuple(cell for _, cell in cells)) for cells in zip(*rows, strict=False))


def _cells(
    member: Member, series: Mapping[str, Sequence[float | None]]
) -> list[tuple[datetime, Cell]]:
    if member.metric not in series:
        raise InvalidInput(
            f"there is no series of {member.metric}; a composite rule is tested on an object that "
            "has a list for each of its metrics"
        )
    cells: list[tuple[datetime, Sampled]] = [
        (FIRST + index * MINUTE, Gap.MISSING if value is None else value)
        for index, value in enumerate(series[member.metric])
    ]
    if member.minutes == 1:
        return [*cells]
    return list(over_window(Watched(member, CATALOG.metric(member.metric)), cells, FIRST))


def read_json(path: Path) -> Any:
    """The JSON in a file; raises InvalidInput with one sentence."""
    try:
        return msgspec.json.decode(path.read_bytes().removeprefix(codecs.BOM_UTF8))
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput(f"{path} is not JSON: {error}") from error


def parse_series(given: Any) -> Series:
    """A list of finite numbers and nulls, or an object of such lists by metric.

    Raises InvalidInput that says what is not.
    """
    if isinstance(given, dict):
        return {str(metric): _numbers(values) for metric, values in given.items()}
    return _numbers(given)


def _numbers(given: Any) -> list[float | None]:
    if not isinstance(given, list):
        raise InvalidInput("a series is a JSON list of numbers and nulls")
    for index, value in enumerate(given):
        if value is not None and not _is_number(value):
            raise InvalidInput(f"series[{index}] is {value!r}; it must be a finite number or null")
    return [None if value is None else float(value) for value in given]


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond every float
        return False


def main(arguments: Sequence[str]) -> int:
    """Exit code 0, or 2 with one sentence on stderr when the input is wrong."""
    parser = argparse.ArgumentParser(prog="python -m local.backtest", description=__doc__)
    parser.add_argument("--rule", type=Path, required=True, help="a rule's JSON")
    parser.add_argument("--series", type=Path, required=True, help="a JSON list of numbers, nulls")
    given = parser.parse_args(arguments)
    try:
        rule = parse_rule(read_json(given.rule), CATALOG)
        states = backtest(rule, parse_series(read_json(given.series)))
    except InvalidInput as error:
        print(error, file=sys.stderr)
        return 2
    print(msgspec.json.encode({"states": states}).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
