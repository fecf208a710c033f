"""Keeps secrets out of what is told: errors of others may quote what they were given."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from shared.domain.checkups import Checkup
from shared.setting_table import TABLE
from shared.settings import is_reference

SHORTEST = 8
"""Shorter pieces stand in any sentence, and are no secrets."""


def veiled(found: Sequence[Checkup], host: Mapping[str, str]) -> list[Checkup]:
    """The same checkups, in which no piece of a secret setting can be read."""
    texts = (host.get(one.name, "") for one in TABLE if one.secret)
    secrets = [text for text in texts if not is_reference(text)]
    pieces = {piece for text in secrets for piece in _pieces(text) if len(piece) >= SHORTEST}
    longest_first = sorted(pieces, key=len, reverse=True)
    return [_without(one, longest_first) for one in found]


def _without(one: Checkup, pieces: Sequence[str]) -> Checkup:
    said, mend = one.said, one.mend
    for piece in pieces:
        said, mend = said.replace(piece, "***"), mend.replace(piece, "***")
    return msgspec.structs.replace(one, said=said, mend=mend)


def _pieces(text: str) -> Iterator[str]:
    """A secret whole, its parts, and of URLs what comes after the host."""
    yield text
    for leaf in (*_leaves(_json(text)), *text.split(","), *_values(text)):
        yield leaf.strip()
        if "://" in leaf:
            url = urlsplit(leaf.strip())
            yield f"{url.path}?{url.query}" if url.query else url.path


def _values(connection: str) -> list[str]:
    """Of a connection string only what opens something: its endpoints are told on purpose."""
    parts = [one.partition("=") for one in connection.split(";")]
    opens = ("key", "signature", "password", "sharedaccesssignature")
    return [value for name, _, value in parts if name.strip().lower().endswith(opens)]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _leaves(given: Any) -> Iterator[str]:
    if isinstance(given, str):
        yield given
    for one in given.values() if isinstance(given, dict) else ():
        yield from _leaves(one)
