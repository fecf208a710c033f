"""The inbox shows what people would have got, and runs nothing of what it shows."""

import json
from datetime import timedelta

import requests

from local.cloud.answerers import Desk
from local.cloud.clouds import Cloud
from local.cloud.faults import Fault
from local.cloud.inbox import Record
from local.cloud.messages import messages
from tests.local.cloud.handmade import T0

MAIL = {
    "senderAddress": "alerts@example.com",
    "recipients": {"to": [{"address": "admin@example.com"}, {"address": "<b>@example.com"}]},
    "content": {
        "subject": "DTU <script>alert(1)</script>",
        "plainText": "95 % & more",
        "html": '<p onclick="x()">95 %</p></iframe><script>alert(2)</script>',
    },
}
POST = {
    "channel": "#alerts",
    "text": "DTU is high\nsince 9:00",
    "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "*DTU* is high"}}],
}


def _record(answerer: str, path: str, body: object, minute: int = 0, **more: object) -> Record:
    record = Record(
        answerer=answerer,
        method="POST",
        path=path,
        query="",
        headers={},
        body=json.dumps(body).encode(),
        world_at=T0 + timedelta(minutes=minute),
        wall_at=T0,
        status=200,
    )
    for name, value in more.items():
        setattr(record, name, value)
    return record


def _send(desk: Desk) -> None:
    desk.inbox.add(_record("email", "/emails:send", MAIL, status=202))
    desk.inbox.add(_record("slack", "/api/chat.postMessage", POST, 1, answer=b'{"ok": true}'))


def test_messages_are_listed_newest_first(cloud: Cloud) -> None:
    _send(cloud.desk)
    told = requests.get(f"{cloud.urls['desk']}/inbox.json", timeout=60).json()["messages"]
    assert [(one["via"], one["to"], one["subject"], one["text"]) for one in told] == [
        ("slack", "#alerts", "DTU is high", "*DTU* is high"),
        (
            "email",
            "admin@example.com, <b>@example.com",
            "DTU <script>alert(1)</script>",
            "95 % & more",
        ),
    ]
    assert told[1]["at"] == T0.isoformat()


def test_the_page_escapes_everything(cloud: Cloud) -> None:
    _send(cloud.desk)
    page = requests.get(cloud.urls["desk"], timeout=60).text
    assert "<script" not in page
    assert "<b>@" not in page
    assert "onclick=&quot;" in page
    assert page.count("</iframe>") == 1
    assert "<iframe sandbox srcdoc=" in page
    assert 'http-equiv="refresh"' in page
    assert '<html lang="en">' in page
    assert page.index("#alerts") < page.index("admin@")


def test_the_page_says_what_is_broken(cloud: Cloud) -> None:
    assert "Nothing is broken." in requests.get(cloud.urls["desk"], timeout=60).text
    cloud.desk.faults.set("email", Fault("throttle"))
    assert "email: throttle" in requests.get(cloud.urls["desk"], timeout=60).text


def test_what_was_not_taken_is_not_in_the_inbox(desk: Desk) -> None:
    for record in (
        _record("email", "/emails:send", MAIL, status=429),
        _record("email", "/emails:send", MAIL, status=None),
        _record("slack", "/api/chat.postMessage", POST, answer=b'{"ok": false}'),
        _record("slack", "/api/chat.postMessage", POST, answer=b"nonsense"),
    ):
        desk.inbox.add(record)
    assert messages(desk) == []


def test_a_message_without_blocks_is_its_text(desk: Desk) -> None:
    body = {"text": "hello\nagain"}
    desk.inbox.add(_record("slack", "/services/T1/BALERTS/x", body, answer=b"ok"))
    (told,) = messages(desk)
    assert (told.to, told.subject, told.text) == ("#alerts", "hello", "hello\nagain")
