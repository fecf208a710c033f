"""Measures what README states: `make bench`, or `python -m local.bench imports store ...`.

Figures that are compared are taken side by side in one run; machines are noisy.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence

from local.bench_first import run as bench_first
from local.bench_latency import run as bench_latency
from local.bench_store import run as bench_store
from local.bench_tick import run as bench_tick

TIMES = 10
MOST_IMPORT_RATIO = 1.5


def imports() -> bool:
    """How much longer does function_app import than azure.functions alone?

    Both with compiled bytecode, as a deployed app has it, taken alternately; the quickest of 10,
    because whatever else runs on the machine can only add.
    """
    seconds: dict[str, list[float]] = {"azure.functions": [], "function_app": []}
    with tempfile.TemporaryDirectory() as cache:
        for _ in range(TIMES + 1):
            for module, taken in seconds.items():
                taken.append(_import_seconds(module, cache))
    base, ours = (min(taken[1:]) for taken in seconds.values())
    print(f"import azure.functions {base * 1000:6.0f} ms (quickest of {TIMES})")
    print(f"import function_app    {ours * 1000:6.0f} ms = {ours / base:.2f} x, limit 1.5 x")
    return ours <= MOST_IMPORT_RATIO * base


def _import_seconds(module: str, cache: str) -> float:
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    answer = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return float(answer.stdout)


def store() -> bool:
    """Reading 1 h, 24 h and 7 d: hour chunks beside one row per minute."""
    bench_store(print)
    return True


def tick() -> bool:
    """The CPU of a hundred ticks and watches in the app's own process, SDKs included."""
    return bench_tick(print)


def first() -> bool:
    """The first invocation of each trigger in a fresh process."""
    return bench_first(print)


def latency() -> bool:
    """From a breach in the world to the message, over a hundred storms for each source."""
    return bench_latency(print)


def replays() -> bool:
    """Whole recordings through Azurite; their transitions equal an independent computation."""
    return _pytest("-m", "bench")


def promtool() -> bool:
    """The rule machine beside promtool on 2,000 random rules and series."""
    return _pytest("tests/domain/test_promtool.py", PROMTOOL_CASES="2000")


def _pytest(*arguments: str, **environment: str) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "--durations=10", "--timeout=1800", *arguments]
    return subprocess.run(command, env={**os.environ, **environment}, check=False).returncode == 0


SECTIONS: dict[str, Callable[[], bool]] = {
    "imports": imports,
    "tick": tick,
    "first": first,
    "latency": latency,
    "store": store,
    "replays": replays,
    "promtool": promtool,
}


def main(arguments: Sequence[str]) -> int:
    """Exit code 1 when a limit is passed or a proof fails."""
    parser = argparse.ArgumentParser(prog="python -m local.bench", description=__doc__)
    parser.add_argument("sections", nargs="*", choices=[[], *SECTIONS], help="default: all")
    wanted = parser.parse_args(arguments).sections or list(SECTIONS)
    failed = []
    for name in wanted:
        print(f"== {name}", flush=True)
        if not SECTIONS[name]():
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
