"""Can anybody be told, and is everything measured? A monitor that can't do its work must say so."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from shared.domain.chunks import Latest
from shared.domain.metrics import Catalog
from shared.domain.quantities import clock
from shared.domain.quiet_hours import Inspecting
from shared.domain.records import INSPECTING
from shared.domain.rules import Action, Rule, Severity
from shared.domain.times import MINUTE, iso
from shared.ports import Channel, House, Ledger, SampleStore
from shared.services.closures import closures
from shared.services.renew import read_or_drop
from shared.services.targets import in_turn

MOST_LOOKED_AT = 200
"""Targets of which health reads what they lack: two rows each."""


def unreachable(
    rules: Sequence[Rule], channels: Mapping[str, Channel], fallback: Action | None
) -> list[str]:
    """One sentence for every reason why somebody can't be told; no private address is named."""
    enabled = [rule for rule in rules if rule.enabled]
    wanted = [(rule, action) for rule in enabled for action in _named(rule)]
    said = [_unsaid(*one, channels) for one in wanted]
    problems = list(dict.fromkeys(filter(None, said)))
    if wanted and all(said):
        problems.insert(0, "nobody can be told: no rule has an action that can be delivered")
    return [*problems, *_fallback_problems(fallback, channels)]


def unreported(to: Action | None, channels: Mapping[str, Channel]) -> list[str]:
    """Why the weekly report reaches nobody, in a sentence; it may be meant for nobody."""
    problem = "" if to is None else problem_of(to, channels)
    return [f"the weekly report is not sent: {problem}"] if problem else []


def undeliverable(rules: Iterable[Rule], channels: Mapping[str, Channel]) -> list[str]:
    """One sentence for every action of the rules that reaches nobody."""
    wanted = [(rule, action) for rule in rules for action in _named(rule)]
    return list(dict.fromkeys(filter(None, (_unsaid(*one, channels) for one in wanted))))


def _named(rule: Rule) -> tuple[Action, ...]:
    return (*rule.actions, *rule.escalate_to)


def _unsaid(rule: Rule, action: Action, channels: Mapping[str, Channel]) -> str:
    """Why the rule's alerts reach nobody by that action; else empty."""
    return problem_of(action, channels) or _mildness(rule, action, channels)


def _fallback_problems(fallback: Action | None, channels: Mapping[str, Channel]) -> list[str]:
    if fallback is None:
        return ["no fallback channel is set: what its own channel refuses, nobody hears"]
    problem = problem_of(fallback, channels)
    if problem:
        return [f"the fallback can't tell anybody: {problem}"]
    least = channels[fallback.type].least
    if least is Severity.LOW:
        return []
    return [f"the fallback, {fallback.type}, refuses alerts that are milder than {least}"]


def problem_of(action: Action, channels: Mapping[str, Channel]) -> str:
    """Why the action reaches nobody as things are set up; else empty."""
    if "${" in action.target:
        name = action.target.partition("${")[2].partition("}")[0]
        return f"the setting {name} is empty, so its {action.type} alerts reach nobody"
    if action.type not in channels:
        return f"no {action.type} channel is set up, so {action.type} alerts reach nobody"
    return channels[action.type].problem(action.target)


def _mildness(rule: Rule, action: Action, channels: Mapping[str, Channel]) -> str:
    """Why a channel that can be reached refuses this rule's alerts; the fallback tells them."""
    least = channels[action.type].least
    if rule.severity.rank >= least.rank:
        return ""
    return (
        f"{action.type} refuses alerts that are milder than {least}, "
        f"and those of the rule {rule.id} are {rule.severity}"
    )


def unmeasured(
    rules: Sequence[Rule], catalog: Catalog, measured: Mapping[str, Collection[str]]
) -> list[str]:
    """One sentence for every enabled rule that can't fire, because nothing gives its metric."""
    return [
        f"nothing measures {member.metric} of {target}, so the rule {rule.id} can't fire"
        for rule in rules
        if rule.enabled
        for target, sources in measured.items()
        for member in rule.members
        if rule.applies_to(target) and not set(catalog.metric(member.metric).sources) & set(sources)
    ]


def lacking(measured: Mapping[str, Collection[str]], samples: SampleStore) -> list[str]:
    """What is missing in the stored past and present, in sentences.

    Every source that was not asked because it lacks what a person can give, and every target with
    hours that wait to be read again. `measured` is the sources by target: of what is no longer set
    up, nothing is wanted.
    """
    return [
        sentence
        for target, sources in measured.items()
        for sentence in _lacking(target, sources, samples.latest(target))
    ]


def _lacking(target: str, sources: Collection[str], latest: Latest) -> Iterator[str]:
    for source, what in latest.lacking.items():
        if source in sources:
            yield f"{source} of {target} is not read: {what}"
    if latest.damaged:
        yield (
            f"{len(latest.damaged)} stored hours of {target}, the first at "
            f"{iso(latest.damaged[0])}, lost something and wait to be read again"
        )


def lacking_of_some(house: House, *, now: datetime) -> list[str]:
    """What `lacking` and `unread` say; of very many targets a part each time: who asks waits."""
    some = in_turn(list(house.measured), now, MINUTE)[:MOST_LOOKED_AT]
    part = replace(house, measured={target: house.measured[target] for target in some})
    found = [*lacking(part.measured, part.samples), *unread(part)]
    more = len(house.measured) - len(some)
    return [*found, f"{more} more targets were not looked at this time"] if more else found


def unread(house: House) -> list[str]:
    """What the last inspection of each target's database could not read, in sentences."""
    inspector = house.inspector
    if inspector is None:
        return []
    known = [target for target in house.measured if inspector.knows(target)]
    kept = {
        target: read_or_drop(target, INSPECTING, Inspecting, ledger=house.alerts)
        for target in known
    }
    return [
        f"the inspection of {target} lacks {what}"
        for target, one in kept.items()
        if one is not None
        for what in one.value.lacking
    ]


def refusing(config: Ledger) -> list[str]:
    """One sentence for every channel that refused for good; no address is named."""
    return [
        f"{_article(one.channel_type)} channel refuses for good since {clock(one.since)} "
        f"({one.count} times): its alerts go to the fallback"
        for one in closures(config).values()
    ]


def _article(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"
