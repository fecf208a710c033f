"""GET and POST action: what a link in a message opens, and what its button does; GET a: the menu.

A GET changes nothing, whoever makes it: mail scanners and previews follow every link. The token
is the permission, so there is no login; it is neither logged nor shown.
"""

import time
from collections.abc import Callable

import azure.functions as func
from msgspec import Struct
from msgspec.structs import replace

from shared.domain.alerts import Alert
from shared.domain.links import LABELS, LONGEST_TOKEN, LinkAction, LinkMaker
from shared.domain.quantities import clock, quantity
from shared.ports import House
from shared.services.follow import Errand, Standing, follow, look, offer
from shared.web.asking import request_id
from shared.web.doors import Door, Office, Visit, log_access, log_problem
from shared.web.pages import HTML, Page, shown
from shared.web.problems import Problem, problem_of


class LinkQuery(Struct, frozen=True):
    """The link's token."""

    token: str = ""


class MenuQuery(Struct, frozen=True):
    """The code of an SMS."""

    c: str = ""


SHOW = Door(
    name="action",
    says="a page for who has a link: what it would do; changes nothing",
    query=LinkQuery,
    media_type=HTML,
    exactly=(200, 400, 403, 404, 409, 410, 500, 503),
)
DO = replace(
    SHOW, method="POST", says="what the link says: acknowledge, snooze for an hour or resolve, once"
)
MENU = Door(
    name="a",
    says="a page for who has an SMS: its links that can still be used; changes nothing",
    query=MenuQuery,
    media_type=HTML,
    exactly=(200, 403, 404, 500, 503),
)

_DONE = {
    LinkAction.ACKNOWLEDGE: "Acknowledged",
    LinkAction.SNOOZE: "Snoozed",
    LinkAction.RESOLVE: "Resolved",
}
_MEANS = {
    LinkAction.ACKNOWLEDGE: "Somebody cares: no reminders and no escalation for this alert.",
    LinkAction.SNOOZE: "Nothing is sent about this rule for an hour. Measuring goes on.",
    LinkAction.RESOLVE: (
        "The alert is closed, and everybody who heard of it is told. It fires again when it is "
        "still bad later."
    ),
}
_STATUS = {Standing.STALE: 409, Standing.OVER: 410, Standing.EXPIRED: 410}


def answer_action(
    request: func.HttpRequest, open_office: Callable[[], Office]
) -> func.HttpResponse:
    """The page of a link: what it would do, or what became of it."""
    return _answer(SHOW.name, request, lambda: _page(request, open_office()))


def answer_menu(request: func.HttpRequest, open_office: Callable[[], Office]) -> func.HttpResponse:
    """The page of a short link: how the alert stands, and a link for all that can be done."""
    return _answer(MENU.name, request, lambda: _menu(request, open_office()))


def _answer(name: str, request: func.HttpRequest, make: Callable[[], Page]) -> func.HttpResponse:
    began = time.perf_counter()
    visit = Visit(request, request_id(request.headers))
    try:
        page = make()
    except Exception as error:  # noqa: BLE001 - what is wrong with one request is its answer
        problem = problem_of(error)
        log_problem(error, problem, visit)
        page = Page("This link does not work", [_sentence(problem.message)], problem.status)
    log_access(visit, name, page.status, began)
    return shown(page, request_id=visit.id)


def _menu(request: func.HttpRequest, office: Office) -> Page:
    maker = _maker(office)
    pointer = maker.read_short(request.params.get("c", ""))
    house = office.house()
    found = offer(pointer, targets=office.targets, house=house, now=office.now)
    lines = [*_facts(found.alert, house), *_state(found.alert, house)]
    left = [] if found.permits else ["There is nothing left to do with this link."]
    return Page(found.alert.rule_name, [*lines, *left], ways=[*map(maker.link, found.permits)])


def _page(request: func.HttpRequest, office: Office) -> Page:
    maker = _maker(office)
    token = request.params.get("token", "")
    if not 0 < len(token) <= LONGEST_TOKEN:
        raise Problem(400, "no_token", "the link has lost its token; copy it as a whole")
    permit, house = maker.read(token), office.house()
    if request.method == "POST":
        return _outcome(follow(permit, house=house, now=office.now), house)
    errand = look(permit, house=house, now=office.now)
    return (
        _question(errand, house) if errand.standing is Standing.READY else _outcome(errand, house)
    )


def _maker(office: Office) -> LinkMaker:
    if office.links is None:
        raise Problem(404, "links_off", "links that act are not set up here")
    return office.links


def _question(errand: Errand, house: House) -> Page:
    label = LABELS[errand.permit.action]
    return Page(
        f"{label}: {errand.alert.rule_name}?",
        [*_facts(errand.alert, house), _MEANS[errand.permit.action], f"You act as {errand.by}."],
        button=label,
    )


def _facts(alert: Alert, house: House) -> list[str]:
    value = quantity(alert.last_value, alert.unit)
    since = clock(alert.active_at, house.reader_zone)
    return [f"{alert.severity.capitalize()} at {alert.target}, since {since}; last {value}."]


def _outcome(errand: Errand, house: House) -> Page:
    name, done = errand.alert.rule_name, _DONE[errand.permit.action]
    match errand.standing:
        case Standing.DONE:
            title, said = f"{done}: {name}", f"Done, as {errand.by}."
        case Standing.USED:
            title, said = f"Already done: {name}", "There is nothing left to do with this link."
        case Standing.OVER:
            title, said = f"It is over: {name}", "There is nothing left to do about it."
        case Standing.STALE:
            title, said = (
                f"This link is out of date: {name}",
                "Somebody acted since it was sent. The newest message has links that work.",
            )
        case _:
            title, said = (
                "This link has expired",
                "It was good for 7 days. The newest message has links that work.",
            )
    return Page(title, [said, *_state(errand.alert, house)], _STATUS.get(errand.standing, 200))


def _state(alert: Alert, house: House) -> list[str]:
    """How the alert stands, and who made it so."""
    zone = house.reader_zone
    said = []
    if alert.acknowledged_by and alert.acknowledged_at:
        at = clock(alert.acknowledged_at, zone)
        said.append(f"Acknowledged by {alert.acknowledged_by} at {at}.")
    if alert.snoozed_until:
        said.append(f"Silent until {clock(alert.snoozed_until, zone)}.")
    if alert.resolved_at:
        by = f" by {alert.resolved_by}" if alert.resolved_by else ""
        said.append(f"Resolved{by} at {clock(alert.resolved_at, zone)}.")
    return said


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
