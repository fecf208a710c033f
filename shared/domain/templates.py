"""An action's own message: text with {placeholders} for what happened, filled in safely.

There are names and nothing else: no attributes, no formats, so that a text can neither look
inside a value nor fail on one.
"""

import re
from collections.abc import Mapping

PLACEHOLDERS = (
    *("value", "threshold", "unit", "metric", "rule", "target", "since", "severity", "reason"),
)

_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_LITERAL = {"{{": "{", "}}": "}"}


def template_problem(text: str) -> str:
    """Why the text can't be filled in, as a sentence that says what could; else empty."""
    for part in _PART.finditer(text):
        if part[0] in _LITERAL:
            continue
        if part[1] is None:
            return "a brace that stands for itself is doubled: {{ or }}"
        if part[1] not in PLACEHOLDERS:
            known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            return f"there is no {{{part[1][:40]}}} to fill in; there are {known}"
    return ""


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders filled in; as it is when something about it is wrong."""
    if template_problem(text):
        return text
    return _PART.sub(lambda part: _LITERAL.get(part[0]) or values.get(part[1], part[0]), text)
