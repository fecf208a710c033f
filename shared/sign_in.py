"""A short token for a person, signed with the key that the monitor shares with the CRM.

`python -m shared.sign_in --as you@example.com --role admin` is the way in before anybody has a
token, and without any registration in Entra ID: whoever can read CRM_TOKEN_KEY may. The token says
who it is for, ends by itself, and is noted by that name in the audit.
"""

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence

from shared.setting_forms import signing_key
from shared.setting_table import TABLE
from shared.web.auth import Role
from shared.web.tokens import LONGEST_LIFE, crm_token

KEY, ROLE_CLAIM = "CRM_TOKEN_KEY", "AUTH_ROLE_CLAIM"
LONGEST = LONGEST_LIFE // 60
DEFAULT = 15
LONGEST_NAME = 200
REFERENCE = "@Microsoft.KeyVault("


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m shared.sign_in", description=__doc__)
    parser.add_argument(
        "--as", dest="who", type=_name, required=True, help="who it is for, as the audit says"
    )
    # As plain words: argparse tells a wrong one which there are by their repr.
    roles = [role.value for role in Role]
    parser.add_argument("--role", choices=roles, default=Role.ADMIN.value, help="default: admin")
    parser.add_argument(
        "--minutes",
        type=_minutes,
        default=DEFAULT,
        help=f"1 to {LONGEST}, default {DEFAULT}",
    )
    return parser.parse_args(arguments)


def _name(text: str) -> str:
    if not (text.strip() and text.isprintable() and len(text) <= LONGEST_NAME):
        raise argparse.ArgumentTypeError(
            f"a name or an address of 1 to {LONGEST_NAME} letters, not {text!r}"
        )
    return text.strip()


def _minutes(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= LONGEST):
        raise argparse.ArgumentTypeError(f"whole minutes from 1 to {LONGEST}, not {text}")
    return int(text)


def key_in(environment: Mapping[str, str]) -> str:
    """The shared key; raises ValueError with a sentence when it is not there."""
    key = environment.get(KEY, "")
    if not key:
        raise ValueError(f"{KEY} is not set; it must be the one that the app has")
    if key.startswith(REFERENCE):
        raise ValueError(f"{KEY} is a reference to a vault; the key itself is what the vault has")
    try:
        return signing_key(key)
    except ValueError as error:
        raise ValueError(f"{KEY} must be {error}") from None


def role_claim_in(environment: Mapping[str, str]) -> str:
    """The claim in which the app looks for roles."""
    default = next(one.default for one in TABLE if one.name == ROLE_CLAIM)
    return environment.get(ROLE_CLAIM) or default


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """The token alone on stdout; exit code 0, or 2 with one sentence on stderr."""
    given = parse(arguments)
    try:
        key = key_in(environment)
    except ValueError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a program for a terminal
        return 2
    roles = {role_claim_in(environment): [given.role]}
    now = int(time.time())
    print(crm_token(key, given.who, now=now, minutes=given.minutes, **roles))  # noqa: T201 - as above
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
