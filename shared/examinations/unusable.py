"""Settings that can't be used: what is wrong with each, and whether the vault behind it answers.

Nothing else can be examined then, because everything is furnished from settings.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from shared.adapters.checkups import setting_mends, vault_mends
from shared.adapters.checkups.identities import Credentials
from shared.adapters.checkups.vaults import Reference, References, read_reference
from shared.domain.errors import Unwell
from shared.examinations.changes import IN_THE_VAULT, Changes, management_scope
from shared.examinations.itself import identity, secrets
from shared.examinations.rounds import app_id_in, is_inside
from shared.ports import Examination
from shared.setting_table import TABLE
from shared.settings import SettingsError

_MANAGEMENT = "AZURE_MONITOR_ENDPOINT"
_REFERENCE = "@Microsoft.KeyVault(VaultName=<vault>;SecretName={})"


def unusable(
    error: SettingsError,
    host: Mapping[str, str],
    open_credential: Callable[[], Any],
    app_id: str = "",
) -> Iterator[Examination]:
    """The settings themselves, and the vault that some of them were not read from."""
    usual = next(one.default for one in TABLE if one.name == _MANAGEMENT)
    management = host.get(_MANAGEMENT) or usual
    known = app_id or app_id_in(host) or host.get("MONITOR_APP_ID", "")
    scope = management_scope(management)
    who = Credentials(open_credential, scope, known, inside=is_inside(host))
    changes = Changes(who, management, deployed=not host.get("AzureWebJobsStorage"))
    yield Examination(
        name="settings",
        breaks="nothing works: no pass, no alert, no answer but this",
        ask=lambda: _tell(error, changes, host),
    )
    if error.unfollowed:
        yield identity(who)
        yield secrets(References(lambda: _read(error.unfollowed, changes)), who)


def _tell(error: SettingsError, changes: Changes, host: Mapping[str, str]) -> str:
    raise Unwell("; ".join(error.problems), mend=lambda: _mend(error, changes, host))


def _mend(error: SettingsError, changes: Changes, host: Mapping[str, str]) -> str:
    if not changes.who.inside and not any(one.name in host for one in TABLE):
        return setting_mends.load_settings(changes.who.identity)
    wrong = [name for name in error.names if name not in error.unfollowed]
    mend = [changes.of(name, "<what would be right>") for name in wrong]
    if error.unfollowed and changes.who.inside:
        again = vault_mends.follow_again(changes.who.identity)
        mend.append(f"{again}   # when what is broken below is mended")
    elif error.unfollowed:
        found = [read_reference(name, text) for name, text in error.unfollowed.items()]
        mend += [vault_mends.export(one.setting, one.vault, one.secret) for one in found if one]
    return setting_mends.one_after_another(mend)


def _read(unfollowed: Mapping[str, str], changes: Changes) -> list[Reference]:
    read = partial(read_reference, management=changes.management)
    found = {name: read(name, text) for name, text in unfollowed.items()}
    usable = [one for one in found.values() if one is not None]
    strange = found.keys() - {one.setting for one in usable}
    if strange:
        forms = "@Microsoft.KeyVault(VaultName=…;SecretName=…) or @Microsoft.KeyVault(SecretUri=…)"
        said = f"{', '.join(sorted(strange))} refers to no vault: the forms are {forms}"
        right = {name: _REFERENCE.format(IN_THE_VAULT.get(name, "<secret>")) for name in strange}
        mend = setting_mends.set_settings(right, changes.who.identity)
        raise Unwell(said, mend=mend)
    return usable
