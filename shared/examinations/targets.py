"""What is measured of a target: its page, the platform's figures, its logs and its database."""

from collections.abc import Iterator
from functools import partial

from shared.adapters.checkups import mends
from shared.adapters.checkups.databases import OPTIONAL, USES, DatabaseExaminer, Place
from shared.catalog.sql_queries import COUNTS, Grant
from shared.domain.errors import SourceDenied, SourceError
from shared.examinations.rounds import IDENTITY, Round, breaks
from shared.furnishing.sources import BY_LOGS, databases
from shared.ports import Examination
from shared.services import vitals


def sources_of(target: str, on: Round) -> Iterator[Examination]:
    """Everything that a pass would read of the target."""
    for source in on.house.sources:
        if source.name in on.house.measured.get(target, ()):
            mend = partial(_mend_source, on, target, source.name)
            listen = vitals.see_page if source.name == "probe" else vitals.hear
            yield Examination(
                name=f"{source.name} of {target}",
                breaks=breaks(on.house, source.name),
                ask=partial(listen, source, target, mend=mend, now=on.now),
                after=() if source.name == "probe" else IDENTITY,
            )
    yield from _conduct(target, on)
    yield from _database(target, on)


def _conduct(target: str, on: Round) -> Iterator[Examination]:
    """The groups of sources that are read from logs."""
    measured = on.house.measured.get(target, ())
    for group in on.house.groups:
        names = [one for one in group.names if one in BY_LOGS and one in measured]
        if names:
            mend = partial(_mend_source, on, target, "logs")
            yield Examination(
                name=f"{' and '.join(names)} of {target}",
                breaks=breaks(on.house, *names),
                ask=partial(vitals.hear_together, group, names, target, mend=mend, now=on.now),
                after=IDENTITY,
            )


def _mend_source(on: Round, target: str, source: str, error: SourceError) -> str:
    its = on.given.resources[target]
    if source == "probe":
        return mends.ask_page(its.health_url, its.app)
    if isinstance(error, SourceDenied):
        if source in BY_LOGS:
            role, scope = "Log Analytics Reader", mends.workspace_scope(its.workspace)
        else:
            role, scope = "Monitoring Reader", getattr(its, source)
        return mends.grant_role(role, scope, on.who.identity)
    if " 404" in str(error):
        return "az resource list --output table   # which ids there are"
    return mends.NOTHING


def _database(target: str, on: Round) -> Iterator[Examination]:
    place = on.given.databases.get(target)
    if place is None:
        return
    database = databases(on.given, on.credential)[target]
    where = Place(on.given.resources[target].database, *place, on.given.sql_user)
    visit = DatabaseExaminer(target, database, where, on.who, on.now)
    login = f"login to {target}"
    yield Examination(
        name=login,
        breaks="no figure of the database but the platform's own, no advice about it",
        ask=visit.log_in,
        after=() if on.given.sql_user else IDENTITY,
        late=f"az sql db show --ids {where.resource_id} --query status",
    )
    for grant in Grant:
        yield Examination(
            name=f"{grant} on {target}",
            breaks=f"{'optional: ' if grant in OPTIONAL else ''}{USES[grant]}",
            ask=partial(visit.grant, grant),
            after=(login,),
        )
    yield from _counts(target, on, visit, login)


def _counts(target: str, on: Round, visit: DatabaseExaminer, login: str) -> Iterator[Examination]:
    for source in dict.fromkeys(query.source for query in COUNTS):
        if source in on.house.measured.get(target, ()):
            yield Examination(
                name=f"{source} of {target}",
                breaks=breaks(on.house, source),
                ask=partial(visit.count, source),
                after=(login,),
            )
