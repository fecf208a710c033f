"""What README and docs tell people to type, to set and to open is there."""

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import az_commands
from local.bench import SECTIONS
from local.bicep_files import INFRA, parse
from shared.setting_table import TABLE
from shared.web.routes import ROUTES

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "infra/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
MAKEFILE = (ROOT / "Makefile").read_text()
ENVIRONMENT = {
    "AUTH_ENABLED": "of the platform",
    "AZURE_": "what azure-identity looks for",
    "AZURE_RESOURCE_GROUP": "azd, for a template of a group",
    "BUDGET_START": "infra/main.bicepparam",
    "GRANT_SERVER_STATE": "infra/hooks/grant_sql.sh",
    "GRANT_SQL": "infra/hooks/grant_sql.sh",
    "MSI_": "what azure-identity looks for",
    "PANTRY_TRACES": "local/bench_anomaly.py",
    "PROMTOOL_CASES": "tests/domain/test_promtool.py",
}
"""Names in capitals that are no settings of the app, and where they are read."""

_CODE = re.compile(r"```\w*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)")


def each_code() -> Iterator[tuple[str, str]]:
    """Every piece of code in every document."""
    for file in DOCUMENTS:
        for block, inline in _CODE.findall(file.read_text()):
            yield str(file.relative_to(ROOT)), block or inline


def named(pattern: str) -> list[tuple[str, str]]:
    """What the pattern finds in code, and where."""
    compiled = re.compile(pattern, re.MULTILINE)
    return sorted(
        {(where, found) for where, code in each_code() for found in compiled.findall(code)}
    )


def test_every_target_of_make_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    found = named(r"(?:^|[\s`])make ([a-z-]+)")

    assert len(found) > 10
    assert [one for one in found if one[1] not in targets] == []


def test_every_section_of_the_bench_exists() -> None:
    found = named(r"make bench ARGS='?([a-z ]+)")

    assert found
    assert [(w, s) for w, words in found for s in words.split() if s not in SECTIONS] == []


def test_every_module_that_is_run_exists_and_knows_its_options() -> None:
    commands = named(r"python(?:3)? -m ((?:local|shared)[\w.]*[^\n`|)]*)")
    wrong: list[tuple[str, ...]] = []
    for where, command in commands:
        module, *words = command.split()
        spec = importlib.util.find_spec(module)
        if spec is None or spec.origin is None:
            wrong.append((where, command))
            continue
        source = Path(spec.origin).read_text()
        if module == "local.chaos":
            source += (ROOT / "local" / "chaos" / "__main__.py").read_text()
        options = [one.partition("=")[0] for one in words if one.startswith("--")]
        wrong += [(where, module, one) for one in options if f'"{one}"' not in source]

    assert len(commands) > 8
    assert wrong == []


def test_every_command_of_the_azure_cli_is_one_that_it_knows() -> None:
    known = json.loads((Path(__file__).parent / "az_commands.json").read_text())
    found = list(az_commands.named())

    assert {"infra/README.md", "docs/operate.md", "infra/hooks/sync_triggers.sh"} <= {
        where for where, _, _ in found
    }
    # A new one is looked up by `python -m local.az_commands`, or on learn.microsoft.com/cli/azure.
    assert [
        (where, words, sorted(options - set(known.get(words, []))))
        for where, words, options in found
        if words not in known or options - set(known[words])
    ] == []


def test_every_setting_that_is_named_exists() -> None:
    known = {setting.name for setting in TABLE} | ENVIRONMENT.keys()
    found = named(r"(?<![\w.$-])([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)(?!\w)")

    assert len(found) > 30
    assert [one for one in found if one[1] not in known] == []


def test_every_parameter_and_output_of_the_deployment_exists() -> None:
    main = parse("main", (INFRA / "main.bicep").read_text())
    known = {*main.params, *main.outputs}
    text = "".join(file.read_text() for file in INFRA.rglob("*.bicep"))
    known |= set(re.findall(r"\w+", text))
    documents = ("infra/README.md", "docs/operate.md")
    words = named(r"^(?:export |.*\$)?([a-z]+[A-Z]\w*)(?: = .*|\" .*)?$")
    found = [one for one in words if one[0] in documents]

    assert ("docs/operate.md", "operatorEmail") in found
    assert ("infra/README.md", "functionAppName") in found
    assert [one for one in found if one[1] not in known] == []


def test_every_address_of_the_api_in_a_command_leads_somewhere() -> None:
    paths = {_nameless(door.name) for door in ROUTES}
    found = named(r"(?:api/monitoring|\$API)/([\w/{}-]+)")

    assert len(found) > 5
    assert [
        (where, path)
        for where, path in found
        if path not in paths and re.sub(r"[\w-]+$", "{}", path) not in paths
    ] == []


def test_every_file_that_is_named_exists() -> None:
    # Made by the app, and by whoever runs the host on a desk.
    made = {"openapi.json", "local.settings.json"}
    found = named(r"^([\w./-]+\.(?:py|sh|sql|bicep|bicepparam|kql|ya?ml|json|md|txt))$")

    assert len(found) > 50
    assert [one for one in found if one[1] not in made and not _is_named(*one)] == []


def _is_named(where: str, path: str) -> bool:
    """Whether a file is there: from the top, beside the document, or by the end of its path."""
    near = (ROOT, (ROOT / where).parent, INFRA, ROOT / ".github" / "workflows")
    rooms = (ROOT / "shared", ROOT / "tests")
    return any((folder / path).is_file() for folder in near) or any(
        next(room.rglob(path), None) for room in rooms
    )


def test_every_route_that_is_named_exists() -> None:
    routes = {(door.method, _nameless(door.name)) for door in ROUTES}
    texts = {str(file.relative_to(ROOT)): file.read_text() for file in DOCUMENTS}
    found = {
        (where, method, path)
        for where, text in texts.items()
        for method, path in re.findall(r"\b(GET|POST|PUT|PATCH|DELETE) `([a-z][\w./{}-]*)", text)
    }

    assert len(found) > 30
    assert [one for one in sorted(found) if (one[1], _nameless(one[2])) not in routes] == []


def _nameless(path: str) -> str:
    """A path whose places stand without their names."""
    return re.sub(r"\{\w+\}", "{}", path)


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(file: Path) -> None:
    broken = [
        (path, heading)
        for path, heading in _LINK.findall(_without_code(file.read_text()))
        if not _is_there(file, path, heading)
    ]

    assert broken == []


def _without_code(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def _is_there(file: Path, path: str, heading: str) -> bool:
    wanted = (file.parent / path).resolve() if path else file
    if not wanted.exists():
        return False
    return not heading or wanted.suffix != ".md" or heading in _headings(wanted)


def _headings(file: Path) -> set[str]:
    found = re.findall(r"^#+ (.+)$", _without_code(file.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in found}


def test_json_in_the_documents_is_json() -> None:
    wrong = []
    for file in DOCUMENTS:
        for block in re.findall(r"```json\n(.*?)```", file.read_text(), re.DOTALL):
            if "…" not in block:
                try:
                    json.loads(block)
                except ValueError as error:
                    wrong.append((file.name, str(error), block[:60]))

    assert wrong == []
