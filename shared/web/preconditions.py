"""If-Match and If-None-Match: nobody overwrites what he has not seen (RFC 9110, section 13)."""

import re
from collections.abc import Callable, Mapping

from shared.web.problems import Problem

_ETAG = re.compile(r'"([\x21\x23-\x7e]*)"')


def quoted(etag: str) -> str:
    """An ETag as headers spell it."""
    return f'"{etag}"'


def precondition(
    headers: Mapping[str, str], *, needed: bool = False
) -> Callable[[str | None], None]:
    """What the caller saw, as a check of what is there: its ETag, or None when nothing is.

    The check raises a Problem: 412 when they differ; 428 when `needed` and nothing was said
    about something that is there.
    """
    match, none_match = headers.get("If-Match", ""), headers.get("If-None-Match", "")

    def check(etag: str | None) -> None:
        if none_match.strip() == "*" and etag is not None:
            raise _failed("it exists already; leave If-None-Match out to replace it")
        if match and not _matches(match, etag):
            raise _failed("it was changed or removed since you read it; read it again")
        if needed and not match and etag is not None:
            raise Problem(
                428,
                "precondition_required",
                "say which version you replace: If-Match with the ETag that GET answered",
            )

    return check


def _matches(given: str, etag: str | None) -> bool:
    return etag is not None and (given.strip() == "*" or etag in _ETAG.findall(given))


def _failed(message: str) -> Problem:
    return Problem(412, "precondition_failed", message)
