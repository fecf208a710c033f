"""Where the alerts go of a rule that leaves it open: settings fill in names, and whole routes.

A rule is stored and shown as it was written; it is routed each time it is put to work, so that a
changed setting counts at once.
"""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.rules import Action, Rule, Severity


class Routing(Struct, frozen=True):
    """What the settings say; `values`: of the ${NAME}s in targets; one without a value stays."""

    values: Mapping[str, str] = {}
    by_severity: Mapping[Severity, tuple[Action, ...]] = {}

    def routed(self, rule: Rule) -> Rule:
        """The rule with every address that it tells."""
        actions = rule.actions or self.by_severity.get(rule.severity, ())
        return replace(
            rule,
            actions=tuple(map(self.filled, actions)),
            escalate_to=tuple(map(self.filled, rule.escalate_to)),
        )

    def filled(self, action: Action) -> Action:
        """The address with its names filled in."""
        target = action.target
        for name, value in self.values.items():
            target = target.replace(f"${{{name}}}", value)
        return replace(action, target=target)
