"""Mail pages and Slack blocks: everything is told, nothing gets through as markup or too long."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from html import escape
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
from msgspec import json
from msgspec.structs import replace

from shared.adapters.alert_schema import common_alert
from shared.adapters.cards import teams_message
from shared.adapters.pictures import alt_text
from shared.adapters.rendering import (
    COLOUR_OVER,
    COLOURS,
    SLACK_BLOCKS,
    SLACK_HEADER,
    SLACK_IN_ALL,
    SLACK_SECTION,
    SLACK_TEXT,
    mail_html,
    mail_text,
    mrkdwn,
    one_line,
    slack_message,
    slack_reply,
)
from shared.adapters.texting import sms_text
from shared.domain.culprits import Culprit
from shared.domain.deployments import RecentDeploy
from shared.domain.episodes import Event, EventKind
from shared.domain.links import Link, LinkAction
from shared.domain.notifications import Notification, compose
from shared.domain.reports.weekly import weekly_event
from shared.domain.rules import Action, ActionType, Severity
from shared.domain.trails import Trail
from tests.a_report import a_deploy, a_report
from tests.builders import MAIL, T0, an_alert, an_event

HOSTILE = "<script>alert('x')</script> & \"<!channel>\" *b*"


def a_notification(*events: Event, message: str | None = None) -> Notification:
    to = Action(ActionType.EMAIL, "admin@example.com", message)
    return compose("m1", to, events or [an_event()])


def many(count: int, **changes: object) -> Sequence[Event]:
    episodes = [f"20260101T{number:04d}Z-{number:08x}" for number in range(count)]
    return [an_event(episode=one, alert=an_alert(one, **changes)) for one in episodes]


class Page(HTMLParser):
    """The visible text of a page, and its elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.tags.append(tag)
        if tag != "meta":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def __str__(self) -> str:
        return " ".join(" ".join(self.text).split())


def test_a_mail_tells_everything_that_the_text_tells() -> None:
    notification = a_notification(
        an_event(runbook="Restart the plan."), message="Call the office.\nOr do not."
    )

    page = str(Page(mail_html(notification)))

    assert notification.subject in page
    for line in notification.text.splitlines():
        assert line in page
    assert "All times are UTC" in page


def test_a_mail_has_a_section_for_each_story_with_its_severity_in_colour_and_words() -> None:
    firing = an_event(episode="20260101T0005Z-1a2b3c4d")
    over = an_event(2, EventKind.RESOLVED, episode="20260101T0001Z-1a2b3c4e")

    html = mail_html(a_notification(firing, over))

    assert Page(html).tags.count("section") == 2
    assert COLOURS[Severity.CRITICAL] in html
    assert COLOUR_OVER in html
    assert "CRITICAL" in str(Page(html))
    assert "RESOLVED" in str(Page(html))


def test_a_mail_lets_nothing_through_as_markup() -> None:
    alert = an_alert(rule_name=HOSTILE, unit=HOSTILE)
    event = an_event(alert=alert, metric_label=HOSTILE, runbook=HOSTILE)

    html = mail_html(a_notification(event, message=HOSTILE))

    page = Page(html)
    assert "<script" not in html
    assert not {"script", "img", "a"} & set(page.tags)
    assert HOSTILE.replace("  ", " ") in str(page)


def test_a_mail_loads_nothing_from_anywhere() -> None:
    html = mail_html(a_notification())

    assert "http" not in html
    assert "url(" not in html


@pytest.mark.parametrize("colour", [*COLOURS.values(), COLOUR_OVER])
def test_white_on_a_severitys_colour_can_be_read(colour: str) -> None:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    assert 1.05 / (luminance + 0.05) >= 4.5


def test_slack_gets_a_header_a_section_for_each_story_and_a_footer() -> None:
    message = slack_message(a_notification(*many(3), message="Call the office."))

    kinds = [block["type"] for block in message["blocks"]]
    assert kinds == ["header", *["section"] * 4, "context"]
    assert message["blocks"][0]["text"]["text"].startswith(
        "[CRITICAL] DTU 99 % for 2 min, and 2 more —"
    )
    assert message["blocks"][4]["text"]["text"] == "Call the office."


def test_slack_is_given_no_mention_and_no_markup_but_our_own() -> None:
    event = an_event(alert=an_alert(rule_name=HOSTILE), runbook=HOSTILE)

    message = slack_message(a_notification(event, message=HOSTILE))

    told = [message["text"], *(block["text"]["text"] for block in message["blocks"][1:-1])]
    assert all("<" not in text and ">" not in text for text in told)
    assert "&lt;!channel&gt;" in told[0]
    assert "&amp;" in told[0]


def test_slacks_limits_are_kept_however_much_there_is_to_tell() -> None:
    long = an_event(runbook="&" * 20_000, alert=an_alert(rule_name="<" * 500))
    crowd = many(200, rule_name="&" * 4000)

    for notification in (
        a_notification(long, message="&" * 9000),
        a_notification(*crowd),
        a_notification(long, *crowd, message="&" * 9000),
        with_links(*many(24, rule_name="DTU high" * 60)),
    ):
        message = slack_message(notification)
        assert len(json.encode(message["blocks"]).decode()) <= SLACK_IN_ALL + 1000
        assert len(message["text"]) <= SLACK_TEXT
        assert len(message["blocks"]) <= SLACK_BLOCKS
        for block in message["blocks"]:
            limit = SLACK_HEADER if block["type"] == "header" else SLACK_SECTION
            texts = [block["text"]] if "text" in block else block["elements"]
            assert all(0 < len(text["text"]) <= limit for text in texts)


def test_a_message_too_long_for_slack_says_how_many_stories_it_leaves_out() -> None:
    message = slack_message(a_notification(*many(200)))

    *_, last, _footer = message["blocks"]
    whole = sum(block["type"] == "section" for block in message["blocks"]) - 1
    *brief, left = last["text"]["text"].splitlines()
    assert left == f"… and {200 - whole - len(brief)} more."


def test_a_storm_names_every_story_to_slack_the_worst_ones_as_a_whole() -> None:
    notification = with_links(*many(24, rule_name="DTU high" * 60))

    *whole, brief = slack_message(notification)["blocks"][1:-1]

    assert len(whole) > 1
    assert all(block["text"]["text"].endswith("|Resolve>") for block in whole)
    assert len(whole) + len(brief["text"]["text"].splitlines()) == 24


@pytest.mark.parametrize(
    ("text", "limit", "cut"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("a&b", 7, "a&amp;b"),
        ("a&bc", 7, "a&amp;…"),
        ("&&", 5, "…"),
        ("a b", 2, "a…"),
        ("", 5, ""),
    ],
)
def test_text_is_cut_before_a_letter_and_never_inside_its_escape(
    text: str, limit: int, cut: str
) -> None:
    assert mrkdwn(text, limit) == cut
    assert len(cut) <= limit


@pytest.mark.parametrize(
    ("deploys", "last"),
    [
        (0, "WHAT THE MONITOR COSTS"),
        (40, "… Slack takes no more: GET report, or a mail, has all of it."),
    ],
)
def test_a_report_is_told_in_slack_as_far_as_there_is_room(deploys: int, last: str) -> None:
    report = a_report(deployments=[a_deploy(f"1.{n}.<x>" * 8) for n in range(deploys)])
    event = weekly_event(report, MAIL, due_at=report.end, now=report.end)
    told = [block["text"]["text"] for block in slack_message(a_notification(event))["blocks"][1:-1]]

    assert told[0].startswith("*REPORT* 2026-03-09 06:00 to 2026-03-16 06:00 UTC, beside ")
    assert last in told[-1]
    assert all(0 < len(one) <= SLACK_SECTION for one in told)
    assert sum(map(len, told)) <= SLACK_IN_ALL
    assert not any("<x>" in one for one in told)


def test_one_line_is_one_line() -> None:
    assert one_line(" a\r\n b\tc ", 10) == "a b c"


def test_a_late_decision_is_said_everywhere() -> None:
    event = an_event(late=True, decided_at=an_event().minute + timedelta(minutes=41))
    notification = a_notification(event)

    assert "Decided late, 40 min after the fact." in str(Page(mail_html(notification)))
    assert "Decided late" in slack_message(notification)["blocks"][1]["text"]["text"]


# Links, pictures and zones.

LINK = Link(LinkAction.RESOLVE, "Resolve", "https://monitor.example.com/x?token=a.b&c=%22")
TRAIL = Trail(
    label=HOSTILE,
    unit="%",
    first=T0,
    values=(1.0, 2.0),
    threshold=1.0,
    bad_from=T0,
    bad_until=T0,
)


def with_links(*events: Event) -> Notification:
    to = Action(ActionType.EMAIL, "admin@example.com")
    return compose("m1", to, events or [an_event()], links=lambda _: (LINK,))


def test_links_are_told_in_the_page_the_text_and_slack_and_escaped_there() -> None:
    notification = with_links()

    assert f'href="{escape(LINK.url)}"' in mail_html(notification)
    assert mail_text(notification).endswith(f"\n\nResolve (DTU high): {LINK.url}")
    section = slack_message(notification)["blocks"][1]["text"]["text"]
    assert section.endswith(f"\n<{escape(LINK.url, quote=False)}|Resolve>")


def test_links_are_kept_however_long_the_story_is() -> None:
    long = with_links(an_event(runbook="&" * 9000))

    section = slack_message(long)["blocks"][1]["text"]["text"]
    assert len(section) <= SLACK_SECTION
    assert section.endswith("|Resolve>")


def test_slack_gets_links_and_no_buttons_which_would_need_an_answer() -> None:
    kinds = {block["type"] for block in slack_message(with_links())["blocks"]}

    assert kinds == {"header", "section", "context"}


def test_a_picture_has_its_words_beside_it_and_they_are_escaped() -> None:
    html = mail_html(replace(a_notification(), trail=TRAIL), picture="last-hour")

    assert "<script" not in html
    assert f'src="cid:last-hour" alt="{escape(alt_text(TRAIL))}"' in html
    assert "<img" not in mail_html(a_notification(), picture="last-hour")
    assert "<img" not in mail_html(replace(a_notification(), trail=TRAIL))


@pytest.mark.parametrize(
    ("runbook", "linked"),
    [
        ("https://wiki.example.com/dtu?a=1&b=2", True),
        ("See https://wiki.example.com/dtu", False),
        ("javascript:alert(1)", False),
        ('https://x.example/"onmouseover="x', False),
        ("https://x.example/<b>", False),
    ],
)
def test_a_runbook_that_is_an_address_is_a_link(runbook: str, linked: bool) -> None:  # noqa: FBT001
    page = Page(mail_html(a_notification(an_event(runbook=runbook))))

    assert ("a" in page.tags) is linked
    assert runbook in str(page)


def test_the_footer_says_which_times_are_told() -> None:
    told = compose("m1", MAIL, [an_event()], zone=ZoneInfo("Europe/Berlin"))

    assert "All times are UTC, with Europe/Berlin beside." in mail_html(told)
    assert "(01:05 Europe/Berlin)" in mail_html(told)


RENDERED: Mapping[str, Callable[[Notification], str]] = {
    "mail": mail_text,
    "page": mail_html,
    "slack": lambda told: json.encode(slack_message(told)).decode(),
    "teams": lambda told: json.encode(teams_message(told)).decode(),
    "webhook": lambda told: json.encode(common_alert(told)).decode(),
    "sms": sms_text,
    "console": lambda told: told.text,
}


@pytest.mark.parametrize("channel", RENDERED)
@pytest.mark.parametrize(
    ("minutes", "words"), [(14, "14 min after deploy 1.8.2"), (0, "with deploy 1.8.2")]
)
def test_every_channel_names_the_deploy_shortly_before(
    channel: str, minutes: int, words: str
) -> None:
    deploy = RecentDeploy("1.8.2", T0, minutes)

    said = RENDERED[channel](a_notification(an_event(alert=an_alert(deploy=deploy))))

    assert words in said
    assert "deploy" not in RENDERED[channel](a_notification()).replace('"deploy":null', "")


def test_markup_in_a_query_stays_text() -> None:
    culprit = Culprit(statement=HOSTILE, session=1, program=HOSTILE, running_ms=1000)
    event = an_event(alert=an_alert(culprits=(culprit,)))

    assert "<script" not in mail_html(a_notification(event))
    section = slack_message(a_notification(event))["blocks"][1]["text"]["text"]
    assert "<" not in section
    assert "&lt;!channel&gt;" in section


def test_markup_that_a_template_fills_in_stays_text() -> None:
    event = an_event(alert=an_alert(rule_name=HOSTILE))
    notification = a_notification(event, message="<b>{rule}</b>")

    assert "<b>" not in mail_html(notification)
    assert f"<b>{HOSTILE}</b>" in notification.text
    assert "<" not in slack_message(notification)["blocks"][2]["text"]["text"]


def test_the_news_in_a_thread_are_one_line_without_markup() -> None:
    event = an_event(2, EventKind.RESOLVED, alert=an_alert(rule_name="<!channel>\n" * 99))
    reply = slack_reply(a_notification(event))

    assert reply.keys() == {"text"}
    assert "<" not in reply["text"]
    assert "\n" not in reply["text"]
