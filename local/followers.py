"""What every follower of a story must hear, and what is wrong with what they heard.

A follower is an address that is told of an episode. It hears every event that is meant for it at
least once, in order, without a gap, up to the end of the story; several may share a message. Twice
only where a kill, or an answer that was lost, licences it (docs/semantics.md, section 4).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from shared.domain.claims import NAGGING
from shared.domain.deliveries import Delivery, Status, channel_of
from shared.domain.episodes import Event, EventKind
from shared.domain.notifications import Notification
from shared.domain.reasons import Reason
from shared.domain.rules import Action, ActionType
from shared.services.dispatch import TO_WHO_HEARD


class Follower(NamedTuple):
    """An address (a channel's key), and the episode that it follows."""

    address: str
    episode: str


class Telling(NamedTuple):
    """One message that arrived at an address: which events of which episodes, as it told them."""

    address: str
    events: tuple[tuple[str, int], ...]


Owed = Mapping[Follower, Sequence[Event]]
"""The events that each follower must hear, in order."""


def telling(kind: str, notification: Notification) -> Telling:
    """What a message tells whoever gets it through that type of channel."""
    address = channel_of(Action(ActionType(kind), notification.to))
    events = (event for story in notification.stories for event in story.events)
    return Telling(address, tuple((event.episode, event.seq) for event in events))


def owed(
    events: Iterable[Event], rows: Iterable[Delivery] = (), fallback: Action | None = None
) -> Owed:
    """Who must hear what, read from the contract.

    `rows`: only of them is known what a channel refused for good, which the fallback tells with
    all that follows, and which reminders somebody's acknowledging made needless.
    """
    wanted = _meant_for(events)
    rows = list(rows)
    dead = {_place(row) for row in rows if row.status is Status.DEAD}
    if fallback is not None:
        wanted = _with_fallback(wanted, dead, channel_of(fallback))
    needless = {_place(row) for row in rows if _is_needless(row)}
    return _without(wanted, needless)


def _meant_for(events: Iterable[Event]) -> dict[Follower, list[Event]]:
    wanted: dict[Follower, list[Event]] = {}
    for episode, story in groupby(sorted(events, key=_episode_and_seq), lambda one: one.episode):
        heard: dict[str, list[Event]] = {}
        for event in story:
            for address in _audience(event, heard):
                heard.setdefault(address, []).append(event)
        wanted |= {Follower(address, episode): told for address, told in heard.items()}
    return wanted


def _episode_and_seq(event: Event) -> tuple[str, int]:
    return event.episode, event.seq


def _audience(event: Event, heard: Collection[str]) -> list[str]:
    """Whom the rule names; an end or a reminder goes to everybody who heard of the episode."""
    if event.kind in TO_WHO_HEARD and not event.missed_count:
        return list(heard)
    return list(dict.fromkeys(map(channel_of, event.routes)))


Place = tuple[Follower, int]


def _place(row: Delivery) -> Place:
    return Follower(row.channel, row.episode), row.seq


def _is_needless(row: Delivery) -> bool:
    was_skipped = row.status is Status.SKIPPED and row.reason is Reason.ACKNOWLEDGED
    return was_skipped and row.kind in NAGGING


def _with_fallback(
    wanted: Mapping[Follower, list[Event]], dead: Collection[Place], fallback: str
) -> dict[Follower, list[Event]]:
    moved = {place for place in dead if place[0].address != fallback}
    found = _without(wanted, moved)
    for follower, seq in moved:
        behind = Follower(fallback, follower.episode)
        later = [event for event in wanted.get(follower, []) if event.seq >= seq]
        known = {event.seq: event for event in [*found.get(behind, []), *later]}
        found[behind] = [known[number] for number in sorted(known)]
    return found


def _without(
    wanted: Mapping[Follower, Sequence[Event]], places: Collection[Place]
) -> dict[Follower, list[Event]]:
    left = {
        follower: [event for event in events if (follower, event.seq) not in places]
        for follower, events in wanted.items()
    }
    return {follower: events for follower, events in left.items() if events}


def flaws_of_stories(events: Iterable[Event], *, must_end: bool = True) -> list[str]:
    """What is wrong with the stories as decided: numbers, beginnings and ends."""
    ordered = sorted(events, key=_episode_and_seq)
    return [
        f"episode {episode}: {flaw}"
        for episode, story in groupby(ordered, lambda one: one.episode)
        for flaw in _flaws_of_story(list(story), must_end=must_end)
    ]


def _flaws_of_story(story: Sequence[Event], *, must_end: bool) -> Iterator[str]:
    numbers = [event.seq for event in story]
    ends = [event.seq for event in story if event.kind is EventKind.RESOLVED]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"its events are numbered {numbers}"
    if ends[:1] == numbers[:1] and not story[0].missed_count:
        yield "it begins with its end"
    if ends and ends[0] != numbers[-1]:
        yield f"event {numbers[-1]} comes after its end"
    if must_end and not ends:
        yield "it never ended"


def flaws_of_tellings(owed: Owed, tellings: Iterable[Telling], *, licences: int = 0) -> list[str]:
    """What is wrong with what arrived, in order; so many messages may have come twice."""
    tellings = list(tellings)
    heard = _by_follower(tellings)
    found = [
        f"{follower.address} about {follower.episode}: {flaw}"
        for follower in dict.fromkeys([*owed, *heard])
        for flaw in _flaws(owed.get(follower, ()), heard.get(follower, ()))
    ]
    doubled = doubles(tellings)
    if len(doubled) > licences:
        found.append(f"{len(doubled)} messages tell something again, {licences} may: {doubled}")
    return found


def doubles(tellings: Iterable[Telling]) -> list[Telling]:
    """The messages that tell their address something that it had heard."""
    known: set[tuple[str, tuple[str, int]]] = set()
    found = []
    for one in tellings:
        told = {(one.address, event) for event in one.events}
        if told & known:
            found.append(one)
        known |= told
    return found


def _by_follower(tellings: Iterable[Telling]) -> dict[Follower, list[tuple[int, ...]]]:
    heard: dict[Follower, list[tuple[int, ...]]] = {}
    for one in tellings:
        told: dict[str, tuple[int, ...]] = {}
        for episode, seq in one.events:
            told[episode] = (*told.get(episode, ()), seq)
        for episode, seqs in told.items():
            heard.setdefault(Follower(one.address, episode), []).append(seqs)
    return heard


def _flaws(wanted: Sequence[Event], messages: Sequence[tuple[int, ...]]) -> Iterator[str]:
    """What is wrong with one follower's messages about one episode."""
    left = {event.seq: event.kind for event in wanted}
    meant, newest = frozenset(left), 0
    for message in messages:
        yield from _flaws_of_message(message, newest, meant, left)
        newest = max(newest, *message)
        for seq in message:
            left.pop(seq, None)
    for seq, kind in left.items():
        yield f"was never told event {seq}, {kind}"


def _flaws_of_message(
    message: tuple[int, ...], newest: int, meant: Collection[int], left: Mapping[int, EventKind]
) -> Iterator[str]:
    """`left`: what the follower has not heard before it, in order."""
    if list(message) != sorted(set(message)):
        yield f"{message} tells its events out of order"
    if message[-1] < newest:
        yield f"{message} came after event {newest}"
    for seq in sorted(set(message) - set(meant)):
        yield f"event {seq} was not meant for it"
    news = [seq for seq in message if seq in left]
    skipped = [seq for seq in left if news and seq < news[-1] and seq not in news]
    for seq in skipped:
        yield f"event {news[-1]} came before event {seq}, {left[seq]}"
