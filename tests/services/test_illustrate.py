"""What messages carry beside their words, as the channels get it."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from shared.domain.claims import told_alone
from shared.domain.deliveries import Delivery, channel_of
from shared.domain.episodes import EventKind
from shared.domain.errors import ChannelError, StoreUnavailable
from shared.domain.links import LinkAction, LinkMaker
from shared.services.deliver import deliver_due
from shared.services.dispatch import dispatch
from tests.builders import (
    BAD,
    MAIL,
    OK,
    SLACK,
    TARGET,
    Desk,
    a_desk,
    a_rule,
    an_alert,
    an_event,
    at,
    events_of,
)

KEY = "a secret for links of more than 32 bytes"
MAKER = LinkMaker([KEY], "https://monitor.example.com")
OTHER = "20260101T0009Z-9f9f9f9f"


def a_linked_desk(values: Any = (), **options: Any) -> Desk:
    desk = a_desk(values, **options)
    desk.house = replace(desk.house, links=MAKER)
    return desk


def tell(desk: Desk, *events: Any) -> None:
    desk.decide(*events)
    dispatch(TARGET, house=desk.house)
    deliver_due(TARGET, house=desk.house)


def test_a_mail_carries_the_hour_that_was_measured_and_slack_does_not() -> None:
    desk = a_desk([OK] * 5 + [BAD] * 5, rules=[a_rule(actions=(MAIL, SLACK))])
    desk.ticks(0, 8)

    (mail,) = desk.messages()
    assert mail.trail is not None
    assert mail.trail.values == (*[None] * 53, *[OK] * 5, BAD, BAD)
    assert (mail.trail.threshold, mail.trail.bad_from) == (95.0, at(5))
    assert desk.messages("slack")[0].trail is None


def test_a_mail_goes_without_its_picture_when_the_samples_cannot_be_read() -> None:
    desk = a_desk()

    class Broken:
        """Samples that can't be read."""

        def hours(self, *_: Any, **__: Any) -> Any:
            raise StoreUnavailable("out of reach")

    broken: Any = Broken()
    desk.house = replace(desk.house, samples=broken)
    tell(desk, an_event())

    (mail,) = desk.messages()
    assert mail.trail is None


def test_a_metric_that_left_the_catalog_has_no_picture() -> None:
    desk = a_desk()
    tell(desk, an_event(alert=an_alert(metric="gone")))

    assert desk.messages()[0].trail is None


def test_links_name_their_episode_their_reader_and_their_moment() -> None:
    desk = a_linked_desk()
    tell(desk, an_event(routes=[MAIL, SLACK]))

    for channel, address in (("email", MAIL), ("slack", SLACK)):
        (story,) = desk.messages(channel)[0].stories
        permits = [
            MAKER.read(parse_qs(urlsplit(link.url).query)["token"][0]) for link in story.links
        ]
        assert [permit.action for permit in permits] == list(LinkAction)
        assert {permit.recipient for permit in permits} == {channel_of(address)}
        assert {permit.episode for permit in permits} == {an_event().episode}
        assert {permit.as_of for permit in permits} == {an_event().decided_at}


def test_what_is_over_and_what_is_acknowledged_offers_no_more_than_makes_sense() -> None:
    desk = a_linked_desk()
    tell(desk, an_event(kind=EventKind.SNOOZE_ENDED, alert=an_alert(acknowledged_by="admin")))
    tell(desk, an_event(2, EventKind.RESOLVED))

    offered = [[link.action for link in one.stories[0].links] for one in desk.messages()]
    assert offered == [["snooze", "resolve"], []]


def test_without_keys_there_are_no_links() -> None:
    desk = a_desk()
    tell(desk, an_event())

    assert desk.messages()[0].stories[0].links == ()


def test_a_message_that_is_tried_again_is_the_same_to_the_letter() -> None:
    desk = a_linked_desk()
    failure = ChannelError("later")
    tried: list[Any] = []
    channel = desk.channels["email"]
    send = channel.send

    def watched(notification: Any) -> str | None:
        tried.append(notification)
        return send(notification)

    channel.send = watched  # type: ignore[method-assign]
    channel.failures.append(failure)
    tell(desk, an_event())
    desk.clock.now = at(30)
    deliver_due(TARGET, house=desk.house)

    first, second = tried
    assert first == second


def test_the_readers_zone_is_the_houses() -> None:
    desk = a_desk()
    desk.house = replace(desk.house, reader_zone=ZoneInfo("Asia/Tokyo"))
    tell(desk, an_event())

    assert "(09:05 Asia/Tokyo)" in desk.messages()[0].text


# What a provider was told before.


def test_the_next_message_of_an_episode_names_the_one_before() -> None:
    desk = a_desk()
    tell(desk, an_event(routes=[SLACK]))
    tell(desk, an_event(2, EventKind.REMINDER, routes=[SLACK]))
    tell(desk, an_event(3, EventKind.RESOLVED, routes=[SLACK]))

    assert [one.earlier for one in desk.messages("slack")] == [None, "1", "2"]


def test_a_message_of_several_stories_takes_nobodys_place_and_is_not_changed_later() -> None:
    desk = a_desk()
    tell(desk, an_event(routes=[SLACK]))
    both = (
        an_event(2, EventKind.REMINDER, routes=[SLACK]),
        an_event(episode=OTHER, alert=an_alert(OTHER), routes=[SLACK]),
    )
    tell(desk, *both)
    tell(desk, an_event(3, EventKind.RESOLVED, routes=[SLACK]))
    tell(
        desk,
        an_event(2, EventKind.RESOLVED, episode=OTHER, alert=an_alert(OTHER), routes=[SLACK]),
    )

    told = desk.messages("slack")
    assert [len(events_of(one)) for one in told] == [1, 2, 1, 1]
    assert [one.earlier for one in told] == [None, None, "1", None]


def test_rows_that_were_never_sent_were_never_told() -> None:
    desk = a_desk()
    desk.channels["slack"].failures.append(ChannelError("no", permanent=True))
    tell(desk, an_event(routes=[SLACK]))
    tell(desk, an_event(2, EventKind.RESOLVED, routes=[SLACK]))

    assert desk.messages("slack")[0].earlier is None
    rows = desk.rows("delivery:", Delivery)
    assert told_alone(rows, "20260101T0000Z-00000000") is None
