"""Communication Services, by key or by identity: mails, their sender, and SMS."""

from collections.abc import Iterator
from functools import partial

from shared.adapters.acs import endpoint_and_key
from shared.adapters.checkups import mends, people
from shared.adapters.checkups.senders import Management, ask_sender
from shared.examinations.rounds import IDENTITY, Round
from shared.ports import Examination


def mail_and_sms(on: Round) -> Iterator[Examination]:
    """Whether they let us in, and whether mails may come from whom they are said to come."""
    given = on.given
    if given.acs or given.acs_endpoint:
        yield _communication(on, "mail", given.acs, people.MAIL_PATH)
        if on.uses_identity:
            yield _sender(on)
    if given.sms_from:
        yield _communication(on, "sms", given.sms or given.acs, people.SMS_PATH)


def _sender(on: Round) -> Examination:
    return Examination(
        name="sender",
        breaks="every mail is refused: alerts by mail reach nobody but the fallback",
        ask=lambda: ask_sender(
            on.given.mail_from,
            _mail_host(on),
            Management(on.given.monitor_endpoint, on.subscription, on.management_token),
            see=mends.linked_domains(_mail_host(on)),
            mend=partial(mend_sender, on),
        ),
        after=IDENTITY,
    )


def mend_sender(on: Round) -> str:
    """See which domains may send, and say that mails come from one of them."""
    change = on.setting("MAIL_FROM", "DoNotReply@<one of these domains>")
    return f"{mends.linked_domains(_mail_host(on))} && {change()}"


def _mail_host(on: Round) -> str:
    given = on.given
    endpoint = given.acs_endpoint
    if given.acs:
        endpoint, _ = endpoint_and_key(given.acs, "Communication Services")
    return endpoint.rstrip("/").rpartition("/")[2]


def _communication(on: Round, name: str, connection: str, path: str) -> Examination:
    """Mail or SMS, by key or by identity."""
    if connection:
        endpoint, sign = people.signed_by(connection)
        setting = "SMS_CONNECTION_STRING" if name == "sms" else "ACS_CONNECTION_STRING"
        host = endpoint.rstrip("/").rpartition("/")[2]
        mend = on.setting(setting, mends.communication_key(host))
    else:
        endpoint, sign = on.given.acs_endpoint, people.signed_as(on.who.sure_token)
        mend = partial(_let_send, on, endpoint)
    return Examination(
        name=name,
        breaks=f"alerts by {name} reach nobody but the fallback",
        ask=partial(
            people.ask_communication, endpoint, path, sign, who=f"the {name} service", mend=mend
        ),
        after=() if connection else IDENTITY,
    )


def _let_send(on: Round, endpoint: str) -> str:
    scope = mends.communication_scope(endpoint.rpartition("/")[2])
    role = "Communication and Email Service Owner"
    return mends.grant_role(role, scope, on.who.identity)
