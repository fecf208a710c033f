"""An arrived message is what was announced last before it, or it is a stranger."""

from datetime import timedelta
from pathlib import Path

from local.chaos.announcements import Announced, recognised
from local.chaos.lives import Diary
from local.chaos.sinks import Arrival
from local.clocks import wall_now
from local.followers import Telling, telling
from shared.adapters.channels.memory import MemoryChannel
from shared.domain.notifications import Notification, compose
from tests.builders import MAIL, an_event

MESSAGE = compose("m1", MAIL, [an_event()])
LATER = compose("m2", MAIL, [an_event(2)])


def announced(diary: Diary, *messages: Notification) -> list[Arrival]:
    """Each is announced, and arrives just then."""
    channel = Announced(MemoryChannel("email"), diary)
    return [arrived(channel, message) for message in messages]


def arrived(channel: Announced, message: Notification) -> Arrival:
    channel.send(message)
    return Arrival(wall_now(), "email", message.to, f"{message.subject}\n{message.text}")


def test_what_arrives_is_recognised_by_what_was_about_to_be_sent(tmp_path: Path) -> None:
    diary = Diary("pantry-crm", tmp_path)

    tellings, strange = recognised(announced(diary, MESSAGE, LATER), diary)

    assert tellings == [telling("email", MESSAGE), telling("email", LATER)]
    assert tellings[0] == Telling(tellings[0].address, (("20260101T0005Z-1a2b3c4d", 1),))
    assert strange == []


def test_what_was_announced_and_never_arrived_is_no_telling(tmp_path: Path) -> None:
    diary = Diary("pantry-crm", tmp_path)
    arrivals = announced(diary, MESSAGE, LATER)

    assert recognised(arrivals[1:], diary) == ([telling("email", LATER)], [])


def test_a_message_in_other_words_or_to_somebody_else_or_out_of_the_blue_is_a_stranger(
    tmp_path: Path,
) -> None:
    diary = Diary("pantry-crm", tmp_path)
    [arrival] = announced(diary, MESSAGE)
    strangers = [
        arrival._replace(words="all is well"),
        arrival._replace(to="nobody@example.com"),
        arrival._replace(kind="sms"),
        arrival._replace(at=arrival.at - timedelta(days=1)),
    ]

    tellings, strange = recognised(strangers, diary)

    assert tellings == []
    assert len(strange) == len(strangers)
