"""Rows as CSV that a spreadsheet opens without running anything."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from shared.domain.times import iso

MEDIA_TYPE = "text/csv; charset=utf-8; header=present"
SIGNS = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
"""What begins a formula, in full width too."""
BLANKS = frozenset("\t\r\n")
_LATER_CELL = re.compile(rf"([;\t\r\n]\s*)(?=[{re.escape(''.join(sorted(SIGNS)))}])")
"""Where a spreadsheet of another country, whose cells end at a semicolon, could see one begin."""

Cell = str | float | datetime | None


def csv_of(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """A table as RFC 4180 has it; an empty cell is null."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(map(_written, row) for row in rows)
    return text.getvalue().encode("utf-8", "replace")


def _written(cell: Cell) -> str | float | None:
    if isinstance(cell, datetime):
        return iso(cell)
    return defused(cell) if isinstance(cell, str) else cell


def defused(text: str) -> str:
    """Text that a spreadsheet shows as it is: behind an apostrophe where it would be a formula.

    Numbers are never text here, so a negative one stays a number.
    """
    is_formula = text[:1] in BLANKS or text.lstrip()[:1] in SIGNS
    rest = _LATER_CELL.sub(r"\1'", text)
    return f"'{rest}" if text and is_formula else rest
