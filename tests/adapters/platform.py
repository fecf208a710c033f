"""All platform sources of a target read at once, as a pass does, with one reading for all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from shared.adapters.azure_monitor import AzureMonitor
from shared.adapters.https import outcomes
from shared.domain.samples import Reading

LONGER_THAN_ANY_S = 20


@dataclass(frozen=True)
class Platform:
    """The sources that share a client."""

    sources: Sequence[AzureMonitor]

    def read(self, target: str, *, since: datetime | None, now: datetime) -> Reading:
        """Every sample; raises the error of the first source that fails."""
        calls = [partial(source.read, target, since=since, now=now) for source in self.sources]
        readings = []
        for outcome in outcomes(calls, within=LONGER_THAN_ANY_S):
            if isinstance(outcome, Exception):
                raise outcome
            readings.append(outcome)
        return Reading(
            source=self.sources[0].name,
            asked_at=now,
            covered_until=min(reading.covered_until for reading in readings),
            samples=tuple(sample for reading in readings for sample in reading.samples),
        )

    def close(self) -> None:
        """Close the connections."""
        self.sources[0].close()
