"""GET and POST deployments: which version went live when."""

from datetime import timedelta
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.deployments import FIELDS, OLDEST, Deployment, DeploymentWish, new_deployment
from shared.services.deployments import deployments, mark_deployment
from shared.web.alerts import target_of
from shared.web.asking import moment, no_parameters, parameters, whole_number, wish
from shared.web.auth import Role, clean_text
from shared.web.doors import Asked, Reply, Route
from shared.web.problems import Problem

PARAMETERS = ("from", "to", "target", "limit")
DEFAULT_RANGE = timedelta(days=7)
MOST = 500


class Deployments(Struct, frozen=True):
    """The answer of GET deployments, newest first."""

    deployments: list[Deployment]


def _list(asked: Asked) -> Reply:
    given = parameters(asked.request, PARAMETERS)
    now, targets, alerts = asked.office.now, asked.office.targets, asked.office.house().alerts
    end = moment("to", given["to"]) if given.get("to") else now
    start = moment("from", given["from"]) if given.get("from") else end - DEFAULT_RANGE
    if not timedelta() < end - start <= OLDEST:
        raise Problem(
            400, "invalid_from", f"from must lie before to, by at most {OLDEST.days} days"
        )
    limit = whole_number("limit", given.get("limit", str(MOST)), 1, MOST)
    chosen = [target_of(given, targets)] if given.get("target") else targets
    found = [
        one
        for target in chosen
        for one in islice(deployments(target, start, end, alerts=alerts), limit + 1)
    ]
    found.sort(key=lambda one: (one.at, one.id), reverse=True)
    meta = {"limit": limit, "more": len(found) > limit}
    return Reply(Deployments(found[:limit]), meta)


def _mark(asked: Asked) -> Reply:
    no_parameters(asked.request)
    by_cookie = asked.principal.by_cookie
    wanted = _cleaned(wish(asked.request, DeploymentWish, FIELDS, must_say_json=by_cookie))
    target = target_of({"target": wanted.target or ""}, asked.office.targets)
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


DEPLOYMENTS = Route("deployments", Role.READER, _list)
MARK = Route("deployments", Role.DEPLOYER, _mark)
