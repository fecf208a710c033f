"""Figures, moments and lengths of time as people read them."""

import math
from datetime import datetime, timedelta, tzinfo

from shared.domain.times import MINUTE, readers_clock

DIGITS = 3
"""Significant ones of a figure that is no whole number."""
UNSAID = frozenset({"count", "¤"})
"""Units without a word: the second is money of which nobody knows the currency."""
SHORT = {"errors/min": "/min"}
"""What stands behind a figure where its label says the rest: `Errors 4/min`."""


def quantity(value: float | None, unit: str, digits: int = DIGITS) -> str:
    """A value as people read it: `97 %`, `1,412 MB`, `0.4 %`; whole numbers are never cut."""
    if value is None:
        return "no data"
    said = _said(value, digits)
    return said if unit in UNSAID else said + SHORT.get(unit, f" {unit}")


def titled(label: str, unit: str) -> str:
    """A label with its unit where that adds something: `DTU (%)`, but `Active users`."""
    return label if unit in UNSAID or label.endswith(unit) else f"{label} ({unit})"


def number(value: float | None) -> str:
    """A value without its unit."""
    return "no data" if value is None else _said(value, DIGITS)


def _said(value: float, digits: int) -> str:
    if not math.isfinite(value) or value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.{digits - 3}f}" if abs(value) >= 100 else f"{value:.{digits}g}"


def clock(at: datetime, zone: tzinfo | None = None) -> str:
    """A moment in a sentence: `2026-01-01 00:05 UTC (01:05 Europe/Berlin)`."""
    said = at.strftime("%Y-%m-%d %H:%M UTC")
    return said if zone is None else f"{said} ({readers_clock(at, zone)})"


def spelled(length: timedelta) -> str:
    """A length of time: `3 min`, `119 min`, `2 h 5 min`."""
    minutes = length // MINUTE
    rest = f" {in_minutes(minutes % 60)}" if minutes % 60 else ""
    return in_minutes(minutes) if minutes < 120 else f"{minutes // 60} h{rest}"


def in_minutes(minutes: int) -> str:
    """So many minutes."""
    return f"{minutes} min"
