"""How the app's settings are changed where they really lie: in its configuration, or in a vault."""

from dataclasses import dataclass
from functools import cached_property, partial

from shared.adapters.checkups import setting_mends, vault_mends
from shared.adapters.checkups.identities import Credentials
from shared.adapters.checkups.vaults import Reference, References, list_references
from shared.setting_table import TABLE

IN_THE_VAULT = {
    one.name: one.name.lower().replace("_", "-")
    for one in TABLE
    if one.secret and one.name not in ("AzureWebJobsStorage", "SQL_PASSWORD")
}
"""The settings that infra/main.bicep makes references of, and the secrets that these name."""


@dataclass(frozen=True)
class Changes:
    """The settings of one app; `management`: Azure's address, `deployed`: the app is in Azure."""

    who: Credentials
    management: str
    deployed: bool

    @cached_property
    def references(self) -> References:
        """Which settings refer to a vault, as the platform says it."""
        return References(
            lambda: list_references(
                self.management,
                self.who.identity,
                lambda: self.who.sure_token(management_scope(self.management)),
            )
        )

    def of(self, name: str, value: str, entry: str = "") -> str:
        """The command that gives a setting a value, or one entry of it (a JSON object) its URL."""
        who, kept = self.who.identity, self._kept(name)
        if kept is not None:
            there = (kept.vault, kept.secret)
            if entry:
                return vault_mends.set_secret_entry(*there, entry, value, who)
            return vault_mends.set_secret(*there, value, who)
        change = (
            partial(setting_mends.set_entry, name, entry)
            if entry
            else partial(setting_mends.set_setting, name)
        )
        return change(value, who)

    def _kept(self, name: str) -> Reference | None:
        """The secret behind a setting; where the platform does not say, as it is deployed."""
        if name not in IN_THE_VAULT:
            return None
        known = self.references.known
        if known is not None:
            return next((one for one in known if one.setting == name), None)
        where = Reference(name, IN_THE_VAULT[name], "<vault>", "")
        return where if self.deployed else None


def management_scope(management: str) -> str:
    """What tokens for Azure's management are asked for; on a desk the public cloud's."""
    is_here = management.startswith("http://")
    cloud = "https://management.azure.com" if is_here else management.rstrip("/")
    return f"{cloud}/.default"
