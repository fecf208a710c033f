"""The project's KQL queries, and what it takes to change one name in them."""

import re
from collections.abc import Iterator
from pathlib import Path

from local.cloud.log_analytics_tables import TABLES
from shared.catalog.log_queries import QUERIES

FILES = sorted(QUERIES.glob("*.kql"))
_TOKEN = re.compile(r'"[^"]*"|//[^\n]*|\w+')
_NAMED = re.compile(r"(\w+)\s*=(?!=)")


def name_of(file: Path) -> str:
    return file.stem


def misspellings(kql: str) -> Iterator[str]:
    """The query again and again, each time with one column name misspelt in one place."""
    columns = {column for table in TABLES.values() for column in table}
    names = columns | set(_NAMED.findall(kql))
    for token in _TOKEN.finditer(kql):
        if token[0] in names:
            yield f"{kql[: token.start()]}{token[0]}Misspelt{kql[token.end() :]}"
