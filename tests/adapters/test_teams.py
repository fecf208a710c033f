"""What Teams is asked for: a card within its limits, in which nothing from outside is markup."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.adapters.cards import MOST_BYTES, STYLE_OVER, STYLES, cut, teams_message
from shared.adapters.channels.teams import TeamsChannel
from shared.adapters.egress import Egress
from shared.domain.alerts import AlertKind
from shared.domain.conditions import CONDITIONS
from shared.domain.episodes import Event, EventKind
from shared.domain.errors import ChannelError
from shared.domain.links import LABELS, Link, LinkAction
from shared.domain.notifications import Notification, compose
from shared.domain.reports.weekly import weekly_event
from shared.domain.rules import Action, ActionType, Severity
from tests.a_report import a_deploy, a_report
from tests.adapters.builders import a_culprit, an_alert, an_event
from tests.adapters.providers import Provider, running_provider
from tests.builders import MAIL

HOSTILE = "<at>Everyone</at> [pay](https://evil.example) **bold** < /AT> <At id='1'>"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as running:
        running.answers(202)
        yield running


def a_notification(*events: Event, message: str | None = None) -> Notification:
    return compose("m1", Action(ActionType.TEAMS, "ops", message), events or [an_event()])


def many(count: int, **changes: Any) -> list[Event]:
    episodes = [f"20260101T{number:04d}Z-{number:08x}" for number in range(count)]
    return [
        an_event(id=f"{one}-1", episode=one, alert=an_alert(id=one, **changes)) for one in episodes
    ]


def card(notification: Notification) -> dict[str, Any]:
    message = teams_message(notification)
    [attachment] = message["attachments"]
    content: dict[str, Any] = attachment["content"]
    return content


def containers(notification: Notification) -> list[dict[str, Any]]:
    return [one for one in card(notification)["body"] if one["type"] == "Container"]


def parts(element: Any) -> Iterator[dict[str, Any]]:
    """An element and everything in it that has a type."""
    if isinstance(element, dict):
        if "type" in element:
            yield element
        for inner in element.values():
            yield from parts(inner)
    elif isinstance(element, list):
        for inner in element:
            yield from parts(inner)


def runs(notification: Notification) -> list[str]:
    return [one["text"] for one in parts(card(notification)) if one["type"] == "TextRun"]


def facts(notification: Notification) -> dict[str, str]:
    [story] = containers(notification)
    [found] = [one["facts"] for one in story["items"] if one["type"] == "FactSet"]
    return {one["title"]: one["value"] for one in found}


def test_the_request_is_the_documented_one(provider: Provider) -> None:
    way_out = Egress([provider.url.removeprefix("http://")])
    channel = TeamsChannel({"ops": f"{provider.url}/workflows/1?sig=s3cr3t"}, way_out=way_out)

    assert channel.send(a_notification()) is None

    (asked,) = provider.asked
    assert asked.path == "/workflows/1?sig=s3cr3t"
    assert asked.headers["content-type"] == "application/json"
    body = json.loads(asked.body)
    assert body["type"] == "message"
    [attachment] = body["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment["contentUrl"] is None
    content = attachment["content"]
    assert (content["type"], content["version"]) == ("AdaptiveCard", "1.4")
    assert content["$schema"] == "http://adaptivecards.io/schemas/adaptive-card.json"


def test_only_elements_and_values_of_the_published_schema_are_used() -> None:
    known = {
        "AdaptiveCard": {"type", "version", "$schema", "body", "fallbackText", "msteams"},
        "Container": {"type", "style", "bleed", "items"},
        "ActionSet": {"type", "actions"},
        "Action.OpenUrl": {"type", "title", "url"},
        "RichTextBlock": {"type", "inlines"},
        "TextRun": {"type", "text", "size", "weight", "isSubtle"},
        "FactSet": {"type", "facts"},
    }

    told = a_notification(*many(3), an_event(runbook=RUNBOOK), message="Mind the shop.")
    found = list(parts(card(with_links(told))))
    assert {one["type"] for one in found} == known.keys()
    for one in found:
        assert one.keys() <= known[one["type"]]
        assert one.get("size", "Default") in {"Default", "Small", "Large"}
        assert one.get("weight", "Default") in {"Default", "Bolder"}
    styles = {"default", "emphasis", "good", "attention", "warning", "accent"}
    assert {*STYLES.values(), STYLE_OVER} <= styles


RUNBOOK = "https://wiki.example.com/dtu"
LINKS = tuple(
    Link(
        action, LABELS[action], f"https://monitor.example.com/api/monitoring/action?token={action}"
    )
    for action in LinkAction
)


def with_links(notification: Notification) -> Notification:
    return replace(
        notification, stories=tuple(replace(story, links=LINKS) for story in notification.stories)
    )


def buttons(notification: Notification) -> dict[str, str]:
    found = (one for one in parts(card(notification)) if one["type"] == "Action.OpenUrl")
    return {one["title"]: one["url"] for one in found}


def test_what_can_be_done_and_the_runbook_are_buttons_that_open_an_address() -> None:
    told = with_links(a_notification(an_event(runbook=RUNBOOK)))

    assert buttons(told) == {**{link.label: link.url for link in LINKS}, "Runbook": RUNBOOK}
    assert not any(link.url in text for link in LINKS for text in runs(told))


@pytest.mark.parametrize(
    "runbook", [None, "Restart it.", "see https://x.example", "javascript:alert(1)", "http://x"]
)
def test_only_an_https_address_becomes_a_button(runbook: str | None) -> None:
    assert buttons(a_notification(an_event(runbook=runbook))) == {}


def test_a_story_has_its_colour_its_word_and_its_facts() -> None:
    notification = a_notification()

    [story] = containers(notification)
    assert story["style"] == "attention"
    assert story["items"][0]["inlines"][0]["text"] == "CRITICAL: DTU 98.2 % for 2 min"
    assert facts(notification) == {
        "Value": "98.2 %",
        "Threshold": "greater than 95 %",
        "Since": "2026-01-01 00:00 UTC",
        "Reason": "breach",
    }


@pytest.mark.parametrize("severity", list(Severity))
def test_each_severity_has_a_colour_and_a_word(severity: Severity) -> None:
    [story] = containers(a_notification(an_event(alert=an_alert(severity=severity))))

    assert story["style"] == STYLES[severity]
    assert story["items"][0]["inlines"][0]["text"].startswith(severity.upper())
    assert len(set(STYLES.values()) | {STYLE_OVER}) == len(Severity) + 1


def test_an_end_is_green() -> None:
    [story] = containers(a_notification(an_event(kind=EventKind.RESOLVED)))

    assert story["style"] == STYLE_OVER
    assert story["items"][0]["inlines"][0]["text"].startswith("RESOLVED")


@pytest.mark.parametrize(
    "changes", [{"kind": AlertKind.NO_DATA, "last_value": None}, {"condition": "absent"}]
)
def test_what_has_no_threshold_tells_none(changes: dict[str, Any]) -> None:
    assert "Threshold" not in facts(a_notification(an_event(alert=an_alert(**changes))))


@pytest.mark.parametrize("condition", [one for one in CONDITIONS if one != "absent"])
def test_facts_hold_nothing_that_teams_reads_as_markdown(condition: str) -> None:
    alert = an_alert(condition=condition, rule_name=HOSTILE, unit="MB")
    told = facts(a_notification(an_event(alert=alert, metric_label=HOSTILE)))

    assert not set("*_[]()<>#`~\\") & set("".join([*told, *told.values()]))


def test_names_are_plain_text_and_mention_nobody() -> None:
    alert = an_alert(rule_name=HOSTILE)
    event = an_event(alert=alert, metric_label=HOSTILE, runbook=HOSTILE, target=HOSTILE)
    notification = a_notification(event, message=HOSTILE)

    said = [*runs(notification), card(notification)["fallbackText"]]

    assert not any("<at" in text.lower() or "</at" in text.lower() for text in said)
    assert sum("[pay](https://evil.example) **bold**" in text for text in said) >= 3
    markdown = {"TextBlock", "Action.OpenUrl", "Image"}
    assert not markdown & {one["type"] for one in parts(card(notification))}


def test_each_culprit_has_a_line_in_which_it_is_plain_text() -> None:
    slow, hostile = a_culprit(), a_culprit(statement=HOSTILE, session=7, sessions=4)
    event = an_event(alert=an_alert(culprits=(slow, hostile)))

    lines = [line for line in runs(a_notification(event)) if line.startswith("Running when")]

    assert len(lines) == 2
    assert lines[0].endswith(
        "for 42 s with 31,500 ms CPU: SELECT * FROM Interaction WHERE note LIKE ?"
    )
    assert "4 sessions, the first of them session 7" in lines[1]
    assert "[pay](https://evil.example) **bold**" in lines[1]
    assert "<at" not in lines[1].lower()


def test_a_comparison_keeps_its_sign() -> None:
    assert any("(> 95 %)" in text for text in runs(a_notification()))


def test_a_line_is_a_block() -> None:
    notification = a_notification(message="first\n\nsecond")

    assert {"first", "second"} <= set(runs(notification))
    assert not any("\n" in text for text in runs(notification))


@pytest.mark.parametrize(("deploys", "marks"), [(0, "x"), (200, "x"), (200, "ü"), (200, '"')])
def test_a_report_is_told_line_by_line_without_figures_of_an_alert(
    deploys: int, marks: str
) -> None:
    report = a_report(deployments=[a_deploy(marks * 90)] * deploys)
    notification = a_notification(weekly_event(report, MAIL, due_at=report.end, now=report.end))
    [told] = containers(notification)

    assert not any(one["type"] == "FactSet" for one in parts(told))
    assert "ALERTS" in runs(notification)
    assert deploys or "WHAT THE MONITOR COSTS" in runs(notification)
    assert len(msgspec.json.encode(teams_message(notification))) <= MOST_BYTES


def test_more_stories_than_fit_are_counted() -> None:
    notification = a_notification(*many(24, rule_name="ж" * 2000))

    shown = len(containers(notification))

    assert 1 <= shown < 24
    assert f"… and {24 - shown} more: Teams takes no more than 28 KB." in runs(notification)
    assert len(msgspec.json.encode(teams_message(notification))) <= MOST_BYTES


def test_a_claims_worth_of_ordinary_stories_fits() -> None:
    assert len(containers(a_notification(*many(24)))) == 24


@settings(max_examples=40)
@given(text=st.text(min_size=1), count=st.integers(1, 24), times=st.sampled_from([1, 100, 9000]))
def test_no_message_is_larger_than_teams_takes(text: str, count: int, times: int) -> None:
    events = [
        replaced
        for event in many(count, rule_name=text * times)
        for replaced in [msgspec.structs.replace(event, runbook=text * times, metric_label=text)]
    ]
    notification = a_notification(*events, message=text * times)

    assert len(msgspec.json.encode(teams_message(notification))) <= MOST_BYTES
    assert containers(notification)


@given(text=st.text(max_size=300), most=st.integers(60, 300))
def test_a_cut_text_fits_and_says_that_it_was_cut(text: str, most: int) -> None:
    found = cut(text, most)

    assert len(msgspec.json.encode(found)) - 2 <= most
    assert found == text or found.endswith("Teams takes no more than 28 KB.")


def test_teams_word_for_a_refusal_is_shown(provider: Provider) -> None:
    said = {"error": {"code": "WorkflowNotFound", "message": "s3cr3t"}}
    provider.answers(404, json.dumps(said).encode())
    way_out = Egress([provider.url.removeprefix("http://")])

    with pytest.raises(ChannelError) as failure:
        TeamsChannel({"ops": provider.url}, way_out=way_out).send(a_notification())

    assert str(failure.value) == "the Teams webhook ops answered 404 WorkflowNotFound"


def test_an_unknown_name_is_refused_with_the_setting_to_fill() -> None:
    channel = TeamsChannel({"others": "https://x.api.powerplatform.com/workflows/1?sig=s3cr3t"})

    assert channel.problem("others") == ""
    assert "TEAMS_WEBHOOKS" in channel.problem("ops")
    with pytest.raises(ChannelError, match="no Teams webhook named ops") as failure:
        channel.send(a_notification())
    assert failure.value.permanent
