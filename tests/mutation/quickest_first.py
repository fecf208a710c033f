"""A pytest plugin of `make mutants`: the tests that take least are asked first.

Most mutants die of the first tests that reach them, so a slow one need only look at what is left.
How long each took is in mutmut's own statistics, beside the mutated copy that the tests run in.
"""

import gc
import json
from pathlib import Path

import pytest

TIMES = Path("mutmut-stats.json")


def pytest_configure() -> None:
    """Keep what the forked process brought along out of every collection: half of a short run."""
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by the time each took unmutated; before that is known, leave them as they are."""
    if TIMES.exists():
        took: dict[str, float] = json.loads(TIMES.read_text("utf-8"))["duration_by_test"]
        items.sort(key=lambda item: took.get(item.nodeid, 0.0))
