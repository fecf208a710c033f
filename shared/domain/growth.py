"""What has grown between two inspections: counters of waits, and the sizes of tables."""

from collections.abc import Mapping

from msgspec.structs import replace

from shared.domain.inspections import Inspection, TableSize, Wait


def compared(inspection: Inspection, before: Inspection | None) -> Inspection:
    """The inspection with its `grown_…` figures; without one before it, they stay None."""
    if before is None:
        return inspection
    return replace(
        inspection,
        waits=_waits(inspection.waits, before.waits),
        tables=_tables(inspection.tables, before.tables),
        compared_with=before.at,
    )


def _waits(
    now: tuple[Wait, ...] | None, before: tuple[Wait, ...] | None
) -> tuple[Wait, ...] | None:
    """A counter that fell began anew, and then all of them did: nothing can be said."""
    if now is None or before is None:
        return now
    known = {wait.type: wait for wait in before}
    grown = tuple(_grown_wait(wait, known.get(wait.type)) for wait in now)
    fell = any((wait.grown_ms or 0) < 0 or (wait.grown_tasks or 0) < 0 for wait in grown)
    return now if fell else grown


def _grown_wait(wait: Wait, before: Wait | None) -> Wait:
    """A wait that nobody knew before began at 0."""
    ms, tasks = (before.wait_ms, before.tasks) if before is not None else (0.0, 0)
    return replace(wait, grown_ms=wait.wait_ms - ms, grown_tasks=wait.tasks - tasks)


def _tables(
    now: tuple[TableSize, ...] | None, before: tuple[TableSize, ...] | None
) -> tuple[TableSize, ...] | None:
    if now is None or before is None:
        return now
    known = {size.table: size for size in before}
    return tuple(_grown_table(size, known) for size in now)


def _grown_table(size: TableSize, known: Mapping[str, TableSize]) -> TableSize:
    before = known.get(size.table)
    if before is None:
        return size
    grown = round(size.size_mb - before.size_mb, 6)
    return replace(size, grown_rows=size.rows - before.rows, grown_mb=grown)
