"""World time that may run faster than the wall's: one origin, one speed."""

from dataclasses import dataclass, field
from datetime import UTC, datetime


def wall_now() -> datetime:
    """The real time, aware UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class WorldClock:
    """World time began at `origin` when the wall's clock said `began`, and runs at `speed`."""

    origin: datetime
    speed: float = 1.0
    began: datetime = field(default_factory=wall_now)

    def __post_init__(self) -> None:
        if self.speed <= 0:
            raise ValueError(f"a clock's speed is more than 0, not {self.speed:g}")

    def now(self) -> datetime:
        """World time now."""
        return self.at(wall_now())

    def at(self, wall: datetime) -> datetime:
        """World time at a moment of the wall's clock."""
        return self.origin + (wall - self.began) * self.speed

    def wall_at(self, moment: datetime) -> datetime:
        """When the wall's clock shows that moment of the world."""
        return self.began + (moment - self.origin) / self.speed
