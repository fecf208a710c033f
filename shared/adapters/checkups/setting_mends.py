"""The commands that change the app's settings, or that fetch what they should be.

A value that is fetched is fetched first: when that fails, nothing is overwritten.
"""

import json
from collections.abc import Iterable, Mapping
from shlex import quote
from typing import Self

from shared.adapters.checkups.identities import Identity

_COMMENT = "   # "
_EXPORTS = (
    'import json, shlex, sys; [print("export", one["name"] + "=" + shlex.quote(one["value"])) '
    'for one in json.load(sys.stdin) if one["name"].isidentifier()]'
)
_WITH_ENTRY = (
    "import json, sys; name, url = sys.argv[1:]; given = json.load(sys.stdin); "
    "old = given.get(name); "
    'given[name] = {**old, "url": url} if isinstance(old, dict) else url; '
    "print(json.dumps(given))"
)


class Printed(str):
    """A value that a command prints when the mend is pasted, not one that is known here."""

    __slots__ = ()

    def __new__(cls, command: str) -> Self:
        return super().__new__(cls, f"$({command})")


def word(value: str, name: str = "") -> str:
    """A word of a shell: `name=value`, or the value alone; `ahead` has printed it by then."""
    if isinstance(value, Printed):
        return f'"{name}=$new"' if name else '"$new"'
    return quote(f"{name}={value}" if name else value)


def ahead(value: str) -> str:
    """What comes before a command with that value: when printing fails, nothing is overwritten."""
    return f'new="{value}" && ' if isinstance(value, Printed) else ""


def one_after_another(commands: Iterable[str]) -> str:
    """All of them as one, whose comments come at its end: a shell would take the rest for one."""
    parts = [command.partition(_COMMENT) for command in commands]
    said = dict.fromkeys(comment for _, _, comment in parts if comment)
    ending = f"{_COMMENT}{'; '.join(said)}" if said else ""
    return " && ".join(command for command, _, _ in parts) + ending


def set_setting(name: str, value: str, who: Identity) -> str:
    """Change one of the app's settings; by hand it lasts until the next deployment."""
    return f"{ahead(value)}{_set(word(value, name), who)}"


def set_settings(values: Mapping[str, str], who: Identity) -> str:
    """Change several of them at once, to values that are known here."""
    return _set(" ".join(word(value, name) for name, value in values.items()), who)


def _set(words: str, who: Identity) -> str:
    """What it prints is left out: it can hold the others' values."""
    ids = quote(who.app_id)
    return f"az functionapp config appsettings set --ids {ids} --settings {words} --output none"


def set_entry(name: str, entry: str, url: str, who: Identity) -> str:
    """Change the URL of one entry of a setting that is a JSON object; the others stay."""
    query = f"[?name=='{name}'].value"
    command = f"az functionapp config appsettings list {by_name(who.app_id)}"
    listed = f'{command} --query "{query}" --output tsv'
    return set_setting(name, Printed(f"{listed} | {with_entry(entry, url)}"), who)


def load_settings(who: Identity) -> str:
    """At a desk, put the app's settings into the shell's environment."""
    listed = f"az functionapp config appsettings list {by_name(who.app_id)} --output json"
    return f"eval \"$({listed} | python3 -c '{_EXPORTS}')\""


def by_name(app_id: str) -> str:
    """The app as commands want it that list: they take no --ids."""
    _, known, group = app_id.partition("/resourceGroups/")
    if not known:
        return "--resource-group '<its group>' --name '<the app>'"
    return f"--resource-group {group.partition('/')[0]} --name {app_id.rpartition('/')[2]}"


def with_entry(entry: str, url: str) -> str:
    """A filter that changes the URL of one entry of the JSON object that it is given."""
    return f"python3 -c '{_WITH_ENTRY}' {quote(entry)} {quote(url)}"


def set_names(names: Mapping[str, str], who: Identity) -> str:
    """Say what the CRM calls its tables."""
    return set_setting("BUSINESS_NAMES", json.dumps(names), who)
