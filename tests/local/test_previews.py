"""The previews: everything that people would read, written to files, within published limits."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.previews import told, write

MESSAGES = sorted(told())
PAGES = ("menu", "question", "done", "used", "broken")
JSON = ("slack", "teams", "webhook")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("previews")
    said: list[str] = []
    write(written, said.append)
    assert len(said) == 1
    return written


def read(folder: Path, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8")


def body(folder: Path, name: str, channel: str) -> Any:
    return json.loads(read(folder, f"{name}.{channel}.json"))


@pytest.mark.parametrize("name", MESSAGES)
def test_every_message_is_written_for_every_channel(folder: Path, name: str) -> None:
    found = {file.name for file in folder.iterdir()}

    assert {f"{name}.{kind}" for kind in ("html", "png", "txt", "sms.txt")} <= found
    assert {f"{name}.{channel}.json" for channel in JSON} <= found
    assert f'src="{name}.png"' in read(folder, f"{name}.html")


def test_every_page_is_written(folder: Path) -> None:
    pages = [read(folder, f"link_{one}.html") for one in PAGES]

    assert ["<form" in page for page in pages] == [False, True, False, False, False]
    assert pages[0].count("<a class=") == 3
    assert "Already done" in pages[3]
    assert "does not work" in pages[4]


def texts(value: Any) -> Iterator[dict[str, Any]]:
    """Every text object in Slack's blocks."""
    if isinstance(value, dict):
        if value.get("type") in {"mrkdwn", "plain_text"}:
            yield value
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


@pytest.mark.parametrize("name", MESSAGES)
def test_slack_takes_it(folder: Path, name: str) -> None:
    """The limits of docs.slack.dev/reference/block-kit/blocks and chat.postMessage."""
    message = body(folder, name, "slack")

    assert 0 < len(message["text"]) <= 4_000
    assert 0 < len(message["blocks"]) <= 50
    for block in message["blocks"]:
        assert block["type"] in {"header", "section", "context"}
        assert len(block.get("elements", [])) <= 10
        most = {"header": 150, "section": 3_000, "context": 3_000}[block["type"]]
        assert all(0 < len(text["text"]) <= most for text in texts(block))


@pytest.mark.parametrize("name", MESSAGES)
def test_teams_takes_it(folder: Path, name: str) -> None:
    """28 KB a message and version 1.5 at most: learn.microsoft.com, webhooks and cards of Teams."""
    message = body(folder, name, "teams")
    [attachment] = message["attachments"]

    assert len(json.dumps(message, ensure_ascii=False).encode()) <= 28 * 1024
    assert attachment["content"]["version"] in {"1.4", "1.5"}
    assert attachment["content"]["body"]


@pytest.mark.parametrize("name", MESSAGES)
def test_one_sms_takes_it(folder: Path, name: str) -> None:
    text = read(folder, f"{name}.sms.txt")

    assert 0 < len(text) <= 160
    assert ("https://" in text) is (name != "resolved")


@pytest.mark.parametrize("name", MESSAGES)
def test_a_webhook_gets_the_common_alert_schema(folder: Path, name: str) -> None:
    """The essentials that learn.microsoft.com lists for azureMonitorCommonAlertSchema."""
    message = body(folder, name, "webhook")
    essentials = message["data"]["essentials"]

    assert message["schemaId"] == "azureMonitorCommonAlertSchema"
    assert essentials.keys() >= {
        *("alertId", "alertRule", "severity", "signalType", "monitorCondition"),
        *("monitoringService", "alertTargetIDs", "originAlertId", "firedDateTime"),
        *("description", "essentialsVersion", "alertContextVersion"),
    }
    assert essentials["monitorCondition"] == ("Resolved" if name == "resolved" else "Fired")
    assert "token=" not in json.dumps(message)


def test_the_weekly_report_is_written_as_page_and_mail(folder: Path) -> None:
    mail, page = read(folder, "report_mail.html"), read(folder, "report_page.html")
    shown = re.findall(r'src="([^"]+)"', mail)

    assert len(shown) == 5
    assert all((folder / name).read_bytes().startswith(b"\x89PNG") for name in shown)
    assert "Missing index on dbo.Interaction" in page
    assert read(folder, "report_mail.txt").startswith("2026-11-16 06:00 to 2026-11-23 06:00 UTC")
