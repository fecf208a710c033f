"""What Microsoft's Kusto language service says of queries: all of them in one Node process.

It takes 2 to 3 s to start and about 25 ms a query. `make setup` installs it beside Azurite. Run as
a program, this module checks the project's own queries.
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from local.azurite import NODE, NODE_FOLDER
from local.cloud.log_analytics_tables import TABLES
from shared.catalog.log_queries import QUERIES

PROGRAM = Path(__file__).with_name("analyze.js")
LANGUAGE_SERVICE = NODE_FOLDER / "node_modules" / "@kusto" / "language-service-next"
TIMEOUT_S = 60


class AnalyzerMissingError(RuntimeError):
    """The language service is not installed; the message says what to run."""


class Diagnostic(Struct, frozen=True):
    """Something that is wrong at offset `start` of the text; Microsoft's codes begin with KS."""

    code: str
    message: str
    start: int


class Analysis(Struct, frozen=True):
    """A query's diagnostics, and the (name, Kusto type) of each column that it answers."""

    diagnostics: tuple[Diagnostic, ...]
    columns: tuple[tuple[str, str], ...]


def analyze(
    queries: Mapping[str, str], *, tables: Mapping[str, Mapping[str, str]] = TABLES
) -> dict[str, Analysis]:
    """The analyses of KQL texts, by name; only `tables`, columns to types, exist for them.

    Raises AnalyzerMissingError, or CalledProcessError when Node fails.
    """
    if not LANGUAGE_SERVICE.exists():
        raise AnalyzerMissingError("The Kusto analyzer is not installed: run `make setup` first.")
    answered = subprocess.run(
        [str(NODE), str(PROGRAM)],
        input=msgspec.json.encode({"tables": tables, "queries": queries}),
        stdout=subprocess.PIPE,
        timeout=TIMEOUT_S,
        check=True,
    )
    return msgspec.json.decode(answered.stdout, type=dict[str, Analysis])


def analyze_files(folder: Path = QUERIES) -> dict[Path, Analysis]:
    """The analyses of all .kql files in a folder."""
    files = {str(file): file for file in sorted(folder.glob("*.kql"))}
    found = analyze({name: file.read_text(encoding="utf-8") for name, file in files.items()})
    return {files[name]: analysis for name, analysis in found.items()}


def main() -> int:
    """Print what is wrong with the project's queries; 1 when something is."""
    found = analyze_files()
    for file, analysis in found.items():
        lines = [
            f"{file.name}:{one.start} {one.code} {one.message}" for one in analysis.diagnostics
        ]
        print("\n".join(lines) or f"{file.name}: {len(analysis.columns)} columns")
    return int(any(analysis.diagnostics for analysis in found.values()))


if __name__ == "__main__":
    sys.exit(main())
