"""A recorded series through the whole path: collect, chunks, rules, deliveries, console.

`python -m local.replay --csv FILE --metric NAME` runs on a virtual clock over Azurite (`--memory`:
over the in-memory twins) and prints the story; with --json one line per transition, suppression
and delivery. The same input gives the same lines.
"""

import signal

if __name__ == "__main__":
    # The imports below take a second and more: Ctrl-C ends them without their traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Struct

from local.backtest import read_json
from local.desks import Storage, VirtualClock, furnish, memory_storage, table_storage
from local.recordings import Point, Recording, read_csv, recorded_catalog
from local.terminals import ending_in_peace
from shared.adapters.channels.console import ConsoleChannel
from shared.catalog.metrics import CATALOG
from shared.catalog.rules import default_rules
from shared.domain.decisions import Suppression, Transition
from shared.domain.deliveries import Attempt
from shared.domain.errors import InvalidInput
from shared.domain.routing import Routing
from shared.domain.rules import MOST_MINUTES, ActionType, Rule, parse_rules
from shared.domain.times import MINUTE, iso
from shared.ports import House
from shared.services.deliver import waiting_groups
from shared.services.minute import tick, watch
from shared.services.passes import Pass

TARGET = "pantry-crm"
TICK_AT = timedelta(seconds=20)
LONGEST_WAIT = 2880
"""Minutes that a replay runs on for deliveries; they are given up after 24 hours."""
DEMOS = (
    (Path(__file__).parent / "series" / "dtu_storm.csv", "dtuUtilization"),
    (Path(__file__).parent / "series" / "slow_release.csv", "responseTime.avg"),
)


class Line(Struct, frozen=True, kw_only=True, rename={"before": "from", "after": "to"}):
    """One thing that happened; fields that do not apply are null."""

    at: str
    minute: str
    kind: str
    rule: str
    episode: str | None
    before: str | None = None
    after: str | None = None
    reason: str
    channel: str | None = None
    outcome: str | None = None


@dataclass(frozen=True)
class Script:
    """What is replayed: the points of one metric, its grain and the rules that watch it."""

    name: str
    points: Sequence[Point]
    metric: str
    grain: timedelta
    rules: Sequence[Rule]


def replay(script: Script, storage: Storage, say: Callable[[str], None]) -> Iterator[Line]:
    """Run the script; `say` gets what the console channel would print."""
    catalog = recorded_catalog(script.metric, script.grain)
    recording = Recording(catalog.metric(script.metric), script.points)
    clock = VirtualClock(recording.first + TICK_AT)
    house = furnish(
        storage,
        catalog=catalog,
        rules=script.rules,
        sources=[recording],
        channels={kind: ConsoleChannel(kind, say) for kind in ActionType},
        clock=clock,
    )
    yield from _run(house, clock, recording.end, script.grain)


def _run(house: House, clock: VirtualClock, end: datetime, grain: timedelta) -> Iterator[Line]:
    """One tick per grain to the end of the recording, then on until nothing is due."""
    while clock.now < end + grain:
        yield from lines_of(tick(TARGET, house=house, now=clock.now))
        clock.advance(grain)
    for _ in range(LONGEST_WAIT):
        if not waiting_groups(TARGET, house=house):
            break
        clock.advance(MINUTE)
        yield from lines_of(watch(TARGET, house=house, now=clock.now))


def lines_of(done: Pass) -> list[Line]:
    """A pass as lines: what the rules did, oldest first, then what was delivered."""
    decided: list[Transition | Suppression] = [
        *done.evaluation.transitions,
        *done.evaluation.suppressions,
    ]
    decided.sort(key=lambda one: (one.minute, one.rule))
    return [
        *(_decided_line(one, done.now) for one in decided),
        *(_delivery_line(one, done.now) for one in done.attempts),
    ]


def _decided_line(one: Transition | Suppression, now: datetime) -> Line:
    changed = one if isinstance(one, Transition) else None
    return Line(
        at=iso(now),
        minute=iso(one.minute),
        kind="suppression" if changed is None else "transition",
        rule=one.rule,
        episode=one.episode,
        before=changed.before if changed is not None else None,
        after=changed.after if changed is not None else None,
        reason=one.reason,
    )


def _delivery_line(one: Attempt, now: datetime) -> Line:
    row = one.delivery
    return Line(
        at=iso(now),
        minute=iso(row.minute),
        kind="delivery",
        rule=row.rule,
        episode=row.episode,
        before=one.before,
        after=row.status,
        reason=one.reason,
        channel=f"{row.channel_type}:{row.channel_name}",
        outcome=row.status,
    )


def rules_for(metric: str, path: Path | None) -> list[Rule]:
    """The rules of a file, or the shipped ones of that metric; raises InvalidInput for none."""
    catalog = recorded_catalog(metric, MINUTE)
    if path is not None:
        rules = [rule for rule in parse_rules(read_json(path), catalog) if rule.metric == metric]
        if not rules:
            raise InvalidInput(f"no rule in {path} watches {metric}")
        return rules
    shipped = [rule for rule in default_rules() if rule.metric == metric]
    if not shipped:
        known = ", ".join(rule.metric for rule in default_rules())
        raise InvalidInput(f"no shipped rule watches {metric} (they watch {known}); give --rules")
    return list(map(Routing({"ALERT_EMAIL": "admin@example.com"}).routed, shipped))


@contextmanager
def open_storage(*, memory: bool) -> Iterator[Storage]:
    """The in-memory twins, or a fresh Azurite for as long as the block lasts."""
    if memory:
        yield memory_storage()
        return
    from local.azurite import running_azurite  # noqa: PLC0415 - needs what --memory does not

    with running_azurite() as azurite:
        yield table_storage(azurite.connection_string)


def print_json(lines: Iterable[Line]) -> None:
    """JSON lines on stdout."""
    for line in lines:
        print(msgspec.json.encode(line).decode(), flush=True)


def print_story(script: Script, storage: Storage) -> None:
    """The story for a person: what the rules did, what was sent, and a last line that counts it."""
    print(f"== {script.name} as {script.metric}, a sample every {script.grain // MINUTE} min")
    messages: list[str] = []
    episodes: set[str | None] = set()
    sent = 0
    for line in replay(script, storage, messages.append):
        if line.kind == "delivery":
            sent += len(messages)
            _print_messages(messages)
            continue
        change = f"{line.before} -> {line.after}" if line.after else "nobody is told"
        print(f"{line.minute}  {line.rule}: {change} ({line.reason})")
        if line.after == "firing":
            episodes.add(line.episode)
    print(f"-- {_count(len(episodes), 'episode')}, {_count(sent, 'message')}\n")


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _print_messages(messages: list[str]) -> None:
    for message in messages:
        print("    " + message.replace("\n", "\n    "))
    messages.clear()


def script_of(
    csv: Path, metric: str, *, grain: timedelta, scale: float, rules: Sequence[Rule]
) -> Script:
    """The script of a file; raises InvalidInput with the line that is wrong."""
    return Script(csv.name, read_csv(csv, scale=scale), metric, grain, rules)


def scripts_of(given: argparse.Namespace) -> list[Script]:
    """What the command line asks for; without --csv the two bundled series, for a rule each."""
    if given.csv is None and given.metric is None:
        return [
            script_of(path, metric, grain=MINUTE, scale=1.0, rules=rules_for(metric, None)[:1])
            for path, metric in DEMOS
        ]
    if given.csv is None or given.metric is None:
        raise InvalidInput("--csv and --metric belong together")
    CATALOG.metric(given.metric)
    if not 1 <= given.grain <= MOST_MINUTES:
        raise InvalidInput(f"--grain is the minutes that a sample holds, from 1 to {MOST_MINUTES}")
    if not math.isfinite(given.scale):
        raise InvalidInput(f"--scale must be a finite number, not {given.scale}")
    grain = given.grain * MINUTE
    rules = rules_for(given.metric, given.rules)
    return [script_of(given.csv, given.metric, grain=grain, scale=given.scale, rules=rules)]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m local.replay", description=__doc__)
    parser.add_argument("--csv", type=Path, help="timestamp,value; default: the bundled series")
    parser.add_argument("--metric", help="the catalog's name for it, such as dtuUtilization")
    parser.add_argument("--grain", type=int, default=5, help="minutes that a sample holds")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies every value")
    parser.add_argument("--rules", type=Path, help="JSON rules; default: the shipped ones")
    parser.add_argument("--memory", action="store_true", help="the in-memory twins, no Azurite")
    parser.add_argument("--json", action="store_true", help="JSON lines instead of a story")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Exit code 0, or 2 with one sentence on stderr when the input is wrong."""
    given = parse(arguments)
    try:
        for script in scripts_of(given):
            with open_storage(memory=given.memory) as storage:
                if given.json:
                    print_json(replay(script, storage, lambda _: None))
                else:
                    print_story(script, storage)
    except InvalidInput as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(ending_in_peace(lambda: main(sys.argv[1:])))
