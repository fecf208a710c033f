"""A worker in a process of its own: at each line from its parent, it tells what is due.

Its settings are the environment's, its wall clock is a file that the parent writes.
"""

import json
import os
import sys
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from shared import bootstrap, settings
from shared.domain.deliveries import Attempt
from shared.ports import House
from shared.services.deliver import deliver_due
from shared.services.dispatch import dispatch


@dataclass(frozen=True)
class ClockFile:
    """A wall clock for several processes; whoever reads it may be behind."""

    path: Path
    behind: timedelta = timedelta(0)

    def now(self) -> datetime:
        """What it shows, less what the reader is behind."""
        return datetime.fromisoformat(self.path.read_text(encoding="ascii")) - self.behind

    def show(self, at: datetime) -> None:
        """Show another time; readers see the old one or the new one, whole."""
        new = self.path.with_suffix(".new")
        new.write_text(at.isoformat(), encoding="ascii")
        new.replace(self.path)


def deliver(house: House, targets: list[str]) -> dict[str, int]:
    """The last steps of a pass over each target; answers how many rows came to which reason."""
    attempts: list[Attempt] = []
    for target in targets:
        dispatch(target, house=house)
        attempts += deliver_due(target, house=house)
    return dict(Counter(str(attempt.reason) for attempt in attempts))


def main(clock: str, behind_s: str) -> None:
    """Work until the parent closes the pipe; a line names the targets of a pass."""
    wall = ClockFile(Path(clock), timedelta(seconds=int(behind_s))).now
    house = replace(bootstrap.furnish(settings.load(os.environ)), wall=wall)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(deliver(house, json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
