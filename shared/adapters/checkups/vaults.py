"""Secrets that settings only refer to: did the platform follow, may the app still read the vault?

The platform keeps what it read for a day, so a role that was taken away is noticed when it reads
again, or here. References, and how they are followed anew:
https://learn.microsoft.com/azure/app-service/app-service-key-vault-references; how they are listed:
https://learn.microsoft.com/rest/api/appservice/web-apps/get-app-settings-key-vault-references; the
role's right to list names: https://learn.microsoft.com/azure/key-vault/general/rbac-guide.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests

from shared.adapters.checkups import vault_mends
from shared.adapters.checkups.apps import not_shown
from shared.adapters.checkups.identities import Identity
from shared.adapters.checkups.web import ask, listed, object_of
from shared.domain.errors import Untried, Unwell

LIST = "/secrets?api-version=7.4&maxresults=25"
ANSWERS = (HTTPStatus.OK, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
ROLE = "Key Vault Secrets User"
FOLLOWED, UNKNOWN = "Resolved", "not followed"
MOST_PAGES = 40
"""Of 25 secrets each."""

USUAL_DOMAIN = ".vault.azure.net"
DOMAINS = {".usgovcloudapi.net": ".vault.usgovcloudapi.net", ".chinacloudapi.cn": ".vault.azure.cn"}
"""Of the other clouds, by the end of their management's host."""

_PARTS = re.compile(r"(\w+)=([^;)]+)")
_URI = re.compile(r"(https?://[^/]+)/secrets/([^/]+)")


class Reference(NamedTuple):
    """A setting whose value is a secret of a vault; how the platform got on with it."""

    setting: str
    secret: str
    vault: str
    endpoint: str
    status: str = UNKNOWN

    @property
    def is_followed(self) -> bool:
        """Whether the app has the secret's value."""
        return self.status == FOLLOWED


def read_reference(
    setting: str, text: str, status: str = UNKNOWN, *, management: str = ""
) -> Reference | None:
    """What `@Microsoft.KeyVault(…)` refers to, in either of its forms; None: nothing usable.

    `management`: the address of the cloud's management, which a vault's name alone is reached in.
    """
    parts = {name.lower(): value.strip() for name, value in _PARTS.findall(text)}
    found = _URI.match(parts.get("secreturi", ""))
    if found and _may_get_tokens(found[1]):
        vault = (urlsplit(found[1]).hostname or "").partition(".")[0]
        return Reference(setting, found[2], vault, found[1], status)
    if "vaultname" in parts and "secretname" in parts:
        vault = parts["vaultname"]
        endpoint = f"https://{vault}{_domain(management)}"
        return Reference(setting, parts["secretname"], vault, endpoint, status)
    return None


def _domain(management: str) -> str:
    host = urlsplit(management).hostname or ""
    return next((one for end, one in DOMAINS.items() if host.endswith(end)), USUAL_DOMAIN)


def _may_get_tokens(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    known = host.endswith((USUAL_DOMAIN, *DOMAINS.values()))
    return host == "127.0.0.1" or (endpoint.startswith("https://") and known)


def scope_of(endpoint: str) -> str:
    """What a token for a vault is asked for; on a desk the public cloud's."""
    host = urlsplit(endpoint).hostname or ""
    domain = f".{host.partition('.')[2]}"
    return f"https://{(domain if domain in DOMAINS.values() else USUAL_DOMAIN)[1:]}/.default"


def list_references(management: str, who: Identity, token: Callable[[], str]) -> list[Reference]:
    """Which settings of the app are references; raises Unwell when nobody says so."""
    if "/" not in who.app_id:
        raise Untried("the app's resource id is not known here: --app names it")
    url = f"{management.rstrip('/')}{who.app_id}{vault_mends.REFERENCES}?{vault_mends.VERSION}"
    answer = ask("GET", url, "Azure", unwell=Untried, token=token())
    if answer.status_code != HTTPStatus.OK:
        raise not_shown(answer.status_code, who, vault_mends.list_references(who.app_id))
    return [_listed(one, management) for one in listed(answer, "Azure")]


def _listed(given: dict[str, Any], management: str) -> Reference:
    """One of the platform's; what can't be read has no vault to be asked, and a status."""
    name = str(given.get("name", "")).rpartition("/")[2]
    said = {one: str(value) for one, value in (given.get("properties") or {}).items()}
    status, text = said.get("status", UNKNOWN), said.get("reference", "")
    found = read_reference(name, text, status, management=management)
    named, secret = said.get("vaultName", ""), said.get("secretName", "")
    if found is None:
        return Reference(name, secret, named, "", status)
    return found._replace(vault=named or found.vault)


class References:
    """Which settings refer to a vault, and what is known of it without asking once more."""

    def __init__(self, ask_for_them: Callable[[], list[Reference]]) -> None:
        self._ask = ask_for_them
        self.known: list[Reference] | None = None
        """None: nobody has said yet."""

    def listed(self) -> list[Reference]:
        """All of them; raises Unwell when nobody says so."""
        self.known = self._ask()
        return self.known


def ask_vaults(
    references: Collection[Reference], token: Callable[[str], str], who: Callable[[], Identity]
) -> str:
    """Whether whoever asks may read every vault, every secret is there, and all were followed."""
    for endpoint in dict.fromkeys(one.endpoint for one in references if one.endpoint):
        wanted = [one for one in references if one.endpoint == endpoint]
        _look_into(wanted, token, who)
    stale = [one for one in references if not one.is_followed]
    if stale:
        said = ", ".join(f"{one.setting} ({one.status})" for one in stale)
        raise Unwell(f"the platform has not followed {said}", mend=vault_mends.follow_again(who()))
    names = ", ".join(one.setting for one in references)
    return f"can be read: {names}" if names else "no setting refers to a vault"


def _look_into(
    wanted: Sequence[Reference], token: Callable[[str], str], who: Callable[[], Identity]
) -> None:
    """Raise Unwell unless one vault has all these secrets for whoever asks."""
    first, held = wanted[0], set[str]()
    for page in _pages(first, token):
        if page.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return _let_people_pass(wanted, page.status_code, who())
        held |= _enabled(listed(page, f"the vault {first.vault}"))
    missing = [one for one in wanted if one.secret not in held]
    if missing:
        said = f"the vault {first.vault} has no secret {_told(missing)} that is enabled"
        pairs = [(one.secret, one.setting) for one in missing]
        raise Unwell(said, mend=vault_mends.fill_vault(first.vault, pairs, who()))
    return None


def _pages(of: Reference, token: Callable[[str], str]) -> Iterator[requests.Response]:
    """The list of a vault's secrets, or its refusal to whoever asks."""
    who, look = f"the vault {of.vault}", partial(vault_mends.look_for_vault, of.vault)
    url, bearer = f"{of.endpoint}{LIST}", token(scope_of(of.endpoint))
    for _ in range(MOST_PAGES):
        answer = ask("GET", url, who, away=look, token=bearer)
        if answer.status_code not in ANSWERS:
            raise Unwell(f"{who} answered {answer.status_code}", mend=look)
        yield answer
        url = str(object_of(answer).get("nextLink") or "")
        # A link to elsewhere gets no token.
        if urlsplit(url).hostname != urlsplit(of.endpoint).hostname:
            return


def _let_people_pass(wanted: Sequence[Reference], status: int, who: Identity) -> None:
    """Of somebody at a desk the vault says nothing about the app: what the platform says counts."""
    if not who.is_app and all(one.is_followed for one in wanted):
        return
    vault, names = wanted[0].vault, ", ".join(one.setting for one in wanted)
    said = f"the vault {vault} answered {status}: {ROLE} is lacking, by which {names} are read"
    raise Unwell(said, mend=vault_mends.let_read(vault, ROLE, who))


def _enabled(found: Sequence[dict[str, Any]]) -> set[str]:
    """The names of secrets that can be followed; their values are not asked for."""
    return {
        str(one.get("id", "")).rpartition("/")[2]
        for one in found
        if (one.get("attributes") or {}).get("enabled", True)
    }


def _told(references: Collection[Reference]) -> str:
    return ", ".join(f"{one.secret} ({one.setting})" for one in references)
