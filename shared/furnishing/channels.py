"""Channels, where alerts go of rules that leave it open, and the heartbeat's address."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from shared.adapters.channels.console import ConsoleChannel
from shared.domain.routing import Routing
from shared.domain.rules import Action, ActionType, Severity
from shared.ports import Channel, Pulse
from shared.settings import Settings

_alert_log = logging.getLogger("pantry.alerts")


def channels(
    given: Settings, identity: Callable[[], Any], wall: Callable[[], datetime]
) -> dict[str, Channel]:
    """The channels that are set up, by action type; the console writes to the portal's log."""
    known: dict[str, Channel] = {ActionType.CONSOLE: ConsoleChannel(write=_alert_log.warning)}
    if given.acs or given.acs_endpoint:
        known[ActionType.EMAIL] = _email(given, identity)
    if given.slack_webhooks or given.slack_bot_token:
        from shared.adapters.channels.slack import SlackChannel  # noqa: PLC0415 - light at import

        known[ActionType.SLACK] = SlackChannel(
            given.slack_webhooks, token=given.slack_bot_token, endpoint=given.slack_endpoint
        )
    if given.webhooks:
        known[ActionType.WEBHOOK] = _webhook(given, wall)
    if given.teams_webhooks:
        known[ActionType.TEAMS] = _teams(given)
    if given.sms_from:
        known[ActionType.SMS] = _sms(given, identity)
    return known


def _email(given: Settings, identity: Callable[[], Any]) -> Channel:
    from shared.adapters.channels.email import (  # noqa: PLC0415 - SDK import
        open_email,
        open_email_as,
    )

    if given.acs:
        return open_email(connection_string=given.acs, sender=given.mail_from)
    return open_email_as(endpoint=given.acs_endpoint, credential=identity(), sender=given.mail_from)


def _webhook(given: Settings, wall: Callable[[], datetime]) -> Channel:
    from shared.adapters.channels.webhook import WebhookChannel  # noqa: PLC0415 - light at import
    from shared.adapters.egress import Egress  # noqa: PLC0415 - light at import

    way_out = Egress(given.webhook_hosts)
    return WebhookChannel(given.webhooks, way_out=way_out, wall=wall)


def _teams(given: Settings) -> Channel:
    from shared.adapters.channels.teams import TeamsChannel  # noqa: PLC0415 - light at import
    from shared.adapters.egress import Egress  # noqa: PLC0415 - light at import

    return TeamsChannel(given.teams_webhooks, way_out=Egress(given.webhook_hosts))


def _sms(given: Settings, identity: Callable[[], Any]) -> Channel:
    from shared.adapters.channels.sms import (  # noqa: PLC0415 - light at import
        open_sms,
        open_sms_as,
    )

    least, sender = Severity(given.sms_severity), given.sms_from
    string = given.sms or given.acs
    if string:
        return open_sms(connection_string=string, sender=sender, least=least)
    return open_sms_as(
        endpoint=given.acs_endpoint, credential=identity(), sender=sender, least=least
    )


def routing(given: Settings) -> Routing:
    """Where the alerts go of rules that leave it open."""
    routes = {
        Severity(name): tuple(map(action, channels))
        for name, channels in given.severity_routes.items()
    }
    return Routing(given.placeholders, routes)


def fallback(given: Settings) -> Action | None:
    """Who is told what another channel would not take; None while nobody is named."""
    named = given.fallback_channel
    return routing(given).filled(action(named)) if named else None


def action(channel: str) -> Action:
    """The address that a setting spells as type:target."""
    kind, _, target = channel.partition(":")
    return Action(ActionType(kind), target)


def pulse(given: Settings) -> Pulse | None:
    """Where each minute's heartbeat goes; None while no address is set."""
    from shared.adapters.pulse import HttpPulse  # noqa: PLC0415 - seldom needed

    return HttpPulse(given.heartbeat_url) if given.heartbeat_url else None
