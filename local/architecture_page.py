"""docs/architecture.md: what runs when and where it is kept, from the code's own registries."""

import ast
import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import function_app
from local.host.triggers import Function as Registered
from local.host.triggers import HttpTrigger, QueueTrigger, TimerTrigger, read_functions
from shared.catalog.sources import SOURCES
from shared.domain.rules import ActionType
from shared.furnishing.storage import ALERTS, CONFIG, SAMPLES
from shared.services import minute

ROOT = Path(__file__).parents[1]
TABLES = {
    SAMPLES: "the past: hours, days and the newest figures of each target",
    ALERTS: "rule states, alerts, timelines, deliveries, inspections, advice, the audit",
    CONFIG: "targets and leases, edited rules, maintenance windows, budgets, closed channels",
}
QUEUES = {minute.COLLECT_QUEUE: "COLLECT_QUEUE", minute.DELIVERIES_QUEUE: "DELIVERIES_QUEUE"}
"""Each queue, and the constant by which the services name it."""


class Function(NamedTuple):
    """A front door: `on` is a timer's schedule, a queue's name, or a method and a route."""

    name: str
    kind: str
    on: str
    says: str


def functions() -> list[Function]:
    """Every function of the app, in its order."""
    return [_function(one) for one in read_functions(function_app.app)]


def _function(one: Registered) -> Function:
    says = (inspect.getdoc(one.call) or "").partition("\n")[0]
    match one.trigger:
        case TimerTrigger(schedule=schedule):
            return Function(one.name, "timer", schedule, says)
        case QueueTrigger(queue=queue):
            return Function(one.name, "queue", queue, says)
        case HttpTrigger(route=route, methods=methods):
            return Function(one.name, "http", f"{' '.join(sorted(methods))} {route}", says)


def senders(queue: str) -> list[str]:
    """The services that put messages into a queue, found where they do it."""
    wanted = QUEUES[queue]
    files = sorted((ROOT / "shared" / "services").glob("*.py"))
    return [file.stem for file in files if wanted in set(_put(ast.parse(file.read_text())))]


def _put(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="put"), args=[ast.Name(id=name), *_]):
                yield name
            case _:
                pass


def architecture_page() -> str:
    """The whole page."""
    found = functions()
    return "\n".join(
        [
            "# Architecture",
            "",
            "Made by `python -m local.make_docs` from the functions that `function_app` registers,",
            "the queues and tables that the code names, and the catalog's sources. Why it is built",
            "like this: [adr/](adr/); the rooms of the code: [the house](../README.md#the-house).",
            "",
            "```mermaid",
            *diagram(found),
            "```",
            "",
            "## What runs by itself",
            "",
            "| function | trigger | on | does |",
            "|---|---|---|---|",
            *(_row(one) for one in found if one.kind != "http"),
            "",
            "## What answers",
            "",
            "[The API](api.md) says who may ask for what.",
            "",
            "| function | on | does |",
            "|---|---|---|",
            *(f"| `{one.name}` | `{one.on}` | {one.says} |" for one in found if one.kind == "http"),
            "",
            "## Where it is kept",
            "",
            "| table | holds |",
            "|---|---|",
            *(f"| `{name}` | {holds} |" for name, holds in TABLES.items()),
            "",
            "What their rows are called is in [semantics](semantics.md#6-forms).",
            "",
            "| queue | filled by | emptied by |",
            "|---|---|---|",
            *(_queue_row(name, found) for name in QUEUES),
            "",
            "Messages carry ids, never state: one that is lost, late or doubled changes nothing.",
            "",
        ]
    )


def _row(one: Function) -> str:
    return f"| `{one.name}` | {one.kind} | `{one.on}` | {one.says} |"


def _queue_row(queue: str, found: Sequence[Function]) -> str:
    readers = ", ".join(f"`{one.name}`" for one in found if one.on == queue)
    writers = ", ".join(f"`services/{name}.py`" for name in senders(queue))
    return f"| `{queue}` | {writers} | {readers} |"


def diagram(found: Sequence[Function]) -> list[str]:
    """Mermaid: who sets what off, and what is read and written."""
    by_itself = [one for one in found if one.kind != "http"]
    return [
        "flowchart LR",
        *_group("watched", "What is watched", [_node("s", one.name, one.name) for one in SOURCES]),
        *_group("app", "The function app", [*map(_function_node, by_itself), "    http[HTTP]"]),
        *_group("kept", "Storage account", [*_stores()]),
        *_group("people", "People", [_node("c", str(one), str(one)) for one in ActionType]),
        "  watched --> app",
        *(f"  q_{one.on} --> f_{one.name}" for one in by_itself if one.kind == "queue"),
        *(f"  app -. services/{name} .-> q_{queue}" for queue in QUEUES for name in senders(queue)),
        *(f"  app <--> t_{name}" for name in TABLES),
        "  app --> people",
        "  people --> http",
    ]


def _stores() -> Iterator[str]:
    yield from (f"    t_{name}[({name})]" for name in TABLES)
    yield from (f"    q_{name}>{name}]" for name in QUEUES)


def _function_node(one: Function) -> str:
    on = "" if one.kind == "queue" else f"<br/>{one.on}"
    return f'    f_{one.name}["{one.name}{on}"]'


def _node(kind: str, name: str, title: str) -> str:
    return f"    {kind}_{name}[{title}]"


def _group(name: str, title: str, nodes: Sequence[str]) -> list[str]:
    return [f"  subgraph {name}[{title}]", *nodes, "  end"]
