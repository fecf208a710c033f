"""docs/pains.md names a test for each of its thirty pains, and each of them exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = re.findall(r"^\| (\d+) \|(.*)\|$", (ROOT / "docs" / "pains.md").read_text(), re.MULTILINE)
PROOF = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_all_thirty_pains_name_their_proof() -> None:
    assert [int(number) for number, _ in ROWS] == list(range(1, 31))
    assert [number for number, row in ROWS if not PROOF.search(row)] == []


def test_every_proof_is_a_test() -> None:
    named = [proof for _, row in ROWS for proof in PROOF.findall(row)]

    missing = [(path, name) for path, name in named if f"def {name}(" not in _text(path)]

    assert missing == []


def _text(path: str) -> str:
    file = ROOT / path
    return file.read_text() if file.exists() else ""
