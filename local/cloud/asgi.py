"""Two small things that ASGI middleware keeps needing."""

from starlette.types import Message, Receive


def replay(body: bytes, receive: Receive) -> Receive:
    """The body that was read already, then whatever follows: in practice the disconnect."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return messages.pop() if messages else await receive()

    return replayed


async def disconnected(receive: Receive) -> None:
    """Wait until the client, or the server, has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass
