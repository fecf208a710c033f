"""What a message carries beside its words: the metric's last hour, and links that act."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from shared.domain.chunks import by_hour
from shared.domain.deliveries import channel_of
from shared.domain.episodes import Event
from shared.domain.errors import MonitorError
from shared.domain.links import Link, LinkMaker, permits
from shared.domain.notifications import Notification
from shared.domain.rules import Action, ActionType
from shared.domain.short_links import Pointer
from shared.domain.times import MINUTE, floor_hour
from shared.domain.trails import Trail, trail_of, trail_span
from shared.ports import Channel, House

if TYPE_CHECKING:
    from shared.domain.reports.report import PerformanceReport

_log = logging.getLogger(__name__)

Links = Callable[[Event], tuple[Link, ...]]


def picture_of(notification: Notification, channel: Channel, *, house: House) -> Trail | None:
    """The last hour of the first story's metric, for a channel that shows pictures.

    A message goes without it rather than not at all.
    """
    event = notification.stories[0].last
    if channel.type != ActionType.EMAIL or event.letter is not None:
        return None
    try:
        return _trail(event, house)
    except MonitorError as error:
        _log.warning("message %s goes without its picture: %s", notification.id, error)
        return None


def _trail(event: Event, house: House) -> Trail | None:
    """Two hour chunks of one column are read, at most."""
    metric = house.catalog.metric(event.alert.metric)
    first, end = trail_span(event)
    found = house.samples.hours(
        event.target, floor_hour(first), floor_hour(end - MINUTE), columns=[metric.column]
    )
    return trail_of(event, metric, by_hour(found))


def report_of(
    notification: Notification, channel: Channel, *, house: House
) -> "PerformanceReport | None":
    """The report that a letter is about, for a channel that shows it whole; as for pictures."""
    event = notification.stories[0].last
    if event.letter is None or channel.type != ActionType.EMAIL:
        return None
    from shared.services.report import make_report  # noqa: PLC0415 - once a week

    try:
        end = event.minute + MINUTE
        letter = event.letter
        return make_report(event.target, letter.range, house=house, now=end, start=letter.start)
    except MonitorError as error:
        _log.warning("message %s goes as text alone: %s", notification.id, error)
        return None


def links_for(maker: LinkMaker | None, address: Action, wanted_since: datetime) -> Links:
    """What makes the links of an episode for the reader at `address`."""

    def links(event: Event) -> tuple[Link, ...]:
        if maker is None:
            return ()
        return tuple(map(maker.link, permits(event, channel_of(address), wanted_since)))

    return links


def menu_for(maker: LinkMaker | None, address: Action) -> Callable[[Event], str]:
    """What makes the short link that offers the reader at `address` all that can be done."""

    def menu(event: Event) -> str:
        if maker is None:
            return ""
        return maker.short(Pointer(event.episode, event.seq, channel_of(address)))

    return menu
