"""docs/api.md says all that the code can answer."""

import re
from pathlib import Path

import pytest
from msgspec import inspect

from shared.domain.maintenance_wishes import FIELDS as WINDOW_FIELDS
from shared.domain.ranges import RANGES
from shared.web.asking import fields_of
from shared.web.doors import Door
from shared.web.histories import FORMATS
from shared.web.problems import TABLE
from shared.web.routes import ROUTES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
SOURCES = [*(ROOT / "shared" / "web").glob("*.py"), ROOT / "shared" / "bootstrap.py"]


def parameters(door: Door) -> list[str]:
    return [one.encode_name for one in fields_of(door.query)]


def chosen(door: Door) -> list[str]:
    """The parameters that take no free text."""
    forms = {one.encode_name: one.type for one in fields_of(door.query)}
    return [name for name, form in forms.items() if inspect.StrType() not in kinds(form)]


def kinds(form: inspect.Type) -> tuple[inspect.Type, ...]:
    return form.types if isinstance(form, inspect.UnionType) else (form,)


def codes() -> set[str]:
    """Every code that is written out, those that wrong parameters have, and the table's."""
    text = "\n".join(file.read_text(encoding="utf-8") for file in SOURCES)
    written = re.findall(r'(?:Problem|_unauthenticated)\(\s*(?:\d+,\s*)?"(\w+)"', text)
    made = {f"invalid_{name}" for door in ROUTES for name in chosen(door)}
    return {*written, *made, *(mapped.code for mapped in TABLE.values())}


@pytest.mark.parametrize("code", sorted(codes()))
def test_every_code_is_explained(code: str) -> None:
    assert f"`{code}`" in PAGE


@pytest.mark.parametrize("door", ROUTES, ids=lambda door: f"{door.method} {door.name}")
def test_every_route_is_listed_as_it_is(door: Door) -> None:
    query = "&".join(f"{name}=" for name in parameters(door))
    path = f"{door.name}?{query}" if query else door.name

    row = f"| {door.method} `{path}` | {door.role or 'none'} | {door.says} |"
    assert row in PAGE


def test_every_status_has_its_codes() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \|", PAGE, re.MULTILINE)
    told = {int(status) for row in rows for status in row.split(",")}

    assert {status for door in ROUTES for status in door.statuses} - {200} <= told


def test_every_parameter_field_and_range_is_named() -> None:
    bodies = [door.body.fields for door in ROUTES if door.body is not None]
    fields = {name for known in bodies for name in known or ()} | {*WINDOW_FIELDS}
    names = fields | {name for door in ROUTES for name in parameters(door)}

    assert {name for name in names if name not in PAGE} == set()
    assert {label for label in (*RANGES, *FORMATS) if label not in PAGE} == set()
