"""Can anybody be told? A monitor that nobody hears must say so."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec.structs import replace

from shared.domain.rules import Action, Rule


def fill_in(rules: Sequence[Rule], values: Mapping[str, str]) -> list[Rule]:
    """The rules with every known ${NAME} in their targets replaced; unknown ones stay."""
    return [
        replace(
            rule,
            actions=tuple(_filled(action, values) for action in rule.actions),
            escalate_to=tuple(_filled(action, values) for action in rule.escalate_to),
        )
        for rule in rules
    ]


def _filled(action: Action, values: Mapping[str, str]) -> Action:
    target = action.target
    for name, value in values.items():
        target = target.replace(f"${{{name}}}", value)
    return replace(action, target=target)


def unreachable(
    rules: Sequence[Rule], channel_types: Collection[str], fallback: Action | None
) -> list[str]:
    """One sentence for every reason why somebody can't be told; no address is named."""
    actions = [action for rule in rules if rule.enabled for action in rule.actions]
    problems = list(dict.fromkeys(_problems(actions, channel_types)))
    if actions and all(_problem(action, channel_types) for action in actions):
        problems.insert(0, "nobody can be told: no rule has an action that can be delivered")
    return [*problems, *_fallback_problems(fallback, channel_types)]


def _fallback_problems(fallback: Action | None, channel_types: Collection[str]) -> list[str]:
    if fallback is None:
        return ["no fallback channel is set: what its own channel refuses, nobody hears"]
    problem = _problem(fallback, channel_types)
    return [f"the fallback can't tell anybody: {problem}"] if problem else []


def _problems(actions: Iterable[Action], channel_types: Collection[str]) -> Iterable[str]:
    for action in actions:
        problem = _problem(action, channel_types)
        if problem:
            yield problem


def _problem(action: Action, channel_types: Collection[str]) -> str:
    if "${" in action.target:
        name = action.target.partition("${")[2].partition("}")[0]
        return f"the setting {name} is empty, so its {action.type} alerts reach nobody"
    if action.type not in channel_types:
        return f"no {action.type} channel is set up, so {action.type} alerts reach nobody"
    return ""
