"""The CRM's own health page, as the probe sees it."""

import asyncio

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.cloud.answerers import Answerer, Desk
from local.cloud.breaking import Dropped
from local.world.events import Health

LONGEST_WAIT_S = 5.0


def answerer(desk: Desk) -> Answerer:
    async def health(_: Request) -> Response:
        at = desk.clock.now()
        seen = await asyncio.to_thread(desk.world.health, at)
        if seen.refuses or desk.world.is_down("probe", at):
            return Dropped()
        if desk.simulate_latency:
            await asyncio.sleep(min(seen.latency_ms / 1000, LONGEST_WAIT_S))
        uptime = at - at.replace(hour=0, minute=0, second=0, microsecond=0)
        return JSONResponse(_body(seen, uptime.total_seconds()), seen.status)

    return Answerer("crm", Starlette(routes=[Route("/api/health", health)]))


def _body(seen: Health, uptime_s: float) -> dict[str, object]:
    return {
        "status": "ok" if seen.status < 400 else "unhealthy",
        "uptime": uptime_s,
        "memory": {"heapUsed": seen.heap_bytes, "rss": seen.resident_bytes},
    }
