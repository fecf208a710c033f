"""The commands that mend a secret which lies in a key vault, where a setting only refers to it.

A restart alone does not make the platform read a vault again; how it is asked to:
https://learn.microsoft.com/azure/app-service/app-service-key-vault-references.
"""

from collections.abc import Iterable
from shlex import quote

from shared.adapters.checkups.identities import Identity
from shared.adapters.checkups.mends import grant_role, restart_monitor
from shared.adapters.checkups.setting_mends import Printed, ahead, with_entry, word

REFERENCES = "/config/configreferences/appsettings"
VERSION = "api-version=2022-03-01"

_MANAGEMENT = "https://management.azure.com"
_UNTIL_A_ROLE_WORKS_S = 120
_OFFICER = "   # you need Key Vault Secrets Officer on the vault: owning it is not enough"


def list_references(app_id: str) -> str:
    """How the platform got on with each reference."""
    url = f"{_MANAGEMENT}{app_id}{REFERENCES}?{VERSION}"
    query = "value[].[name, properties.status]"
    return f'az rest --method get --url "{url}" --query "{query}" --output table'


def follow_again(who: Identity) -> str:
    """Make the platform read the vault now, not in a day, and the app take what it read."""
    url = f"{_MANAGEMENT}{who.app_id}{REFERENCES}/refresh?{VERSION}"
    return f'az rest --method post --url "{url}" --output none && {restart_monitor(who)}'


def set_secret(vault: str, secret: str, value: str, who: Identity) -> str:
    """Put a new value where a setting refers to; a deployment puts its own there again."""
    put = f"{ahead(value)}{_put(vault, secret, word(value))}"
    return f"{put} && {follow_again(who)}{_OFFICER}"


def set_secret_entry(vault: str, secret: str, entry: str, url: str, who: Identity) -> str:
    """Change the URL of one entry of a secret that is a JSON object; the others stay."""
    changed = Printed(f"{_shown(vault, secret)} | {with_entry(entry, url)}")
    return set_secret(vault, secret, changed, who)


def fill_vault(vault: str, lacking: Iterable[tuple[str, str]], who: Identity) -> str:
    """Put in the secrets (and the settings that refer to them) that it lacks."""
    puts = [_put(vault, secret, quote(f"<value of {name}>")) for secret, name in lacking]
    return " && ".join([*puts, follow_again(who)]) + _OFFICER


def export(setting: str, vault: str, secret: str) -> str:
    """At a desk, where nobody follows references, give a setting its secret's value."""
    return f'export {setting}="$({_shown(vault, secret)})"'


def let_read(vault: str, role: str, who: Identity) -> str:
    """Give a role on a vault, and read it once that role works, which takes minutes."""
    scope = f'"$(az keyvault show --name {quote(vault)} --query id --output tsv)"'
    grant = grant_role(role, scope, who)
    return f"{grant} && sleep {_UNTIL_A_ROLE_WORKS_S} && {follow_again(who)}"


def look_for_vault(vault: str) -> str:
    """Whether a vault is there, and back with it if it was deleted."""
    named = f"--name {quote(vault)}"
    return f"az keyvault show {named} --output table || az keyvault recover {named}"


def _shown(vault: str, secret: str) -> str:
    named = f"--vault-name {quote(vault)} --name {secret}"
    return f"az keyvault secret show {named} --query value --output tsv"


def _put(vault: str, secret: str, value: str) -> str:
    named = f"--vault-name {quote(vault)} --name {secret}"
    return f"az keyvault secret set {named} --value {value} --output none"
