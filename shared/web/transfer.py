"""How a GET's answer travels: not again to who has it, and compressed where that pays.

The validators are weak: two answers with the same tag say the same, letter by letter they may
differ in the request's id, in ages that grow by themselves, and in their coding.
"""

import gzip
import re
import zlib
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256

import azure.functions as func

FLEETING = re.compile(rb'"(?:requestId|ageSeconds)":(?:"[^"]*"|\d+)')
"""What makes no other answer of it; how old a figure is follows from its minute."""
LEAST_TO_COMPRESS = 512
"""Of bytes: the page itself, which has 730, comes in half of them."""
LEVEL = 5
"""Of zlib's: a day of minutes in 25 ms to a sixth; 6 takes twice as long for a twelfth less."""

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e]*")')
_NOTHING = re.compile(r"q\s*=\s*0(?:\.0{0,3})?")


def conveyed(headers: Mapping[str, str], answer: func.HttpResponse) -> func.HttpResponse:
    """The answer for who sent these headers; what is no success stays as it is.

    An answer that names a version of its own (a rule, for If-Match) is always sent: more than that
    version can have changed.
    """
    if answer.status_code != 200:
        return answer
    body = answer.get_body()
    answer.headers["Vary"] = "Accept-Encoding"
    if "ETag" not in answer.headers:
        answer.headers["ETag"] = tag = tag_of(body)
        if _has(headers.get("If-None-Match", ""), tag):
            return _again(answer, b"", status_code=304)
    if len(body) < LEAST_TO_COMPRESS or not takes_gzip(headers.get("Accept-Encoding", "")):
        return answer
    answer.headers["Content-Encoding"] = "gzip"
    is_kept = answer.headers.get("Cache-Control") != "no-store"
    return _again(answer, smallest(body) if is_kept else gzip.compress(body, LEVEL, mtime=0))


@lru_cache(maxsize=32)
def smallest(body: bytes) -> bytes:
    """As small as gzip makes it: for the page's files, which are the same for everybody."""
    return min((_deflated(body, memory) for memory in range(5, 10)), key=len)


def _deflated(body: bytes, memory: int) -> bytes:
    """`memory` decides how much shares a table of codes: which is best depends on the text."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16, memory)
    return packer.compress(body) + packer.flush()


def _again(answer: func.HttpResponse, body: bytes, *, status_code: int = 200) -> func.HttpResponse:
    return func.HttpResponse(
        body,
        status_code=status_code,
        headers=dict(answer.headers),
        mimetype=answer.mimetype,
        charset=answer.charset,
    )


def tag_of(body: bytes) -> str:
    """A weak ETag of what the body says."""
    return f'W/"{sha256(FLEETING.sub(b"", body)).hexdigest()[:32]}"'


def _has(given: str, tag: str) -> bool:
    """Compared weakly, as If-None-Match is (RFC 9110, 13.1.2)."""
    return given.strip() == "*" or tag.removeprefix("W/") in _TAG.findall(given)


def takes_gzip(given: str) -> bool:
    """Whether Accept-Encoding lets an answer be compressed (RFC 9110, 12.5.3)."""
    codings: dict[str, bool] = {}
    for one in given.lower().split(","):
        name, _, weight = one.partition(";")
        codings[name.strip()] = _NOTHING.fullmatch(weight.strip()) is None
    return codings.get("gzip", codings.get("*", False))
