"""The short link of an SMS: a page with all that can be done, which does nothing itself."""

import logging
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import azure.functions as func
import pytest
from msgspec.structs import replace

from shared.domain.alerts import AlertState
from shared.domain.deliveries import Delivery, channel_of
from shared.domain.links import LABELS, LinkAction, LinkMaker
from shared.domain.short_links import Pointer
from shared.web.action import answer_action, answer_menu
from shared.web.pages import POLICY
from tests.builders import MAIL, TARGET
from tests.web.builders import REQUIRED_HEADERS
from tests.web.test_action import HOSTILE, MAKER, Reader, a_reader, text

URL = "https://monitor.example.com/api/monitoring/a"


@pytest.fixture
def reader() -> Reader:
    return a_reader()


def code_of(reader: Reader) -> str:
    """What the newest message's short link carries."""
    (story,) = reader.desk.messages()[-1].stories
    return parse_qs(urlsplit(story.menu).query)["c"][0]


def open_menu(reader: Reader, code: str) -> func.HttpResponse:
    request = func.HttpRequest("GET", URL, params={"c": code}, body=b"")
    return answer_menu(request, reader._office)


def ways(answer: func.HttpResponse) -> dict[str, str]:
    """The links on the page: token by label."""
    found = re.findall(r'<a class="way" href="([^"]+)">([^<]+)</a>', answer.get_body().decode())
    return {label: parse_qs(urlsplit(url).query)["token"][0] for url, label in found}


def test_the_page_says_how_it_stands_and_offers_everything(reader: Reader) -> None:
    answer = open_menu(reader, code_of(reader))

    assert answer.status_code == 200
    assert text(answer).startswith("DTU high Critical at pantry-crm, since 2026-01-01 00:05 UTC")
    assert list(ways(answer)) == list(LABELS.values())


def test_opening_it_changes_nothing(reader: Reader) -> None:
    before = reader.desk.storage.alerts.query(TARGET, "", "~")

    for _ in range(3):
        open_menu(reader, code_of(reader))

    assert reader.desk.storage.alerts.query(TARGET, "", "~") == before


@pytest.mark.parametrize("action", LinkAction)
def test_what_it_offers_acts_once_in_the_recipients_name_and_is_gone_then(
    reader: Reader, action: LinkAction
) -> None:
    token = ways(open_menu(reader, code_of(reader)))[LABELS[action]]

    assert reader.ask(token, "GET").status_code == 200
    assert "Done, as admin@example.com by link." in text(reader.ask(token))

    assert LABELS[action] not in ways(open_menu(reader, code_of(reader)))


def test_its_links_expire_with_the_messages_own(reader: Reader) -> None:
    code = code_of(reader)
    row = reader.desk.rows("delivery:", Delivery)[0]
    reader.desk.clock.now = row.created_at + timedelta(days=7) - timedelta(minutes=1)
    reader.minute = 0
    assert ways(open_menu(reader, code))

    reader.desk.clock.now += timedelta(minutes=1)

    answer = open_menu(reader, code)
    assert (answer.status_code, ways(answer)) == (200, {})
    assert "nothing left to do with this link" in text(answer)


def test_what_is_over_offers_nothing_and_says_when_it_ended(reader: Reader) -> None:
    code = code_of(reader)
    reader.desk.ticks(11, 40)
    assert reader.desk.alert().state is AlertState.RESOLVED
    reader.minute = 40

    answer = open_menu(reader, code)

    assert ways(answer) == {}
    assert "Resolved at 2026-01-01 00:36 UTC." in text(answer)


def test_an_altered_or_foreign_code_is_refused(reader: Reader) -> None:
    good = code_of(reader)
    stranger = LinkMaker(["another secret of more than 32 bytes"], "https://monitor.example.com")
    pointer = MAKER.read_short(good)

    for code in ("", good[:-1], f"{good[:-1]}-", stranger.short(pointer).partition("=")[2]):
        answer = open_menu(reader, code)
        assert answer.status_code == 403
        assert "This link does not work" in text(answer)


@pytest.mark.parametrize(
    "change",
    [{"episode": "20260101T0005Z-ffffffff"}, {"seq": 9}, {"channel": "ffffffff"}],
    ids=lambda change: next(iter(change)),
)
def test_what_nobody_was_sent_is_not_found(reader: Reader, change: dict[str, str]) -> None:
    pointer = replace(MAKER.read_short(code_of(reader)), **change)

    answer = open_menu(reader, MAKER.short(pointer).partition("=")[2])

    assert (answer.status_code, ways(answer)) == (404, {})


def test_a_code_does_not_act_by_itself(reader: Reader) -> None:
    request = func.HttpRequest("POST", URL, params={"token": code_of(reader)}, body=b"")

    assert answer_action(request, reader._office).status_code == 403
    assert reader.desk.alert().acknowledged_by is None


def test_without_keys_there_is_no_menu(reader: Reader) -> None:
    code = code_of(reader)
    reader.links = None

    assert open_menu(reader, code).status_code == 404


def test_the_page_is_strict_and_no_code_is_logged(
    reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    code = code_of(reader)

    answer = open_menu(reader, code)

    expected = {**REQUIRED_HEADERS, "Content-Security-Policy": POLICY}
    assert {name: answer.headers[name] for name in expected} == expected
    assert "GET a 200" in caplog.text
    for secret in (code, *ways(answer).values()):
        assert secret not in caplog.text


def test_markup_in_a_rules_name_stays_text() -> None:
    reader = a_reader(HOSTILE)

    answer = open_menu(reader, code_of(reader))

    assert "<script" not in answer.get_body().decode()
    assert HOSTILE in text(answer)


def test_a_message_names_its_own_event_and_channel(reader: Reader) -> None:
    pointer = MAKER.read_short(code_of(reader))

    assert pointer == Pointer(reader.desk.alert().id, 1, channel_of(MAIL))
