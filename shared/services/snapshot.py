"""Every target as it stands just now: its newest figures, how far sources spoke, what is open."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from shared.domain.figures import Figure, SourceWord, figure_of, source_word
from shared.domain.rules import Severity
from shared.ports import House
from shared.services.query import open_alerts


class Snapshot(Struct, frozen=True, kw_only=True):
    """One target; `words` of the sources that it has, `open` its alerts that go on."""

    target: str
    figures: tuple[Figure, ...]
    words: tuple[SourceWord, ...]
    open: Mapping[Severity, int]


def snapshot(target: str, *, house: House, now: datetime) -> Snapshot:
    """Look at the target's `latest` row and its states."""
    latest, catalog = house.samples.latest(target), house.catalog
    found = Counter(alert.severity for alert in open_alerts(target, house=house, now=now))
    return Snapshot(
        target=target,
        figures=tuple(
            figure_of(metric, latest=latest, catalog=catalog, now=now) for metric in catalog.metrics
        ),
        words=tuple(
            source_word(catalog.source(name), latest=latest, now=now)
            for name in house.sources_of(target)
        ),
        open={severity: found[severity] for severity in Severity},
    )
