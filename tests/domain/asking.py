"""A source that is asked minute by minute, and what is remembered of its answers."""

from datetime import datetime

from shared.catalog.metrics import CATALOG
from shared.domain.chunks import HourChunk, Latest, Merge
from shared.domain.machine import RuleState
from shared.domain.metrics import Metric
from shared.domain.nodata import Silence, silence
from shared.domain.samples import Failure, Reading, Sample
from shared.domain.times import floor_minute
from tests.domain.builders import T0, at


class Asking:
    """One metric of the catalog and its first source; `latest` is what the store would keep."""

    def __init__(self, metric: str = "memoryProcess") -> None:
        self.metric: Metric = CATALOG.metric(metric)
        self.source = self.metric.sources[0]
        self.latest = Latest()
        self._chunks: dict[datetime, HourChunk] = {}

    def hears(self, now: float, **values: float) -> None:
        """A good reading at minute `now`, with values (by column) of the minute before it."""
        names = {metric.column: metric.name for metric in CATALOG.metrics}
        samples = [Sample(names[name], at(now - 1), value) for name, value in values.items()]
        self._merge(
            Reading(
                source=self.source,
                asked_at=at(now),
                covered_until=floor_minute(at(now)),
                since=self.latest.covered.get(self.source),
                samples=tuple(samples),
            )
        )

    def fails(self, now: float) -> None:
        """A reading that failed."""
        self._merge(Failure(self.source, at(now), "no answer"))

    def silence(self, activated: datetime = T0) -> Silence:
        """How long it has been silent; `activated` is the rule's first anchor."""
        found = silence(self.metric, self.latest, CATALOG, anchor=activated)
        assert found is not None, "nobody has asked yet"
        return found

    def silence_for(self, state: RuleState) -> Silence:
        """The same, as a rule in that state sees it."""
        assert state.no_data.anchor is not None
        return self.silence(state.no_data.anchor)

    def _merge(self, answer: Reading | Failure) -> None:
        merge = Merge(CATALOG, self.latest, self._chunks)
        if isinstance(answer, Failure):
            merge.add_failure(answer)
        else:
            merge.add(answer)
        self.latest = merge.latest
        self._chunks |= {chunk.hour: chunk for chunk in merge.chunks()}
