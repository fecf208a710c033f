"""NCRONTAB as the Functions host reads it: six fields, seconds first, or cron's five; UTC."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from croniter import croniter  # type: ignore[import-untyped]
from croniter.croniter import CroniterError  # type: ignore[import-untyped]

_SETTING = re.compile(r"%([^%\s]+)%")
_NUMBERS = r"[\d*,/-]+"
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_DAYS = "sun|mon|tue|wed|thu|fri|sat"
# croniter takes more than the host does: @daily, L, #, ?, years, and 7 for Sunday.
_MONTH = re.compile(rf"(?:{_NUMBERS}|{_MONTHS})+", re.IGNORECASE)
_WEEKDAY = re.compile(rf"(?:(?:(?<=/)\d+|[0-6*,/-])|{_DAYS})+", re.IGNORECASE)


class ScheduleError(ValueError):
    """A schedule that the host would refuse; the message says why."""


def resolve(text: str, settings: Mapping[str, str]) -> str:
    """Replace each %NAME% by that setting's value; raises ScheduleError when there is none."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in settings:
            raise ScheduleError(f"{text!r} names the setting {found[1]}, which is not set")
        return settings[found[1]]

    return _SETTING.sub(value, text)


@dataclass(frozen=True)
class Schedule:
    """When a timer is due. Moments are aware; answers are in UTC and to the second."""

    expression: str

    def next_after(self, moment: datetime) -> datetime:
        """The first occurrence later than `moment`."""
        found: datetime = self._from(moment).get_next(datetime)
        return found

    def latest_at(self, moment: datetime) -> datetime:
        """The last occurrence that is not later than `moment`."""
        after = moment.replace(microsecond=0) + timedelta(seconds=1)
        found: datetime = self._from(after).get_prev(datetime)
        return found

    def _from(self, moment: datetime) -> croniter:
        # Day and weekday must both fit, unlike in cron, where either one does.
        return croniter(
            self.expression, moment.astimezone(UTC), second_at_beginning=True, day_or=False
        )


def parse(text: str, settings: Mapping[str, str] | None = None) -> Schedule:
    """A schedule that is sure to come round; raises ScheduleError with one sentence."""
    expression = resolve(text, settings or {}).strip()
    fields = expression.split()
    if len(fields) not in {5, 6}:
        raise ScheduleError(f"{expression!r} has {len(fields)} fields; NCRONTAB has six, or five")
    _refuse_what_only_croniter_takes(expression, fields)
    schedule = Schedule(expression)
    try:
        schedule.next_after(datetime(2024, 1, 1, tzinfo=UTC))
    except CroniterError as error:
        raise ScheduleError(f"{expression!r} is no NCRONTAB schedule: {error}") from error
    return schedule


def _refuse_what_only_croniter_takes(expression: str, fields: list[str]) -> None:
    *numbers, month, weekday = fields
    good = [re.fullmatch(_NUMBERS, field) for field in numbers]
    if not (all(good) and _MONTH.fullmatch(month) and _WEEKDAY.fullmatch(weekday)):
        raise ScheduleError(
            f"{expression!r} is no NCRONTAB schedule: it is made of numbers, names of months and "
            "days, and * , - /; Sunday is 0"
        )
