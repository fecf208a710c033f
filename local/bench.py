"""Measures what README states: `make bench`, or `python -m local.bench imports store ...`.

Figures that are compared are taken side by side in one run; machines are noisy.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence

from local.advice.ranking import run as rank_advice
from local.bench_anomaly import run as bench_anomaly
from local.bench_cost import run as bench_cost
from local.bench_first import run as bench_first
from local.bench_fleet import run as bench_fleet
from local.bench_forecasts import run as bench_forecasts
from local.bench_history import run as bench_history
from local.bench_judging import run as bench_judging
from local.bench_latency import run as bench_latency
from local.bench_report import run as bench_report
from local.bench_sql import run as bench_sql
from local.bench_store import run as bench_store
from local.bench_tick import run as bench_tick
from local.terminals import ending_in_peace

TIMES = 20
MOST_IMPORT_RATIO = 1.5
IMPORTING = """
from time import process_time as now
began = now()
import azure.functions
base = now()
import function_app
print(base - began, now() - base)
"""


def imports() -> bool:
    """How much longer does function_app import than azure.functions alone?

    With compiled bytecode, as a deployed app has it. Both in one process, one after the other, and
    by CPU, because other programs of the machine would else decide; the median of 20.
    """
    with tempfile.TemporaryDirectory() as cache:
        taken = [_import_seconds(cache) for _ in range(TIMES + 1)][1:]
    base, more = (statistics.median(one) for one in zip(*taken, strict=True))
    ratio = statistics.median((base + more) / base for base, more in taken)
    print(f"import azure.functions {base * 1000:4.0f} ms of CPU (median of {TIMES})")
    print(
        f"function_app adds      {more * 1000:4.0f} ms: {ratio:.2f} x, limit {MOST_IMPORT_RATIO} x"
    )
    return ratio <= MOST_IMPORT_RATIO


def _import_seconds(cache: str) -> tuple[float, float]:
    """The seconds of azure.functions, and what function_app takes after it."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    answer = subprocess.run(
        [sys.executable, "-c", IMPORTING],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    base, more = map(float, answer.stdout.split())
    return base, more


def store() -> bool:
    """Reading 1 h, 24 h and 7 d: hour chunks beside one row per minute."""
    return bench_store(print)


def history() -> bool:
    """GET metrics from an hour to a year, through the handler, and a day's roll-up."""
    return bench_history(print)


def tick() -> bool:
    """The CPU of a hundred ticks and watches in the app's own process, SDKs included."""
    return bench_tick(print)


def first() -> bool:
    """The first invocation of each trigger in a fresh process."""
    return bench_first(print)


def latency() -> bool:
    """From a breach in the world to the message, over a hundred storms for each source."""
    return bench_latency(print)


def sql() -> bool:
    """What a day of ticks costs the database: round trips, rows and bytes."""
    return bench_sql(print)


def cost() -> bool:
    """What a calm month costs: requests and log lines counted, the host's own share reckoned."""
    return bench_cost(print)


def fleet() -> bool:
    """200 targets through the queue on Azurite, and on paper up to 10,000."""
    return bench_fleet(print)


def advice() -> bool:
    """A culprit among decoys in 100 databases of six kinds: does its advice come first?"""
    return rank_advice(print, 100)


def report() -> bool:
    """The report of 30 days of minutes, through the handler: its seconds and its memory."""
    return bench_report(print)


def forecasts() -> bool:
    """How far forecasts are off, and how often a trend is seen where there is none."""
    return bench_forecasts(print)


def anomaly() -> bool:
    """The anomaly detector on labelled recordings, by the Numenta benchmark's rules; its cost."""
    found = bench_anomaly(print)
    return bench_judging(print) and found


def replays() -> bool:
    """Whole recordings through Azurite; their transitions equal an independent computation."""
    return _pytest("tests/local/test_replay.py", "-m", "bench")


def calm() -> bool:
    """Seven calm days of five more worlds: no shipped rule speaks."""
    return _pytest("tests/catalog/test_default_rules.py", "-m", "bench")


def truth() -> bool:
    """Four hours of a second world minute by minute; each metric equals the world's arithmetic."""
    return _pytest("tests/walks/test_truth.py", "-m", "bench")


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
    "sql": sql,
    "cost": cost,
    "fleet": fleet,
    "store": store,
    "history": history,
    "advice": advice,
    "report": report,
    "forecasts": forecasts,
    "anomaly": anomaly,
    "replays": replays,
    "calm": calm,
    "truth": truth,
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
    sys.exit(ending_in_peace(lambda: main(sys.argv[1:])))
