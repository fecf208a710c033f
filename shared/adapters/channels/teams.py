"""Teams, by the webhook of a workflow ("when a Teams webhook request is received") per channel.

The URL is a secret as a whole: it is named in no error and in no log.
"""

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from shared.adapters import egress
from shared.adapters.cards import teams_message
from shared.adapters.destinations import destination, name_problem
from shared.adapters.egress import Egress
from shared.adapters.refusals import error_code, refusal
from shared.domain.errors import NotAsked
from shared.domain.notifications import Notification
from shared.domain.rules import Severity


class TeamsChannel:
    """See ports.Channel; `webhooks` are URLs by name."""

    type = "teams"
    timeout = timedelta(seconds=egress.DEADLINE)
    least = Severity.LOW

    def __init__(self, webhooks: Mapping[str, str], *, way_out: Egress | None = None) -> None:
        self._webhooks = {
            name: destination(url, f"the Teams webhook {name}") for name, url in webhooks.items()
        }
        self._way_out = way_out or Egress()

    def send(self, notification: Notification) -> str | None:
        """See Channel.send; a workflow takes the card (202) and gives no id."""
        problem = self.problem(notification.to)
        if problem:
            raise NotAsked(problem)
        body = msgspec.json.encode(teams_message(notification))
        who = f"the Teams webhook {notification.to}"
        answer = self._way_out.post(self._webhooks[notification.to], body, _headers, who)
        if not answer.is_good:
            raise refusal(who, answer.status, error_code(answer.body), answer.headers)
        return None

    def problem(self, target: str) -> str:
        """See Channel.problem; an URL in the wrong place is a secret as well."""
        return name_problem(target, self._webhooks, "Teams webhook", "TEAMS_WEBHOOKS")


def _headers() -> Mapping[str, str]:
    return {"Content-Type": "application/json"}
