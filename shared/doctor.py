"""`python -m shared.doctor`: asks everything that the monitor depends on whether it is well.

It says what is wrong, what that breaks, and the command that mends it. It reads the same settings
as the app; on a desk of your own it asks as you are signed in there (`az login`), inside Azure as
the app. Exit code 0: nothing is broken; 1: something is; 2: a wrong command line.
"""

import signal

if __name__ == "__main__":
    # Nothing is left to put away, and the imports alone take a second: Ctrl-C ends it at once.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from shared import bootstrap
from shared.domain.checkups import Checkup, Verdict, is_fit
from shared.examinations import examinations
from shared.examinations.unusable import unusable
from shared.examinations.veils import veiled
from shared.furnishing.storage import open_identity
from shared.services.examine import examine
from shared.settings import Settings, SettingsError, as_option, load


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m shared.doctor", description=__doc__)
    parser.add_argument("--json", action="store_true", help="findings as a JSON array")
    parser.add_argument(
        "--app",
        type=as_option("MONITOR_APP_ID"),
        default="",
        metavar="ID",
        help="resource id of the function app, outside Azure",
    )
    parser.add_argument(
        "--send", action="store_true", help="send a test message through every channel, too"
    )
    return parser.parse_args(arguments)


def diagnose(
    environment: Mapping[str, str], *, app_id: str = "", send: bool = False
) -> list[Checkup]:
    """Everything; when the settings can't be used, they alone and the vault that they refer to."""
    try:
        given = load(environment)
    except SettingsError as error:
        wanted = [*unusable(error, environment, open_identity, app_id)]
        return veiled(examine(wanted), environment)
    return veiled(_examined(given, environment, app_id, send=send), environment)


def _examined(
    given: Settings, environment: Mapping[str, str], app_id: str, *, send: bool
) -> list[Checkup]:
    now, wall, home = bootstrap.utc_now(), bootstrap.wall_now, bootstrap.furnish(given)
    return examine(
        examinations(given, home, now=now, wall=wall, host=environment, app_id=app_id, send=send)
    )


def as_text(found: Sequence[Checkup]) -> str:
    """A line for each, with what it breaks and what mends it; which are not well at the end."""
    width = max(len(one.name) for one in found)
    lines = [line for one in found for line in _lines(one, width)]
    broken, untried = _named(Verdict.BROKEN, found), _named(Verdict.UNTRIED, found)
    last = [f"broken: {broken}" if broken else "nothing is broken"]
    return "\n".join([*lines, *last, *([f"untried: {untried}"] if untried else ())])


def _named(verdict: Verdict, found: Sequence[Checkup]) -> str:
    return ", ".join(one.name for one in found if one.verdict is verdict)


def _lines(one: Checkup, width: int) -> list[str]:
    verdict = str(one.verdict).upper() if one.verdict is Verdict.BROKEN else str(one.verdict)
    lines = [f"{verdict:8} {one.name:{width}}  {one.said}"]
    if one.verdict in (Verdict.BROKEN, Verdict.LACKING):
        margin = " " * (width + 11)
        lines += [f"{margin}breaks: {one.breaks}", f"{margin}mend:   {one.mend}"]
    return lines


def as_json(found: Sequence[Checkup]) -> str:
    """The same for programs."""
    written: Any = msgspec.json.format(msgspec.json.encode(found), indent=2)
    return str(written, "utf-8")


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Findings on stdout; the exit code."""
    given = parse(arguments)
    # What libraries log is found in the findings; on stderr it would only stand between them.
    logging.getLogger().addHandler(logging.NullHandler())
    found = diagnose(environment, app_id=given.app, send=given.send)
    print(as_json(found) if given.json else as_text(found))  # noqa: T201 - a program for a terminal
    return 0 if is_fit(found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
