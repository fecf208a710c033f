"""Who the app is to Azure, as its own token says it."""

from base64 import urlsafe_b64decode
from collections.abc import Callable
from functools import cached_property
from shlex import quote
from typing import Any

import msgspec
from msgspec import Struct

from shared.domain.decoding import decode
from shared.domain.errors import Unwell


class Identity(Struct, frozen=True):
    """`principal`: the object id that roles are assigned to; `app_id`: the function app's.

    `client`: the client id, which is an app's SID in a database; empty when it is not known.

    What a token does not say is a placeholder in the words of the command that it stands in.
    """

    principal: str = "<object id of the identity>"
    app_id: str = "<resource id of the function app>"
    is_app: bool = True
    client: str = ""

    @property
    def name(self) -> str:
        """What the identity is called in a database: like its app."""
        return self.app_id.rpartition("/")[2] if "/" in self.app_id else "<name of the app>"


class Claims(Struct, frozen=True):
    """What of a token's claims says who somebody is; a managed identity names its resource."""

    oid: str = ""
    xms_mirid: str = ""
    idtyp: str = ""
    appid: str = ""


def identity_of(token: str, app_id: str = "") -> Identity:
    """Read from a token of our own, which nobody needs to verify; `app_id` wins over the token."""
    body = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        said = decode(urlsafe_b64decode(body + "=" * (-len(body) % 4)), Claims)
    except (msgspec.MsgspecError, ValueError):
        said = Claims()
    unknown = Identity()
    is_app = bool(said.xms_mirid) or said.idtyp != "user"
    return Identity(
        said.oid or unknown.principal,
        app_id or said.xms_mirid or unknown.app_id,
        is_app=is_app,
        client=said.appid if is_app else "",
    )


class Credentials:
    """The app's credential under examination. `app_id`: the function app, where it is known.

    `inside`: it is the app itself that asks, not somebody at a desk.
    """

    def __init__(
        self,
        open_credential: Callable[[], Any],
        scope: str,
        app_id: str = "",
        *,
        inside: bool = True,
    ) -> None:
        self.inside = inside
        self._open = open_credential
        self._scope = scope
        self._given = app_id
        self._found: Identity | None = None

    @cached_property
    def credential(self) -> Any:
        """The SDK's credential, made when it is first needed."""
        return self._open()

    @property
    def identity(self) -> Identity:
        """As far as it is known: all of it once `examine` has had a token."""
        unknown = Identity()
        return self._found or Identity(unknown.principal, self._given or unknown.app_id)

    def token(self, scope: str) -> str:
        """A token for another service; raises what azure-identity raises."""
        return str(self.credential.get_token(scope).token)

    def sure_token(self, scope: str) -> str:
        """Likewise; raises Unwell, which says for whom there is none."""
        from azure.core.exceptions import AzureError  # noqa: PLC0415 - SDK import

        try:
            return self.token(scope)
        except (AzureError, OSError, ValueError) as error:
            first = str(error).partition("\n")[0]
            resource = scope.removesuffix("/.default")
            raise Unwell(f"no token for {resource}: {first}", mend=self._mend) from error

    def examine(self) -> str:
        """Fetch a token for Azure's management; raises Unwell."""
        self._found = identity_of(self.sure_token(self._scope), self._given)
        return f"has a token as {self._found.principal}"

    def _mend(self) -> str:
        if not self.inside:
            return "az login   # it is you who asks here, not the app"
        ids = quote(self.identity.app_id)
        assign = f"az functionapp identity assign --ids {ids} --output none"
        return f"{assign} && az functionapp restart --ids {ids}   # a new one lacks its roles"
