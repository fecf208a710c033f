"""The ways to people: the provider of every channel, the dead man's switch, who opens the API."""

from collections.abc import Iterator
from functools import partial

from shared.adapters.checkups import apps, people
from shared.adapters.destinations import destination
from shared.examinations.post import mail_and_sms
from shared.examinations.rounds import Round
from shared.ports import Examination


def providers(on: Round) -> Iterator[Examination]:
    """Everybody outside whom the monitor must reach to be heard."""
    given = on.given
    yield from mail_and_sms(on)
    yield from _slack(on)
    yield from _hooks(on)
    if given.heartbeat_url:
        yield _reach(on, "heartbeat", given.heartbeat_url, "the dead man's switch", "HEARTBEAT_URL")
    if given.auth_jwks_url:
        yield Examination(
            name="sign-in",
            breaks="tokens of the issuer can't be verified: nobody gets in by them",
            ask=partial(apps.ask_issuer, given.auth_jwks_url, on.setting("AUTH_JWKS_URL", "<url>")),
        )


def _slack(on: Round) -> Iterator[Examination]:
    given = on.given
    if given.slack_bot_token:
        yield Examination(
            name="slack bot",
            breaks="alerts to Slack channels without a webhook reach nobody but the fallback",
            ask=partial(
                people.ask_slack_bot,
                given.slack_endpoint,
                given.slack_bot_token,
                partial(_new_bot_token, on),
            ),
        )
    for name, url in given.slack_webhooks.items():
        mend = on.setting("SLACK_WEBHOOKS", "<URL of a new webhook>", name)
        yield Examination(
            name=f"slack {name}",
            breaks=f"alerts to {name} reach nobody but the fallback",
            ask=partial(people.ask_slack_webhook, name, url, mend),
        )


def _new_bot_token(on: Round) -> str:
    set_it = on.setting("SLACK_BOT_TOKEN", "<xoxb-…>")()
    return (
        "give the bot the scope chat:write under OAuth & Permissions at api.slack.com/apps, "
        f"install it again, then {set_it}"
    )


def _hooks(on: Round) -> Iterator[Examination]:
    given = on.given
    hooks = [("webhook", "WEBHOOKS", name, url) for name, (url, _) in given.webhooks.items()]
    hooks += [("teams", "TEAMS_WEBHOOKS", *one) for one in given.teams_webhooks.items()]
    for kind, setting, name, url in hooks:
        yield _reach(on, f"{kind} {name}", url, f"the {kind} {name}", setting, name)


def _reach(on: Round, name: str, url: str, who: str, setting: str, entry: str = "") -> Examination:
    """A host that is only connected to; the way to the dead man's switch may lead anywhere."""
    host, listed = destination(url, who).with_port, on.given.webhook_hosts
    change = on.setting(setting, "<url>", entry)
    return Examination(
        name=name,
        breaks=f"what goes to {who} does not arrive",
        ask=partial(
            people.reach,
            url,
            who,
            listed if entry else (*listed, host),
            allow=on.setting("WEBHOOK_HOSTS", ",".join((*listed, host))),
            mend=lambda: f"{change()}   # if it moved; else whoever runs it mends it",
        ),
    )
