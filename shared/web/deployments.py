"""GET and POST deployments: which version went live when."""

from datetime import timedelta
from itertools import islice
from typing import Annotated

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from shared.domain.deployments import FIELDS, OLDEST, Deployment, DeploymentWish, new_deployment
from shared.domain.wishes import Instant
from shared.services.deployments import deployments, mark_deployment
from shared.web.alerts import chosen_targets, target_of
from shared.web.auth import Role, clean_text
from shared.web.doors import Asked, Body, Reply, Route
from shared.web.problems import Problem

DEFAULT_RANGE = timedelta(days=7)
MOST = 500


class DeploymentsQuery(Struct, frozen=True):
    """Between two moments, both included; by default the last 7 days."""

    start: Instant | None = field(name="from", default=None)
    end: Instant | None = field(name="to", default=None)
    target: str = ""
    limit: Annotated[int, Meta(ge=1, le=MOST)] = MOST


class DeploymentsMeta(Struct, frozen=True):
    """`more`: there are more than `limit`."""

    limit: int
    more: bool


class Deployments(Struct, frozen=True):
    """The answer of GET deployments, newest first."""

    deployments: list[Deployment]


def _list(asked: Asked) -> Reply:
    query: DeploymentsQuery = asked.query
    alerts, limit = asked.office.house().alerts, query.limit
    end = query.end or asked.office.now
    start = query.start or end - DEFAULT_RANGE
    if not timedelta() <= end - start <= OLDEST:
        raise Problem(
            400,
            "invalid_from",
            f"from must not lie after to, and at most {OLDEST.days} days before",
        )
    found = [
        one
        for target in chosen_targets(query.target, asked.office.targets)
        for one in islice(deployments(target, start, end, alerts=alerts), limit + 1)
    ]
    found.sort(key=lambda one: (one.at, one.id), reverse=True)
    return Reply(Deployments(found[:limit]), DeploymentsMeta(limit, more=len(found) > limit))


def _mark(asked: Asked) -> Reply:
    wanted = _cleaned(asked.body)
    target = target_of(wanted.target, asked.office.targets)
    by, now = asked.principal.name, asked.office.now
    marker = new_deployment(wanted, target=target, by=by, now=now)
    return Reply(mark_deployment(marker, alerts=asked.office.house().alerts, now=now))


def _cleaned(given: DeploymentWish) -> DeploymentWish:
    """Without control characters: a version stands in messages and on charts."""
    version = clean_text(given.version)
    if not version:
        raise Problem(400, "invalid_body", FIELDS["version"])
    note = clean_text(given.note or "", keep="\n\t") or None
    return replace(given, version=version, note=note)


DEPLOYMENTS = Route(
    name="deployments",
    role=Role.READER,
    answer=_list,
    says="which version went live when, newest first",
    query=DeploymentsQuery,
    data=Deployments,
    meta=DeploymentsMeta,
)
MARK = Route(
    name="deployments",
    method="POST",
    role=Role.DEPLOYER,
    answer=_mark,
    says="a version went live",
    body=Body(DeploymentWish, FIELDS),
    data=Deployment,
)
