"""Turns a world's raw minutes into the JSON of Azure Monitor metrics."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import fmean
from typing import Any

from local.cloud.metric_definitions import Definition
from local.cloud.metric_queries import Query
from local.cloud.resources import REGION
from local.world.events import World
from shared.domain.times import MINUTE

PUBLISHED_AFTER = MINUTE
"""How long after a minute's end its figures are there; until then its point has no value."""

KEPT = timedelta(days=93)

_MERGE: Mapping[str, Callable[[Sequence[float]], float]] = {
    "average": fmean,
    "minimum": min,
    "maximum": max,
    "total": sum,
    "count": len,
}


def metric_values(
    world: World, resource_id: str, query: Query, now: datetime
) -> list[dict[str, Any]]:
    """The `value` of an answer: each metric with its points, or with why it has none."""
    points: list[list[dict[str, Any]]] = [[] for _ in query.metrics]
    # Minute by minute, not metric by metric: a world need not play a minute twice.
    for at in query.times():
        if at + query.grain > now - KEPT:
            for metric, found in zip(query.metrics, points, strict=True):
                found.append(_point(world, metric, query, at, now))
    return [
        _value(resource_id, metric, query, found)
        for metric, found in zip(query.metrics, points, strict=True)
    ]


def answer(world: World, resource_id: str, query: Query, now: datetime) -> dict[str, Any]:
    """The whole answer for one resource."""
    minutes = (query.end - query.start) // MINUTE
    return {
        "cost": minutes * len(query.metrics),
        "timespan": f"{time_text(query.start)}/{time_text(query.end)}",
        "interval": query.interval,
        "value": metric_values(world, resource_id, query, now),
        "namespace": query.kind.lower(),
        "resourceregion": REGION,
    }


def batch_answer(world: World, resource_id: str, query: Query, now: datetime) -> dict[str, Any]:
    """One resource's part of a batch answer."""
    return {
        "starttime": time_text(query.start),
        "endtime": time_text(query.end),
        "interval": query.interval,
        "value": metric_values(world, resource_id, query, now),
        "namespace": query.kind.lower(),
        "resourceregion": REGION,
        "resourceid": resource_id,
    }


def time_text(at: datetime) -> str:
    """A time as Azure Monitor writes it."""
    return at.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _asked(metric: Definition, query: Query) -> tuple[str, ...]:
    return query.aggregations or metric.aggregations[:1]


def _point(
    world: World, metric: Definition, query: Query, at: datetime, now: datetime
) -> dict[str, Any]:
    seen = _observations(world, metric, query, at, now)
    point: dict[str, Any] = {"timeStamp": time_text(at)}
    if seen:
        point |= {name: _MERGE[name](seen) for name in _asked(metric, query)}
    return point


def _observations(
    world: World, metric: Definition, query: Query, at: datetime, now: datetime
) -> list[float]:
    """What was measured in the point's interval and is published by now."""
    steps = [at + i * metric.step for i in range(query.grain // metric.step)]
    return [
        seen
        for step in steps
        if step + metric.step + PUBLISHED_AFTER <= now
        for seen in metric.read(world, step)
    ]


def _value(
    resource_id: str, metric: Definition, query: Query, points: list[dict[str, Any]]
) -> dict[str, Any]:
    described = {
        "id": f"{resource_id}/providers/Microsoft.Insights/metrics/{metric.name}",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": metric.name, "localizedValue": metric.label},
    }
    for name in _asked(metric, query):
        if name not in metric.aggregations:
            return {
                **described,
                "unit": metric.unit,
                "timeseries": [],
                "errorMessage": f"Sampling type is not found. Metric:{query.kind},{metric.name}, "
                f"SamplingType:Nullable{name.capitalize()}.",
                "errorCode": "InvalidSamplingType",
            }
    return {
        **described,
        "displayDescription": metric.label,
        "unit": metric.unit,
        "timeseries": [{"metadatavalues": [], "data": points}],
        "errorCode": "Success",
    }
