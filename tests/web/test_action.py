"""Links that act: a GET never does, a POST does once, and every page says plainly what is."""

import dataclasses
import logging
import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import azure.functions as func
import pytest
from msgspec.structs import replace

from shared.domain.alerts import AlertState
from shared.domain.handling import AuditEntry
from shared.domain.links import GOOD_FOR, LinkAction, LinkMaker, Permit
from shared.services.deliver import deliver_due
from shared.services.follow import offer
from shared.services.resend import Message, resend
from shared.web.action import answer_action
from shared.web.auth import Gate
from shared.web.doors import Office
from shared.web.pages import POLICY
from tests.builders import BAD, OK, TARGET, Desk, a_desk, a_rule, at
from tests.web.builders import REQUIRED_HEADERS

KEY = "a secret for links of more than 32 bytes"
MAKER = LinkMaker([KEY], "https://monitor.example.com")
HOSTILE = "<script>alert('x')</script> & \"quotes\""


class Reader:
    """Somebody with a mail in hand; time is the desk's."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.minute = 11.0
        self.links: LinkMaker | None = MAKER

    def token(self, action: LinkAction) -> str:
        """The token that the newest mail has for an action."""
        (story,) = self.desk.messages()[-1].stories
        link = next(link for link in story.links if link.action is action)
        return parse_qs(urlsplit(link.url).query)["token"][0]

    def ask(self, token: str | None, method: str = "POST") -> func.HttpResponse:
        params = {} if token is None else {"token": token}
        url = "https://monitor.example.com/api/monitoring/action"
        return answer_action(func.HttpRequest(method, url, params=params, body=b""), self._office)

    def _office(self) -> Office:
        now = at(self.minute)
        self.desk.clock.now = max(self.desk.clock.now, now)
        house = self.desk.house
        return Office(
            gate=Gate(), targets=(TARGET,), house=lambda: house, now=now, links=self.links
        )


def a_reader(name: str = "DTU high") -> Reader:
    """The rule fires at the end of minute 6; its mail has links."""
    desk = a_desk([OK] * 5 + [BAD] * 30 + [OK] * 600, rules=[a_rule(name=name)])
    desk.house = dataclasses.replace(desk.house, links=MAKER)
    desk.ticks(0, 11)
    return Reader(desk)


@pytest.fixture
def reader() -> Reader:
    return a_reader()


def text(answer: func.HttpResponse) -> str:
    """What a person reads on the page."""
    html = answer.get_body().decode()
    body = html.partition("<body>")[2]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_a_message_that_is_sent_again_has_links_that_are_good_again(reader: Reader) -> None:
    desk = reader.desk
    desk.clock.now += GOOD_FOR
    assert reader.ask(reader.token(LinkAction.ACKNOWLEDGE)).status_code == 410

    (row,) = desk.deliveries()
    again = Message(row.episode, row.channel, row.seq)
    resend(TARGET, again, by="admin", house=desk.house, now=desk.clock.now)
    deliver_due(TARGET, house=desk.house)

    (story,) = desk.messages()[-1].stories
    menu = parse_qs(urlsplit(story.menu).query)["c"][0]
    offered = offer(MAKER.read_short(menu), targets=[TARGET], house=desk.house, now=at(11))
    assert len(offered.permits) == len(LinkAction)
    assert reader.ask(reader.token(LinkAction.ACKNOWLEDGE)).status_code == 200
    assert desk.alert().acknowledged_by is not None


def test_a_get_asks_and_a_post_does_in_the_recipients_name(reader: Reader) -> None:
    token = reader.token(LinkAction.ACKNOWLEDGE)

    question = reader.ask(token, "GET")
    assert question.status_code == 200
    assert "Acknowledge: DTU high?" in text(question)
    assert "You act as admin@example.com by link." in text(question)
    assert '<form method="post"><button type="submit">Acknowledge</button></form>' in (
        question.get_body().decode()
    )

    answer = reader.ask(token)
    assert answer.status_code == 200
    assert "Acknowledged: DTU high" in text(answer)
    assert reader.desk.alert().acknowledged_by == "admin@example.com by link"


@pytest.mark.parametrize("action", LinkAction)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "get"])
def test_only_a_post_changes_anything(reader: Reader, action: LinkAction, method: str) -> None:
    token = reader.token(action)
    before = reader.desk.storage.alerts.query(TARGET, "", "~")

    for _ in range(3):
        assert reader.ask(token, method).status_code == 200

    assert reader.desk.storage.alerts.query(TARGET, "", "~") == before


@pytest.mark.parametrize("action", LinkAction)
def test_a_token_used_again_says_already_done_and_changes_nothing(
    reader: Reader, action: LinkAction
) -> None:
    token = reader.token(action)
    reader.ask(token)
    before = reader.desk.storage.alerts.query(TARGET, "", "~")
    reader.minute += 20

    for method in ("POST", "GET"):
        answer = reader.ask(token, method)
        assert answer.status_code == 200
        assert "Already done: DTU high" in text(answer)
        assert "<form" not in answer.get_body().decode()
    assert reader.desk.storage.alerts.query(TARGET, "", "~") == before


def test_a_snooze_lasts_an_hour_and_the_next_messages_link_works_again(reader: Reader) -> None:
    first = reader.token(LinkAction.SNOOZE)
    assert "Silent until 2026-01-01 01:11 UTC" in text(reader.ask(first))

    desk = reader.desk
    desk.act("unsnooze", desk.alert().id, 13)
    reader.minute = 14
    stale = reader.ask(first)
    assert stale.status_code == 409
    assert "out of date" in text(stale)

    desk.ticks(14, 16)
    assert desk.told()[-1] == "snooze_ended"
    reader.minute = 16
    assert "Snoozed: DTU high" in text(reader.ask(reader.token(LinkAction.SNOOZE)))


def test_every_action_is_audited_once(reader: Reader) -> None:
    for action in LinkAction:
        token = reader.token(action)
        for _ in range(2):
            reader.ask(token)

    audit = reader.desk.rows("audit:", AuditEntry)
    assert sorted(entry.action for entry in audit) == ["acknowledge", "resolve", "snooze"]
    assert {entry.by for entry in audit} == {"admin@example.com by link"}


def test_what_is_over_cannot_be_acted_on(reader: Reader) -> None:
    tokens = [reader.token(action) for action in LinkAction]
    reader.desk.ticks(11, 40)
    assert reader.desk.alert().state is AlertState.RESOLVED
    reader.minute = 40

    for token in tokens:
        for method in ("GET", "POST"):
            answer = reader.ask(token, method)
            assert answer.status_code == 410
            assert "It is over: DTU high" in text(answer)
    assert reader.desk.rows("audit:", AuditEntry) == []


def test_a_token_expires_after_seven_days(reader: Reader) -> None:
    token = reader.token(LinkAction.RESOLVE)
    reader.minute = 7 * 24 * 60 + 7
    assert reader.ask(token, "GET").status_code == 200
    reader.minute += 1

    for method in ("GET", "POST"):
        answer = reader.ask(token, method)
        assert (answer.status_code, "expired" in text(answer)) == (410, True)
    assert reader.desk.alert().state is AlertState.FIRING


def permit_of(reader: Reader) -> Permit:
    return MAKER.read(reader.token(LinkAction.ACKNOWLEDGE))


def token_for(permit: Permit, maker: LinkMaker = MAKER) -> str:
    return parse_qs(urlsplit(maker.link(permit).url).query)["token"][0]


def test_an_altered_or_foreign_token_is_refused(reader: Reader) -> None:
    stranger = LinkMaker(["another secret of more than 32 bytes"], "https://monitor.example.com")
    good = reader.token(LinkAction.ACKNOWLEDGE)

    for token in (good[:-2], f"{good}AA", token_for(permit_of(reader), stranger)):
        for method in ("GET", "POST"):
            answer = reader.ask(token, method)
            assert answer.status_code == 403
            assert "This link does not work" in text(answer)
    assert reader.desk.alert().acknowledged_by is None


@pytest.mark.parametrize(
    "change",
    [{"episode": "20260101T0005Z-ffffffff"}, {"target": "other"}, {"recipient": "ffffffff"}],
    ids=lambda change: next(iter(change)),
)
def test_what_nobody_was_sent_is_not_found(reader: Reader, change: dict[str, str]) -> None:
    answer = reader.ask(token_for(replace(permit_of(reader), **change)))

    assert answer.status_code == 404
    assert reader.desk.alert().acknowledged_by is None


@pytest.mark.parametrize("token", [None, "", "A" * 1001])
def test_a_link_that_lost_its_token_says_so(reader: Reader, token: str | None) -> None:
    answer = reader.ask(token, "GET")

    assert answer.status_code == 400
    assert "copy it as a whole" in text(answer)


def test_without_keys_there_are_no_links(reader: Reader) -> None:
    token = reader.token(LinkAction.RESOLVE)
    reader.links = None

    assert reader.ask(token).status_code == 404


def test_every_page_is_strict_and_shows_no_token(
    reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = reader.token(LinkAction.ACKNOWLEDGE)

    answers = [
        reader.ask(token, "GET"),
        reader.ask(token),
        reader.ask(token),
        reader.ask(f"{token}x"),
        reader.ask(None),
    ]

    for answer in answers:
        html = answer.get_body().decode()
        assert answer.mimetype == "text/html"
        expected = {**REQUIRED_HEADERS, "Content-Security-Policy": POLICY}
        assert {name: answer.headers[name] for name in expected} == expected
        assert not re.search(r"<script|<link|<img|http|url\(| on\w+=| style=", html)
        assert token not in html
    assert token not in caplog.text
    assert token.partition(".")[2] not in caplog.text
    assert "POST action 200" in caplog.text


def test_markup_in_a_rules_name_stays_text() -> None:
    reader = a_reader(HOSTILE)
    token = reader.token(LinkAction.RESOLVE)

    for method in ("GET", "POST", "POST"):
        answer = reader.ask(token, method)
        assert "<script" not in answer.get_body().decode()
        assert HOSTILE in text(answer)
