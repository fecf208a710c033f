"""An alert rule: its JSON form, and a sentence for everything that can be wrong with it."""

import hashlib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from shared.domain.conditions import CONDITIONS
from shared.domain.decoding import convert
from shared.domain.errors import InvalidRule
from shared.domain.inhibition import circle
from shared.domain.members import Member, member_problems
from shared.domain.metrics import Catalog
from shared.domain.templates import template_problem

ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
MOST_MINUTES = 10080
MOST_ACTIONS = 40
"""An event's rows, fallback included, must fit one transaction of 100."""
LONGEST_RULE = 20_000
"""Characters of JSON; an event carries its routes in one property of at most 32,000."""
DEFAULT_REPEAT = 240
FEWEST_MEMBERS, MOST_MEMBERS = 2, 8

Minutes = Annotated[int, Meta(extra_json_schema={"minimum": 0, "maximum": MOST_MINUTES})]
"""As schemas tell it; a wrong one is refused below, in a sentence."""


class Severity(StrEnum):
    """How much it matters, from the least."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """The higher, the worse; from 0."""
        return list(Severity).index(self)


class ActionType(StrEnum):
    """The kinds of channel that a rule can name."""

    EMAIL = "email"
    SLACK = "slack"
    WEBHOOK = "webhook"
    SMS = "sms"
    TEAMS = "teams"
    CONSOLE = "console"


class NoDataPolicy(StrEnum):
    """What a rule does when its source stays silent."""

    KEEP = "keep"
    ALERT = "alert"
    OK = "ok"


class Action(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Whom to tell: a channel's type and the address there, with an optional own message.

    The message may hold the placeholders of `shared.domain.templates`.
    """

    type: ActionType
    target: str
    message: str | None = None


class Rule(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A rule as the client writes it; all durations are whole minutes.

    `duration`: bad minutes until it fires. `keep_firing`: ok minutes until it resolves.
    `targets`: None means every target. `any_of` or `all_of`, in JSON `any` and `all`, stand in
    place of one metric with its condition.
    """

    id: Annotated[str, Meta(extra_json_schema={"pattern": f"^{ID.pattern}$"})]
    name: Annotated[str, Meta(extra_json_schema={"minLength": 1})]
    metric: str = ""
    condition: Annotated[str, Meta(extra_json_schema={"enum": ["", *CONDITIONS]})] = ""
    threshold: float | None = None
    window: int | None = None
    within_hours: float | None = None
    any_of: tuple[Member, ...] = field(name="any", default=())
    all_of: tuple[Member, ...] = field(name="all", default=())
    duration: Minutes
    severity: Severity
    actions: tuple[Action, ...]
    enabled: bool = True
    targets: tuple[str, ...] | None = None
    keep_firing: Minutes = 0
    clear_threshold: float | None = None
    no_data: NoDataPolicy = NoDataPolicy.KEEP
    no_data_after: Minutes | None = None
    repeat_every: Minutes = DEFAULT_REPEAT
    escalate_after: Minutes | None = None
    escalate_to: tuple[Action, ...] = ()
    inhibited_by: tuple[str, ...] = ()
    runbook: str | None = None

    def applies_to(self, target: str) -> bool:
        """Whether the rule watches `target` at all."""
        return self.enabled and (self.targets is None or target in self.targets)

    @property
    def is_composite(self) -> bool:
        """Whether it looks at several conditions at once."""
        return bool(self.any_of or self.all_of)

    @property
    def members(self) -> tuple[Member, ...]:
        """What it asks: a composite's members, or its own metric's condition alone."""
        return self.any_of or self.all_of or (self._alone,)

    @property
    def _alone(self) -> Member:
        return Member(
            metric=self.metric,
            condition=self.condition,
            threshold=self.threshold,
            window=self.window,
            within_hours=self.within_hours,
        )

    @property
    def fingerprint(self) -> str:
        """Changes when what the rule measures changes: such an edit starts a new story."""
        measured: tuple[Any, ...] = (
            self.metric,
            self.condition,
            self.threshold,
            self.duration,
            self.clear_threshold,
            self.targets,
        )
        more = (self.window, self.within_hours, self.any_of, self.all_of)
        if more != (None, None, (), ()):
            measured += more
        return hashlib.sha256(msgspec.json.encode(measured)).hexdigest()[:12]


class KeptRule(Struct, frozen=True):
    """A rule and when it was made; None for a shipped one, which is as old as the target.

    `edited_at`, `edited_by`: the last change of its row.
    """

    rule: Rule
    created_at: datetime | None = None
    edited_at: datetime | None = None
    edited_by: str | None = None


def parse_rule(given: Any, catalog: Catalog) -> Rule:
    """The rule in `given` (decoded JSON); raises InvalidRule, one sentence per problem."""
    if not isinstance(given, Mapping):
        raise InvalidRule(f"a rule is a JSON object, not {type(given).__name__}")
    _refuse_unknown_fields(given)
    try:
        rule = convert(given, Rule)
    except msgspec.ValidationError as error:
        raise InvalidRule(f"rule {given.get('id', '?')!r}: {_sentence(str(error))}") from None
    problems = [*_problems(rule, catalog)]
    if problems:
        raise InvalidRule(f"rule {rule.id!r}: {'; '.join(problems)}")
    return rule


def parse_rules(given: Any, catalog: Catalog) -> tuple[Rule, ...]:
    """A list of rules (or one); raises InvalidRule when two share an id, or inhibit each other."""
    rules = tuple(
        parse_rule(one, catalog) for one in (given if isinstance(given, list) else [given])
    )
    ids = [rule.id for rule in rules]
    doubled = sorted({rule_id for rule_id in ids if ids.count(rule_id) > 1})
    if doubled:
        raise InvalidRule(f"rule ids must differ; more than one rule is called {doubled[0]!r}")
    around = circle({rule.id: rule.inhibited_by for rule in rules})
    if around:
        raise InvalidRule(f"rules must not inhibit each other in a circle: {' - '.join(around)}")
    return rules


def _refuse_unknown_fields(given: Mapping[str, Any]) -> None:
    known = [field.encode_name for field in msgspec.structs.fields(Rule)]
    for name in given:
        if name not in known:
            hint = _hint(str(name), known)
            raise InvalidRule(f"rule {given.get('id', '?')!r}: unknown field {name!r}; {hint}")


def _hint(name: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only mistakes need it

    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"the fields are {', '.join(known)}"


_WRONG_TYPE = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
_MISSING = re.compile(r"Object missing required field `([^`]*)`")
_TYPES = {
    "array": "a list",
    "bool": "true or false",
    "float": "a number",
    "int": "a whole number",
    "object": "an object",
    "str": "text",
}


def _in_words(wrong: re.Match[str]) -> str:
    wanted = " or ".join(_TYPES.get(one, one) for one in wrong[1].split(" | "))
    got = "a fraction" if wrong[2] == "float" else _TYPES.get(wrong[2], wrong[2])
    return f"must be {wanted}, not {got}"


def _sentence(error: str) -> str:
    """What msgspec says, in words, its place first: `actions[0].type: Invalid enum value 'fax'`."""
    worded = _MISSING.sub(r"\1 is missing", _WRONG_TYPE.sub(_in_words, error))
    said, _, place = worded.partition(" - at `$.")
    if not place:
        return said
    between = " " if said.startswith("must be ") else ": "
    return f"{place.rstrip('`')}{between}{said}" + _choices(place.rstrip("`"))


def _choices(place: str) -> str:
    choices: dict[str, type[StrEnum]] = {
        "severity": Severity,
        "noData": NoDataPolicy,
        "type": ActionType,
    }
    kind = choices.get(place.rsplit(".", 1)[-1])
    return f"; one of {', '.join(kind)}" if kind else ""


def _problems(rule: Rule, catalog: Catalog) -> Iterable[str]:
    if not ID.fullmatch(rule.id):
        yield "id must be 1-63 of a-z, 0-9 and -, not starting with -"
    if not rule.name.strip():
        yield "name must not be empty"
    yield from _size_problems(rule)
    yield from _condition_problems(rule, catalog)
    if rule.targets == ():
        yield "targets must name one at least; leave it out for all"
    for target in rule.targets or ():
        if not ID.fullmatch(target):
            yield f"target {target!r} must be 1-63 of a-z, 0-9 and -"
    yield from _minute_problems(rule)
    for action in (*rule.actions, *rule.escalate_to):
        if not action.target.strip():
            yield f"the target of action {action.type} must not be empty"
        problem = template_problem(action.message or "")
        if problem:
            yield f"the message of action {action.type}: {problem}"


def _size_problems(rule: Rule) -> Iterable[str]:
    actions = len(rule.actions) + len(rule.escalate_to)
    if actions > MOST_ACTIONS:
        yield f"at most {MOST_ACTIONS} actions, not {actions}"
    size = len(msgspec.json.encode(rule))
    if size > LONGEST_RULE:
        yield f"at most {LONGEST_RULE:,} characters of JSON in all, not {size:,}"
    for other in rule.inhibited_by:
        if not ID.fullmatch(other) or other == rule.id:
            yield f"inhibitedBy {other!r} must be the id of another rule"


def _condition_problems(rule: Rule, catalog: Catalog) -> Iterable[str]:
    if rule.is_composite:
        yield from _composite_problems(rule, catalog)
    elif not rule.metric or not rule.condition:
        yield "name a metric and its condition, or members in any or all"
    else:
        yield from member_problems(rule.members[0], catalog)
        yield from _clear_problems(rule)
        if rule.condition == "anomaly" and rule.severity is Severity.CRITICAL:
            yield "an anomaly alone is never critical; give it severity high at most"


def _composite_problems(rule: Rule, catalog: Catalog) -> Iterable[str]:
    if rule.any_of and rule.all_of:
        yield "give any or all, not both"
    if not FEWEST_MEMBERS <= len(rule.members) <= MOST_MEMBERS:
        yield f"a composite rule has {FEWEST_MEMBERS} to {MOST_MEMBERS} members"
    for name in ("metric", "condition", "threshold", "window", "within_hours", "clear_threshold"):
        if getattr(rule, name) not in (None, ""):
            yield f"{_wire_name(name)} makes no sense beside any or all; leave it out"
    for number, member in enumerate(rule.members, 1):
        for problem in member_problems(member, catalog):
            yield f"member {number}: {problem}"
        condition = CONDITIONS.get(member.condition)
        if condition is not None and not condition.fits_composites:
            yield f"member {number}: {member.condition} stands alone, not in any or all"


def _wire_name(name: str) -> str:
    return next(one.encode_name for one in msgspec.structs.fields(Rule) if one.name == name)


def _clear_problems(rule: Rule) -> Iterable[str]:
    clear, condition = rule.clear_threshold, CONDITIONS.get(rule.condition)
    if clear is None or condition is None:
        return
    if not math.isfinite(clear):
        yield "thresholds must be finite numbers"
    elif not condition.takes_clear_threshold:
        yield f"clearThreshold makes no sense with {rule.condition}; leave it out"
    elif rule.threshold is not None and not condition.clears(clear, rule.threshold):
        yield f"clearThreshold must lie {condition.clear_side(rule.threshold)}"


def _minute_problems(rule: Rule) -> Iterable[str]:
    fields = {
        "duration": rule.duration,
        "keepFiring": rule.keep_firing,
        "noDataAfter": rule.no_data_after,
        "repeatEvery": rule.repeat_every,
        "escalateAfter": rule.escalate_after,
    }
    for name, minutes in fields.items():
        if minutes is not None and not 0 <= minutes <= MOST_MINUTES:
            yield f"{name} must be whole minutes from 0 to {MOST_MINUTES} (7 days)"
