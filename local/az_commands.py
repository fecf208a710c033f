"""The commands of the Azure CLI that documents, hooks, workflows and the doctor name.

    python -m local.az_commands > tests/tooling/az_commands.json

asks an `az` on the PATH for each of them what options it takes; a test compares what is named with
that record, since nobody installs the CLI (half a gigabyte) to run tests.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
_GLOBAL = ("--output", "--query", "--subscription")
_DOMAIN = ("--domain-name", "--email-service-name", "--resource-group")
EXTENSIONS = {
    "communication email domain initiate-verification": (*_DOMAIN, "--verification-type"),
    "communication email domain show": _DOMAIN,
    "communication list": (),
    "monitor app-insights component show": (),
}
"""What az installs when it is asked for: by their reference on learn.microsoft.com/cli/azure."""

_CODE = re.compile(r"```\w*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
_COMMAND = re.compile(
    r"(?:^|[\"'`(;|&]|\bdo|\bthen)\s*az ((?:[a-z][a-z0-9-]+)(?: [a-z][a-z0-9-]+)*)([^\n`]*)",
    re.MULTILINE,
)
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
_END = re.compile(r" \| | && |; |   #|\)\"")


def named() -> Iterator[tuple[str, str, frozenset[str]]]:
    """Each command: where it is named, its words, and the options it is given there."""
    for file, text in _texts():
        for words, rest in _COMMAND.findall(text):
            options = frozenset(_OPTION.findall(_END.split(rest)[0]))
            yield str(file.relative_to(ROOT)), words, options


def _texts() -> Iterator[tuple[Path, str]]:
    """Code of documents; scripts and workflows without their comments; strings of the app."""
    for file in [ROOT / "README.md", ROOT / "infra" / "README.md", *ROOT.glob("docs/**/*.md")]:
        for block, inline in _CODE.findall(file.read_text()):
            yield file, (block or inline).replace("\\\n", " ")
    for file in [*ROOT.glob("infra/hooks/*.sh"), *ROOT.glob(".github/workflows/*.yml")]:
        lines = file.read_text().replace("\\\n", " ").splitlines()
        plain = [line.strip() for line in lines if not line.strip().startswith("#")]
        yield file, "\n".join(plain)
    for file in ROOT.glob("shared/**/*.py"):
        yield file, re.sub(r"[\"']\s*\n\s*f?[\"']", "", file.read_text())


def main() -> int:
    """Write what the CLI says of each command; exit code 1 where it knows none such."""
    found = {words: [*options, *_GLOBAL] for words, options in EXTENSIONS.items()}
    for words in sorted({words for _, words, _ in named()} - EXTENSIONS.keys()):
        asked = subprocess.run(
            ["az", *words.split(), "--help"],  # noqa: S607 - whichever az is meant
            capture_output=True,
            text=True,
            check=False,
        )
        if "\nCommand\n" not in f"\n{asked.stdout}":
            print(f"az {words}: {asked.stderr.strip()}", file=sys.stderr)
            return 1
        found[words] = sorted(set(_OPTION.findall(asked.stdout)))
    lines = [f"{json.dumps(words)}: {json.dumps(found[words])}" for words in sorted(found)]
    print("{\n" + ",\n".join(lines) + "\n}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
