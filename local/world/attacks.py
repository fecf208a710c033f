"""Scenes of conduct that is worth a look: guessed passwords, scans, work at night."""

from dataclasses import dataclass, replace
from datetime import timedelta

from local.world.levels import Levels
from local.world.scenes import Scene
from local.world.traffic import USERS
from shared.domain.times import MINUTE


@dataclass(frozen=True)
class BruteForce(Scene):
    """A few addresses guess passwords."""

    minutes: int = 12
    guesses: float = 45
    """A minute."""

    def change(self, levels: Levels, into: timedelta) -> Levels:  # noqa: ARG002 - at once
        """Hashing the guessed passwords costs some CPU."""
        return replace(
            levels,
            failed_logins=levels.failed_logins + self.guesses,
            plan_cpu=levels.plan_cpu + 8,
        )


@dataclass(frozen=True)
class PasswordSpray(Scene):
    """One address tries one password at one account after the other, slowly enough to be missed."""

    minutes: int = 300
    every: int = 6
    """Minutes from account to account."""

    def change(self, levels: Levels, into: timedelta) -> Levels:
        """One login now and then."""
        turn, waits = divmod(into // MINUTE, self.every)
        return replace(levels, sprayed=0 if waits else turn % USERS + 1)


@dataclass(frozen=True)
class SiteScan(Scene):
    """One address looks for pages that careless sites have."""

    minutes: int = 10
    pages: float = 60
    """A minute."""

    def change(self, levels: Levels, into: timedelta) -> Levels:  # noqa: ARG002 - at once
        """Answers of 404 only."""
        return replace(levels, scanned=levels.scanned + self.pages)


@dataclass(frozen=True)
class NightAccess(Scene):
    """Somebody administrates and reads what is sensitive while the staff sleeps."""

    minutes: int = 30

    def change(self, levels: Levels, into: timedelta) -> Levels:  # noqa: ARG002 - at once
        """Conduct only."""
        return replace(
            levels, admin_actions=levels.admin_actions + 1, data_reads=levels.data_reads + 12
        )
