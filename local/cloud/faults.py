"""What is broken on the desk now, answerer by answerer; set from Python or the control endpoint."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any

ANSWERERS = (
    "platform",
    "logs",
    "sql",
    "email",
    "slack",
    "webhooks",
    "teams",
    "sms",
    "crm",
    "identity",
    "vault",
    "telemetry",
    "desk",
)

KINDS = {
    "slow": "answers after `seconds`",
    "throttle": "429, with Retry-After when `retry_after` (seconds) is given",
    "error": "an error of `status` 500 to 599, or 403",
    "hang": "no answer until the fault is cleared",
    "refuse": "nobody listens on the port",
    "garbage": "200 with bytes that are no JSON",
    "wrong_shape": "200 with JSON of another shape",
    "drop": "the connection closes without an answer",
}


FORBIDDEN = 403


@dataclass(frozen=True)
class Fault:
    """One way to be broken; `times` is how many requests it hits, None for all.

    `part`: it hits only requests to paths that hold this text, as those of one resource do.
    """

    kind: str
    seconds: float = 1.0
    retry_after: int | None = None
    status: int = 500
    times: int | None = None
    part: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"there is no fault {self.kind!r}; there are {', '.join(KINDS)}")
        if self.seconds < 0 or (self.retry_after or 0) < 0:
            raise ValueError("seconds and retry_after are 0 or more")
        if not 500 <= self.status <= 599 and self.status != FORBIDDEN:
            raise ValueError(f"the status of an error is 500 to 599, or 403, not {self.status}")
        if self.times is not None and self.times < 1:
            raise ValueError(f"a fault hits 1 request or more, not {self.times}")
        if self.kind == "refuse" and self.times is not None:
            raise ValueError("nobody counts refused connections: a refuse has no times")
        if self.kind == "refuse" and self.part:
            raise ValueError("who is refused has not said yet what for: a refuse has no part")


@dataclass
class _Active:
    fault: Fault
    left: int | None


# Called with an answerer's name when it has to begin or end refusing connections.
Doorkeeper = Callable[[str], None]


class Faults:
    """The faults of all answerers, one each at most; safe to use from any thread."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ANSWERERS
        self.doorkeeper: Doorkeeper | None = None
        self._lock = Lock()
        self._active: dict[str, _Active] = {}

    def set(self, answerer: str, fault: Fault) -> None:
        """Break an answerer; returns when it is so. Raises ValueError for an unknown one."""
        self._change(answerer, fault)

    def clear(self, answerer: str | None = None) -> None:
        """Mend one answerer, or all."""
        for name in [answerer] if answerer else self.names:
            self._change(name, None)

    def current(self, answerer: str) -> Fault | None:
        """The fault that the next request would meet."""
        with self._lock:
            active = self._active.get(answerer)
            return active.fault if active and active.left != 0 else None

    def take(
        self, answerer: str, kinds: Collection[str] = KINDS, *, path: str = ""
    ) -> Fault | None:
        """The fault that this request meets, if it is one of these kinds; counts it."""
        with self._lock:
            active = self._active.get(answerer)
            if active is None or active.left == 0 or active.fault.kind not in kinds:
                return None
            if active.fault.part not in path:
                return None
            if active.left is not None:
                active.left -= 1
            return active.fault

    def holds(self, answerer: str, fault: Fault) -> bool:
        """Whether that very fault was neither cleared nor replaced; it may have no times left."""
        with self._lock:
            active = self._active.get(answerer)
            return active is not None and active.fault is fault

    def refuses(self, answerer: str) -> bool:
        current = self.current(answerer)
        return current is not None and current.kind == "refuse"

    def broken(self) -> dict[str, dict[str, Any]]:
        """What is broken now, as JSON would have it."""
        with self._lock:
            return {
                name: {**asdict(active.fault), "times": active.left}
                for name, active in self._active.items()
                if active.left != 0
            }

    def _change(self, answerer: str, fault: Fault | None) -> None:
        if answerer not in self.names:
            names = ", ".join(self.names)
            raise ValueError(f"there is no answerer {answerer!r}; there are {names}")
        refused = self.refuses(answerer)
        with self._lock:
            if fault is None:
                self._active.pop(answerer, None)
            else:
                self._active[answerer] = _Active(fault, fault.times)
        if self.doorkeeper and refused != self.refuses(answerer):
            self.doorkeeper(answerer)


def read_fault(given: Any) -> Fault:
    """A fault from JSON; raises ValueError with a sentence for whoever wrote it."""
    fields = ("kind", "seconds", "retry_after", "status", "times", "part")
    if not isinstance(given, Mapping) or not given.keys() <= set(fields) or "kind" not in given:
        raise ValueError(f"a fault is an object with kind and, if need be, {', '.join(fields[1:])}")
    for name, value in given.items():
        _check(name, value)
    return Fault(**given)


def _check(name: str, value: Any) -> None:
    number = isinstance(value, int) and not isinstance(value, bool)
    if name in {"kind", "part"}:
        right = isinstance(value, str)
    elif name == "seconds":
        right = number or isinstance(value, float)
    else:
        right = number or (value is None and name != "status")
    if not right:
        raise ValueError(f"{name} can't be {value!r}")
