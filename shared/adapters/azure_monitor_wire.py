"""How Azure Monitor's metrics REST is asked and understood (api-version 2023-10-01, one resource).

A value is taken only in the unit and the grain that the catalog expects; a point without a value
is a gap, never 0.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Meta, Struct

from shared.adapters.bodies import json_object
from shared.catalog.platform_metrics import NAMESPACES, Grain, PlatformMetric
from shared.domain.decoding import decode
from shared.domain.errors import SourceError
from shared.domain.samples import Sample
from shared.domain.times import floor_minute, iso

INVALID_SAMPLING = "InvalidSamplingType"
"""The code for an aggregation that a metric does not know."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SUCCESS = (None, "", "Success")
_LONGEST_TEXT = 200


@dataclass(frozen=True)
class MetricsQuery:
    """One GET: some metrics of one resource at one grain in [start, end)."""

    resource: str
    resource_id: str
    grain: Grain
    metrics: tuple[PlatformMetric, ...]
    start: datetime
    end: datetime

    def url(self, endpoint: str) -> str:
        """Where to ask; names and aggregations once each, in the catalog's order."""
        wanted = {
            "api-version": "2023-10-01",
            "metricnames": _joined(each.name for each in self.metrics),
            "metricnamespace": NAMESPACES[self.resource],
            "timespan": f"{iso(self.start)}/{iso(self.end)}",
            "interval": self.grain.value,
            "aggregation": _joined(each.aggregation.value for each in self.metrics),
            "AutoAdjustTimegrain": "false",
            "ValidateDimensions": "false",
        }
        path = f"{quote(self.resource_id)}/providers/Microsoft.Insights/metrics"
        return f"{endpoint}{path}?{urlencode(wanted)}"

    def split(
        self, metrics: Iterable[PlatformMetric], *, apart: Collection[PlatformMetric]
    ) -> list["MetricsQuery"]:
        """This query for all the metrics at once, and by aggregation for those `apart`."""
        groups: dict[str, list[PlatformMetric]] = {}
        for metric in metrics:
            groups.setdefault(metric.aggregation if metric in apart else "", []).append(metric)
        return [replace(self, metrics=tuple(group)) for group in groups.values()]


def start_of(grain: Grain, first: datetime) -> datetime:
    """Where to ask from, to have the minutes from `first` on in whole grains.

    Of a wider grain the window before is asked, too: its value may have come late.
    """
    if grain is Grain.MINUTE:
        return first
    return first - (first - _EPOCH) % grain.length - grain.length


def _joined(names: Iterator[str]) -> str:
    return ",".join(dict.fromkeys(names))


class _Point(Struct, frozen=True, rename="camel"):
    time_stamp: Annotated[datetime, Meta(tz=True)]
    average: float | None = None
    maximum: float | None = None
    total: float | None = None


class _Series(Struct, frozen=True):
    data: tuple[_Point, ...] = ()


class _Name(Struct, frozen=True):
    value: str


class _Measured(Struct, frozen=True, rename="camel"):
    name: _Name
    unit: str
    timeseries: tuple[_Series, ...] = ()
    error_code: str | None = None
    error_message: str | None = None


class _Answer(Struct, frozen=True):
    value: tuple[_Measured, ...]
    interval: str | None = None


@dataclass(frozen=True)
class Understood:
    """The samples of one answer, and the metrics that can't be used in it with the reason."""

    samples: tuple[Sample, ...] = ()
    refused: Mapping[PlatformMetric, str] = field(default_factory=dict)


def understand(query: MetricsQuery, body: bytes) -> Understood:
    """What a 200 says; raises SourceError for another shape or grain than was asked for."""
    answer = _decoded(query, body)
    if answer.interval not in (None, query.grain):
        raise SourceError(f"{query.resource}: asked for {query.grain}, got {answer.interval}")
    found = {measured.name.value.lower(): measured for measured in answer.value}
    samples: list[Sample] = []
    refused: dict[PlatformMetric, str] = {}
    for wanted in query.metrics:
        measured = found.get(wanted.name.lower())
        if measured is None:
            refused[wanted] = "NotAnswered"
        elif measured.error_code not in _SUCCESS:
            refused[wanted] = str(measured.error_code)
        elif measured.unit != wanted.unit:
            # Never scaled by guess; and one metric must not silence the others.
            refused[wanted] = f"came in {measured.unit}, not {wanted.unit}"
        else:
            samples += _samples(query, wanted, measured)
    return Understood(tuple(samples), refused)


def _decoded(query: MetricsQuery, body: bytes) -> _Answer:
    try:
        return decode(body, _Answer)
    except msgspec.MsgspecError as error:
        raise SourceError(f"{query.resource}: not an answer with metrics: {error}") from error


def _samples(query: MetricsQuery, wanted: PlatformMetric, measured: _Measured) -> Iterator[Sample]:
    for point in (point for series in measured.timeseries for point in series.data):
        value = getattr(point, wanted.aggregation.lower())
        minute = floor_minute(point.time_stamp.astimezone(UTC))
        if value is not None and query.start <= minute < query.end:
            yield Sample(wanted.metric, minute, value * wanted.factor)


def refusal(query: MetricsQuery, status: int, body: bytes) -> str:
    """One sentence for an answer other than 200: what Azure said, and what a person can do."""
    said = _said(body, with_message=status == 400)
    hints = {
        401: "the token was not accepted; check the identity and the endpoint's cloud",
        403: "give the monitor's identity the role Monitoring Reader on " + query.resource_id,
        404: f"there is no such {query.resource}; check the resource id {query.resource_id}",
        429: "Azure asks for patience; the minutes are read again",
    }
    parts = (f"{query.resource}: Azure Monitor answered {status}", said, hints.get(status, ""))
    return "; ".join(part for part in parts if part)


def _said(body: bytes, *, with_message: bool) -> str:
    """Azure's code; its message only where it says which argument was wrong."""
    told = json_object(body)
    error = told.get("error", told)
    if not isinstance(error, dict) or not isinstance(error.get("code"), str):
        return ""
    message = f": {error.get('message')}" if with_message else ""
    return f"{error['code']}{message}".partition("\n")[0][:_LONGEST_TEXT]
