"""The storage account: tables, blobs, queues, what lies in them, and the clock."""

from collections.abc import Iterator

from shared.adapters.checkups import mends, storage
from shared.examinations.rounds import IDENTITY, Round
from shared.furnishing.storage import ALERTS, CONFIG, SAMPLES, queue, table
from shared.ports import Examination
from shared.services.minute import COLLECT_QUEUE, DELIVERIES_QUEUE


def account(on: Round) -> Iterator[Examination]:
    """All of the account that the monitor or its host uses."""
    yield _tables(on)
    if not on.given.storage:
        yield _blobs(on)
    yield from _queues(on)
    endpoint = storage.table_endpoint(on.given.storage, on.given.storage_account)
    yield Examination(
        name="clock",
        breaks="tokens and signed messages are refused, leases end too soon or too late",
        ask=lambda: storage.compare_clocks(
            endpoint,
            on.wall,
            lambda: on.restarting if on.who.inside else "sudo timedatectl set-ntp true",
        ),
        after=("tables",),
    )


def _tables(on: Round) -> Examination:
    names = (SAMPLES, ALERTS, CONFIG)
    tables = {one: table(on.given, one, on.credential) for one in names}
    return Examination(
        name="tables",
        breaks="nothing is stored, no rule is judged, nobody is told",
        ask=lambda: storage.try_tables(tables, mend_storage(on, "Table")),
        after=_opened_by(on),
        late=_look(on),
    )


def _blobs(on: Round) -> Examination:
    return Examination(
        name="blobs",
        breaks="the host has no locks and no package: no function runs",
        ask=lambda: storage.try_blobs(
            f"https://{on.given.storage_account}.blob.core.windows.net",
            on.who.sure_token,
            mend_storage(on, "Blob", "Owner"),
        ),
        after=_opened_by(on),
        late=_look(on),
    )


def _queues(on: Round) -> Iterator[Examination]:
    queues = queue(on.given, on.credential)
    yield Examination(
        name="queues",
        breaks="more than a few targets are not collected; messages wait for the next pass",
        ask=lambda: storage.try_queue(queues, mend_storage(on, "Queue"), on.wall),
        after=_opened_by(on),
        late=_look(on),
    )
    yield Examination(
        name="poison",
        breaks="whatever these messages asked for was not done by them",
        ask=lambda: storage.look_for_poison(queues, (COLLECT_QUEUE, DELIVERIES_QUEUE), on.account),
        after=("queues",),
    )


def _opened_by(on: Round) -> tuple[str, ...]:
    return () if on.given.storage else IDENTITY


def mend_storage(on: Round, kind: str, degree: str = "Contributor") -> storage.Mend:
    """What helps against a refusal of one of the account's services."""

    def mend(status: int | None) -> str:
        if status not in (401, 403):
            return _look(on)
        if on.given.storage:
            return on.changes.of("AzureWebJobsStorage", mends.storage_key(on.account))
        role = f"Storage {kind} Data {degree}"
        scope = on.given.own_storage or mends.storage_scope(on.account)
        return mends.grant_role(role, scope, on.who.identity)

    return mend


def _look(on: Round) -> str:
    return f"az storage account show --name {on.account} --query statusOfPrimary"
