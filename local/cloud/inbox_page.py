"""The desk answerer: what was sent, and the control by which answerers are broken and mended."""

import asyncio
import json
from dataclasses import asdict
from html import escape
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from local.cloud.answerers import Answerer, Desk
from local.cloud.faults import read_fault
from local.cloud.inbox import Record
from local.cloud.messages import Message, messages
from shared.domain.times import iso

NAME = "desk"
REFRESH_S = 5
FORBID = "forbid"
"""Beside the kinds of faults: 403, because the monitor's identity lacks its role there."""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="{refresh}">
<title>Inbox ({count})</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem }}
main {{ padding: 0 1rem }}
article {{ border-top: 1px solid; padding: 1rem 0 }}
h2 {{ font-size: 1.1rem; margin: 0 }}
pre {{ white-space: pre-wrap; font: inherit }}
iframe {{ border: 1px solid; width: 100%; height: 16rem; background: #fff }}
</style>
</head>
<body>
<main>
<h1>Inbox</h1>
<p>{broken}</p>
{articles}
</main>
</body>
</html>
"""


def answerer(desk: Desk) -> Answerer:
    async def page(_: Request) -> Response:
        return HTMLResponse(_page(messages(desk), _broken(desk)))

    async def listing(_: Request) -> Response:
        found = [{**asdict(one), "at": one.at.isoformat()} for one in messages(desk)]
        return JSONResponse({"messages": found})

    async def raw(request: Request) -> Response:
        found = desk.inbox.records(request.path_params["answerer"])
        return JSONResponse({"requests": [_raw(one) for one in found]})

    async def broken(_: Request) -> Response:
        return JSONResponse(_broken(desk))

    async def control(request: Request) -> Response:
        return await _control(desk, request)

    routes = [
        Route("/", page),
        Route("/inbox.json", listing),
        Route("/requests/{answerer}", raw),
        Route("/control", broken),
        Route("/control/{answerer}", control, methods=["POST", "DELETE"]),
    ]
    return Answerer(NAME, Starlette(routes=routes))


def _raw(record: Record) -> dict[str, Any]:
    """A request as it came, for whoever wants to see what really went over the wire."""
    return {
        "method": record.method,
        "path": record.path,
        "query": record.query,
        "headers": record.headers,
        "body": record.body.decode(errors="replace"),
        "status": record.status,
        "worldAt": record.world_at.isoformat(),
    }


async def _control(desk: Desk, request: Request) -> Response:
    """Break or mend an answerer; the desk itself stays whole, or nobody could mend it again."""
    name = request.path_params["answerer"]
    others = [one for one in desk.faults.names if one != NAME]
    if name not in others:
        return _refusal(f"there is no answerer {name!r} to break; there are {_list(others)}")
    try:
        if request.method == "DELETE":
            desk.forbidden.discard(name)
            await asyncio.to_thread(desk.faults.clear, name)
        else:
            await _break(desk, name, json.loads(await request.body()))
    except json.JSONDecodeError:
        return _refusal("the body is no JSON")
    except ValueError as error:
        return _refusal(str(error))
    return JSONResponse(_broken(desk))


async def _break(desk: Desk, name: str, given: Any) -> None:
    """By a fault, or by taking the role with which the monitor is let in."""
    if given == {"kind": FORBID}:
        desk.forbidden.add(name)
    else:
        await asyncio.to_thread(desk.faults.set, name, read_fault(given))


def _broken(desk: Desk) -> dict[str, Any]:
    return {**{name: {"kind": FORBID} for name in sorted(desk.forbidden)}, **desk.faults.broken()}


def _refusal(sentence: str) -> Response:
    return JSONResponse({"error": sentence}, 400)


def _page(sent: list[Message], broken: dict[str, Any]) -> str:
    faults = [f"{name}: {fault['kind']}" for name, fault in broken.items()]
    return _PAGE.format(
        refresh=REFRESH_S,
        count=len(sent),
        broken=escape(f"Broken now: {_list(faults)}." if faults else "Nothing is broken."),
        articles="\n".join(map(_article, sent)) or "<p>Nobody was told anything yet.</p>",
    )


def _article(message: Message) -> str:
    at, shown_at = iso(message.at), message.at.strftime("%Y-%m-%d %H:%M:%S UTC")
    body = f"<pre>{escape(message.text)}</pre>"
    if message.html:
        # Sandboxed without a right: whatever the mail holds can neither run nor reach the page.
        shown = f'srcdoc="{escape(message.html)}" title="{escape(message.subject)}"'
        body = f"<details><summary>Plain text</summary>{body}</details><iframe sandbox {shown}>"
        body += "</iframe>"
    return (
        f"<article><h2>{escape(message.subject) or 'No subject'}</h2>"
        f'<p>{message.via} to {escape(message.to)}, <time datetime="{at}">{shown_at}</time></p>'
        f"{body}</article>"
    )


def _list(words: list[str]) -> str:
    return ", ".join(words)
