"""The rules that a new target starts with, from default_rules.json."""

import json
from functools import cache
from pathlib import Path

from shared.catalog.metrics import CATALOG
from shared.domain.rules import Rule, parse_rules


@cache
def default_rules() -> tuple[Rule, ...]:
    """The shipped rules; their targets may hold ${NAME}s that settings fill in."""
    text = Path(__file__).with_name("default_rules.json").read_text(encoding="utf-8")
    return parse_rules(json.loads(text), CATALOG)
