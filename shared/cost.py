"""`python -m shared.cost`: what the monitor used in the last day, and what a month of it costs.

The day ends two hours ago, at a full hour: until then the workspace has told what it billed.

Azure's own counts (the storage's transactions, the function app's executions, the workspace's
Usage table) at list prices, beside what equal alert rules of Azure Monitor would cost. It asks as
you are signed in (`az login`). Exit code 0: everything was counted; 1: something was not; 2: a
wrong command line or unusable settings.
"""

import signal

if __name__ == "__main__":
    # Nothing is left to put away, and the imports alone take a second: Ctrl-C ends it at once.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from shared import bootstrap
from shared.adapters.checkups.identities import Credentials
from shared.adapters.usage import AzureUsage, Places
from shared.catalog.metrics import CATALOG
from shared.catalog.platform_metrics import NAMESPACES
from shared.catalog.rules import default_rules
from shared.domain.costs import (
    Equals,
    Item,
    Prices,
    Usage,
    bill,
    equal_rules,
    left_out,
    priced,
    total,
)
from shared.domain.times import DAY, HOUR, Span, floor_hour
from shared.examinations import app_id_in, management_scope
from shared.furnishing.storage import open_identity
from shared.settings import Settings, SettingsError, as_option, load

TOLD_AFTER = 2 * HOUR
"""Rows of the Usage table come so late."""
LEFT_OUT = ("mails", "sms")
"""What Azure is not asked for: the last lines say so."""


class Account(Struct, frozen=True, rename="camel"):
    """The bill of a month in US dollars, and what could not be counted."""

    items: list[Item]
    dollars: float
    without_grants: float
    equal_rules: Equals
    left_out: str
    problems: list[str]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m shared.cost", description=__doc__)
    parser.add_argument("--json", action="store_true", help="the bill as JSON")
    parser.add_argument(
        "--app",
        type=as_option("MONITOR_APP_ID"),
        default="",
        metavar="ID",
        help="resource id of the function app; default: MONITOR_APP_ID",
    )
    parser.add_argument(
        "--storage",
        type=as_option("MONITOR_STORAGE_ID"),
        default="",
        metavar="ID",
        help="of its storage account; default: MONITOR_STORAGE_ID, or beside the app",
    )
    parser.add_argument(
        "--workspace",
        type=as_option("MONITOR_WORKSPACE_ID"),
        default="",
        metavar="GUID",
        help="of its own telemetry; default: MONITOR_WORKSPACE_ID",
    )
    return parser.parse_args(arguments)


def storage_id(app_id: str, account: str) -> str:
    """The storage account's resource id, in the function app's group; empty when unknown."""
    group, _, _ = app_id.partition("/providers/")
    known = group.startswith("/subscriptions/") and account
    return f"{group}/providers/Microsoft.Storage/storageAccounts/{account}" if known else ""


def account_of(usage: Usage, given: Settings, problems: Sequence[str]) -> Account:
    """The bill of a month of days like this one."""
    prices = priced(Prices(), given.prices)
    items = bill(usage, prices)
    paid, without = total(items)
    same = equal_rules(default_rules(), given.targets, NAMESPACES.keys(), CATALOG, prices)
    return Account(items, paid, without, same, left_out(prices), [*problems])


def as_text(found: Account) -> str:
    """The bill as a table; what was not counted has no dollars, and is in no total."""
    lines = [f"{'':18}{'a day':>14}{'$ a month':>12}{'without grants':>17}"]
    asked = [one for one in found.items if one.name not in LEFT_OUT]
    lines += [_line(one) for one in asked]
    counted = [one for one in asked if one.a_day is not None]
    name = "all" if counted == asked else "what was counted"
    if counted:
        lines.append(f"{name:18}{'':14}{found.dollars:>12.2f}{found.without_grants:>17.2f}")
    same = found.equal_rules
    lines.append(
        f"equal rules of Azure Monitor: {same.metric_alerts} metric alerts and {same.log_alerts} "
        f"log alerts every 5 minutes, $ {same.dollars:.2f} a month"
    )
    lines.append(f"not in it: {found.left_out}")
    return "\n".join([*lines, *(f"not counted: {one}" for one in found.problems)])


def _line(one: Item) -> str:
    name = one.name.replace("_", " ")
    if one.a_day is None:
        return f"{name:18}{'not counted':>14}"
    return f"{name:18}{one.a_day:>14,.0f}{one.dollars:>12.4f}{one.without_grants:>17.4f}"


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """The bill on stdout; the exit code."""
    asked = parse(arguments)
    try:
        given = load(environment)
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a program for a terminal
        return 2
    usage, problems = _used(asked, given, environment)
    found = account_of(usage, given, problems)
    print(_as_json(found) if asked.json else as_text(found))  # noqa: T201 - as above
    return 1 if problems else 0


def _used(
    asked: argparse.Namespace, given: Settings, environment: Mapping[str, str]
) -> tuple[Usage, list[str]]:
    app_id = asked.app or given.own_app or app_id_in(environment)
    who = Credentials(open_identity, management_scope(given.monitor_endpoint), app_id)
    storage = asked.storage or given.own_storage or storage_id(app_id, given.storage_account)
    counter = AzureUsage(
        who.token,
        Places(app_id, storage, asked.workspace or given.own_workspace),
        endpoint=given.monitor_endpoint,
        logs_endpoint=given.logs_endpoint,
    )
    end = floor_hour(bootstrap.utc_now()) - TOLD_AFTER
    found = counter.count(Span(end - DAY, end))
    return found.usage, [*found.unasked, *found.problems]


def _as_json(found: Account) -> str:
    written: Any = msgspec.json.format(msgspec.json.encode(found), indent=2)
    return str(written, "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
