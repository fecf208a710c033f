"""The Log Analytics workspaces of the targets: several questions at once, over one client."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple, Protocol

from shared.adapters.https import Outcomes, is_plain_loopback
from shared.adapters.logs.refusals import translated
from shared.adapters.windows import LONGEST, PATIENCE, Patience
from shared.domain.errors import SourceError

PUBLIC_CLOUD = "https://api.loganalytics.io"
SERVER_TIMEOUT = 5
SHORTEST = timedelta(hours=1)
"""What a reading covers at least: after a failure half as much is asked, down to this."""


class LogsClient(Protocol):
    """What is used of azure.monitor.query.LogsQueryClient."""

    def query_workspace(
        self,
        workspace_id: str,
        query: str,
        *,
        timespan: tuple[datetime, datetime],
        server_timeout: int,
        **options: Any,
    ) -> Any:
        """A result whose status says whether it is all; raises AzureError."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


class Question(NamedTuple):
    """One query over a stretch of time, and what makes sense of its answer."""

    name: str
    text: str
    start: datetime
    end: datetime
    understood: Callable[[Any], Any]


class Workspaces:
    """Target to workspace id, and who asks; tokens go over plain http only where that is said."""

    def __init__(
        self,
        ids: Mapping[str, str],
        client: LogsClient,
        *,
        over_plain_http: bool = False,
        patience: Patience = PATIENCE,
    ) -> None:
        self._ids = ids
        self._client = client
        self._options = {"enforce_https": False} if over_plain_http else {}
        self._patience = patience

    def close(self) -> None:
        """Close the connections; an app keeps them for life."""
        self._client.close()

    def workspace_of(self, target: str) -> str:
        """The id of its workspace; raises SourceError when none is set."""
        workspace = self._ids.get(target)
        if not workspace:
            raise SourceError(f"no workspace is set for {target}")
        return workspace

    def ask(self, target: str, questions: Sequence[Question], outcomes: Outcomes) -> list[Any]:
        """Every question's answer; one that fails or is late fails them all."""
        workspace = self.workspace_of(target)
        calls = [partial(self._answer, workspace, question) for question in questions]
        answers: list[Any] = []
        found = outcomes.of(calls, within=self._patience.deadline, target=target)
        for question, outcome in zip(questions, found, strict=True):
            if isinstance(outcome, SourceError):
                raise outcome
            if isinstance(outcome, Exception):
                raise SourceError(f"query {question.name}: {outcome}") from outcome
            answers.append(outcome)
        return answers

    def _answer(self, workspace: str, question: Question) -> Any:
        with translated():
            answer = self._client.query_workspace(
                workspace,
                question.text,
                timespan=(question.start, question.end),
                server_timeout=SERVER_TIMEOUT,
                **self._options,
            )
            return question.understood(answer)


def open_workspaces(
    ids: Mapping[str, str],
    *,
    credential: Any,
    endpoint: str = PUBLIC_CLOUD,
    audience: str | None = None,
    patience: Patience = PATIENCE,
) -> Workspaces:
    """The workspaces over the real client; `ids` is target to workspace id.

    `audience` is what tokens are asked for; by default the endpoint, which a sovereign cloud has
    of its own, and the public cloud's where the endpoint is on this machine.
    """
    from azure.monitor.query import LogsQueryClient  # noqa: PLC0415 - SDK import

    plain = is_plain_loopback(endpoint)
    client = LogsQueryClient(
        credential,
        endpoint=endpoint,
        audience=audience or (PUBLIC_CLOUD if plain else endpoint),
        connection_timeout=patience.connect,
        read_timeout=patience.read,
        # azure-core would sleep through any Retry-After; the next minute is retry enough.
        retry_total=0,
    )
    return Workspaces(ids, client, over_plain_http=plain, patience=patience)


class Reach:
    """How much of a long gap one reading of a source asks for."""

    def __init__(self) -> None:
        self._longest: dict[str, timedelta] = {}

    @contextmanager
    def tried(self, target: str) -> Iterator[timedelta]:
        """The longest stretch to ask for; when that fails, half of it the next time.

        Too much for the deadline would stay too much for ever: half of it may be answered.
        """
        longest = self._longest.get(target, LONGEST)
        self._longest[target] = max(longest / 2, SHORTEST)
        yield longest
        self._longest[target] = min(longest * 2, LONGEST)
