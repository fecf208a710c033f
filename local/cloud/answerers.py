"""What an answerer is, and the desk that all answerers of one cloud share."""

import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Protocol

from starlette.types import ASGIApp

from local.cloud import resources
from local.cloud.certificates import Certificate
from local.cloud.faults import Faults
from local.cloud.inbox import Inbox
from local.cloud.sql.visits import Visits
from local.cloud.tokens import Keys
from local.world.events import World

if TYPE_CHECKING:
    from local.cloud.sql.database import DeskEngine


class Clock(Protocol):
    """World time; it may run faster than the wall's, or be moved by hand."""

    def now(self) -> datetime:
        """World time now, aware UTC."""
        ...


class Service(Protocol):
    """Answers on a socket that is bound already, from `start` to `stop`; it may start again."""

    async def start(self, bound: socket.socket) -> None:
        """Listen and answer from now on."""
        ...

    async def stop(self) -> None:
        """Cut every connection; nothing of it is left then."""
        ...


@dataclass(frozen=True)
class Answerer:
    """One HTTP service of the cloud; it gets a port of its own.

    Its lifespan, if it has one, runs anew each time the port opens.
    """

    scheme: ClassVar[str] = "http"
    name: str
    app: ASGIApp


@dataclass(frozen=True)
class TcpAnswerer:
    """A service with a protocol of its own: it breaks as the faults say, and keeps its records."""

    scheme: ClassVar[str] = "tcp"
    name: str
    service: Service


@dataclass
class Desk:
    """What answerers share; `urls` is filled when they listen, so read it per request.

    `engine` is the database's, when it is among them. `forbidden`: the answerers for which the
    monitor's identity lacks its role. `functions`: what the platform lists of the monitor's app;
    `disabled`: those of them that somebody disabled; `app_state`: Running or Stopped;
    `references`: its settings that refer to the vault, and the names of the secrets that they mean;
    `secrets`: the names that the vault has.

    The world is asked from several threads at once.
    """

    world: World
    clock: Clock
    faults: Faults = field(default_factory=Faults)
    inbox: Inbox = field(default_factory=Inbox)
    visits: Visits = field(default_factory=Visits)
    keys: Keys = field(default_factory=Keys)
    certificate: Certificate = field(default_factory=Certificate)
    resource_ids: tuple[str, ...] = (resources.PLAN, resources.APP, resources.DATABASE)
    simulate_latency: bool = True
    identity_header: str = field(default_factory=secrets.token_hex, repr=False)
    forbidden: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    disabled: set[str] = field(default_factory=set)
    app_state: str = "Running"
    references: dict[str, str] = field(default_factory=lambda: dict(resources.REFERENCES))
    secrets: set[str] = field(default_factory=lambda: set(resources.REFERENCES.values()))
    urls: dict[str, str] = field(default_factory=dict)
    engine: "DeskEngine | None" = None

    @property
    def database(self) -> "DeskEngine":
        """The engine of a desk that has the database."""
        if self.engine is None:
            raise LookupError("no database is on this desk")
        return self.engine


Make = Callable[[Desk], Answerer | TcpAnswerer]
