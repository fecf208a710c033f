"""Who asks in the name of schemathesis: an admin, another one for each request.

One alone may not write that much; see shared/domain/paces.py.
"""

from itertools import count
from typing import Any

import schemathesis
from schemathesis import AuthContext

from tests.web.builders import crm_token

_numbers = count()


@schemathesis.auth(refresh_interval=None)
class Admin:
    """Signs a token for every request."""

    def get(self, _: Any, __: AuthContext) -> str:
        """A token that nobody used before."""
        return crm_token(sub=f"admin-{next(_numbers)}")

    def set(self, case: Any, data: str, _: AuthContext) -> None:
        """Send it along."""
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}
