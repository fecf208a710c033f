"""GET openmetrics: the newest figures for a scraper, in the text format of OpenMetrics 1.0.

Samples carry no timestamps: a scraper that is given them no longer notices when a series ends. A
stale figure is left out instead, so that its series ends where the measuring did.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from shared.domain.metrics import Metric
from shared.services.snapshot import Snapshot, snapshot
from shared.web.alerts import chosen_targets
from shared.web.auth import Role
from shared.web.doors import Asked, Document, Route

MEDIA_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PREFIX = "pantry_"
UNITS = {
    "%": "percent",
    "GB": "gigabytes",
    "MB": "megabytes",
    "bytes": "bytes",
    "count": "",
    "days": "days",
    "errors/min": "errors_per_minute",
    "ms": "milliseconds",
    "pages": "pages",
    "requests/min": "requests_per_minute",
    "users": "users",
    "¤": "currency",
}
"""The catalog's units as names may end with them; a plain number has none."""

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class OpenMetricsQuery(Struct, frozen=True):
    """One target, or all of them."""

    target: str = ""


class Sample(Struct, frozen=True):
    """A value and what tells it from the family's others."""

    labels: dict[str, str]
    value: float


class Family(Struct, frozen=True):
    """A metric as a scraper knows it; every one is a gauge: the newest figure, up or down."""

    name: str
    unit: str
    help: str
    samples: Sequence[Sample]

    def lines(self) -> Iterator[str]:
        """Its metadata, then its samples."""
        yield f"# TYPE {self.name} gauge"
        if self.unit:
            yield f"# UNIT {self.name} {self.unit}"
        yield f"# HELP {self.name} {_escaped(self.help)}"
        for one in self.samples:
            labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in one.labels.items())
            yield f"{self.name}{{{labels}}} {one.value}"


def _answer(asked: Asked) -> Document:
    query: OpenMetricsQuery = asked.query
    chosen = chosen_targets(query.target, asked.office.targets)
    house, now = asked.office.house(), asked.office.now
    found = [snapshot(target, house=house, now=now) for target in chosen]
    return Document(exposition(families(found)).encode(), MEDIA_TYPE)


OPENMETRICS = Route(
    name="openmetrics",
    role=Role.READER,
    answer=_answer,
    says="the newest figures for a scraper, such as Prometheus",
    query=OpenMetricsQuery,
    media_type=MEDIA_TYPE,
)


def exposition(found: Iterable[Family]) -> str:
    """The families as text; one without samples is left out."""
    lines = (line for family in found if family.samples for line in family.lines())
    return "".join(f"{line}\n" for line in (*lines, "# EOF"))


def families(found: Sequence[Snapshot]) -> Iterator[Family]:
    """The figures of all targets by metric, then how the monitor itself stands."""
    for same in zip(*(one.figures for one in found), strict=True):
        metric = same[0].metric
        samples = [
            Sample({"target": one.target}, figure.value)
            for one, figure in zip(found, same, strict=True)
            if figure.value is not None and not figure.stale
        ]
        yield Family(name_of(metric), UNITS[metric.unit], metric.description, samples)
    yield _covered(found)
    yield _open(found)


def name_of(metric: Metric) -> str:
    """`responseTime.p95` in ms is `pantry_response_time_p95_milliseconds`."""
    name = PREFIX + _WORDS.sub("_", metric.name.replace(".", "_")).lower()
    unit = UNITS[metric.unit]
    return name if not unit or name.endswith(f"_{unit}") else f"{name}_{unit}"


def _covered(found: Iterable[Snapshot]) -> Family:
    return Family(
        f"{PREFIX}source_covered_timestamp_seconds",
        "seconds",
        "Until when the source has spoken.",
        [
            Sample(
                {"target": one.target, "source": word.source.name}, word.covered_until.timestamp()
            )
            for one in found
            for word in one.words
            if word.covered_until is not None
        ],
    )


def _open(found: Iterable[Snapshot]) -> Family:
    return Family(
        f"{PREFIX}open_alerts",
        "",
        "Alerts that are firing.",
        [
            Sample({"target": one.target, "severity": severity}, count)
            for one in found
            for severity, count in one.open.items()
        ],
    )


def _escaped(text: str) -> str:
    return text.translate(_ESCAPED)
