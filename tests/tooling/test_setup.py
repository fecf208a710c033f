"""What a stranger meets first: the Makefile and the script that makes its environment."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def an_interpreter(folder: Path, body: str) -> Path:
    script = folder / "python-for-test"
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o755)
    return script


def make_venv(folder: Path, python: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(ROOT / "local" / "make_venv.sh")],
        env={"PATH": "/usr/bin:/bin", "VENV": str(folder / "venv"), "PYTHON": python},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_missing_interpreter_is_named_in_one_sentence(tmp_path: Path) -> None:
    result = make_venv(tmp_path, "no-such-python")

    assert result.returncode == 1
    assert re.fullmatch(r"no-such-python was not found: .*\n", result.stderr)


def test_an_old_interpreter_is_refused_in_one_sentence(tmp_path: Path) -> None:
    old = an_interpreter(tmp_path, 'case $1 in -V) echo "Python 3.10.13";; *) exit 1;; esac')

    result = make_venv(tmp_path, str(old))

    assert result.returncode == 1
    assert re.fullmatch(r"Python 3\.11 or newer .* is Python 3\.10\.13; .*\n", result.stderr)
    assert not (tmp_path / "venv").exists()


def test_a_python_without_venv_and_pip_says_what_to_install(tmp_path: Path) -> None:
    bare = an_interpreter(tmp_path, f'case $1 in -m) exit 1;; *) {sys.executable} "$@";; esac')

    result = make_venv(tmp_path, str(bare))

    assert result.returncode == 1
    assert "python3-venv" in result.stderr


def test_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    declared = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    listed = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert declared is not None
    assert set(re.findall(r"^make (\S+)", listed, re.MULTILINE)) == set(declared[1].split())


@pytest.mark.parametrize("name", ["constraints.txt", "local/node/package-lock.json"])
def test_a_lock_names_no_registry(name: str) -> None:
    text = (ROOT / name).read_text()

    assert not re.search(r"index-url|find-links|\"resolved\": \"http", text)


def test_every_requirement_is_pinned() -> None:
    lines = [
        line
        for name in ("requirements.txt", "requirements-dev.txt", "constraints.txt")
        for line in (ROOT / name).read_text().splitlines()
        if line and not line.startswith(("#", "-"))
    ]

    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+( ;.*)?", line)] == []
