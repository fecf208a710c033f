"""How requests of this CRM fail."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """How a request fails: the answer's status and the exception behind it."""

    problem_id: str
    kind: str
    message: str
    status: int = 500


TIMEOUT = Failure(
    problem_id="SqlTimeoutError at searchContacts",
    kind="SqlTimeoutError",
    message="Timeout expired. The timeout period elapsed prior to completion of the operation.",
)
BROKEN = Failure(
    problem_id="TypeError at saveInteraction",
    kind="TypeError",
    message="Cannot read properties of undefined (reading 'contactId')",
)
UNREACHABLE = Failure(
    status=503,
    problem_id="ConnectionError at connect",
    kind="ConnectionError",
    message="Failed to connect to the database in 15000ms",
)
