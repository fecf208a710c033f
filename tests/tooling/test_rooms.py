"""What import-linter cannot say: the front doors' imports, and the core's whole allow-list."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = [ROOT / "shared" / room for room in ("services", "ports.py", "catalog", "domain")]


def modules_of(*rooms: Path) -> list[Path]:
    return [file for room in rooms for file in ([room] if room.is_file() else room.rglob("*.py"))]


def imports_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def libraries_of(file: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports_of(file)} - sys.stdlib_module_names


@pytest.mark.parametrize("file", modules_of(*CORE), ids=lambda f: str(f.relative_to(ROOT)))
def test_the_core_imports_only_the_standard_library_and_msgspec(file: Path) -> None:
    assert libraries_of(file) <= {"msgspec", "shared"}


def test_settings_import_only_the_standard_library() -> None:
    assert libraries_of(ROOT / "shared" / "settings.py") == {"shared"}
    assert libraries_of(ROOT / "shared" / "setting_forms.py") == set()
    assert libraries_of(ROOT / "shared" / "setting_places.py") == {"shared"}
    assert libraries_of(ROOT / "shared" / "setting_ways.py") == {"shared"}


def test_the_front_doors_leave_adapters_and_settings_to_the_bootstrap() -> None:
    file = ROOT / "function_app.py"
    bypasses = ("shared.adapters", "shared.setting")

    assert libraries_of(file) <= {"azure", "msgspec", "shared"}
    assert not [name for name in imports_of(file) if name.startswith(bypasses)]
