"""What a caller asked: query parameters and JSON bodies, refused in a sentence when wrong."""

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache
from typing import Any, TypeVar
from uuid import uuid4

import azure.functions as func
import msgspec
from msgspec import inspect

from shared.domain.decoding import convert
from shared.domain.wishes import Instant, is_usable, whole_second
from shared.web.answers import REQUEST_ID
from shared.web.problems import Problem, nearest

T = TypeVar("T", bound=msgspec.Struct)

LARGEST_BODY = 64 * 1024

_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


def request_id(headers: Mapping[str, str]) -> str:
    """The caller's own id when it is harmless, else a new one."""
    given = headers.get(REQUEST_ID, "")
    return given if _REQUEST_ID.fullmatch(given) else str(uuid4())


def query(request: func.HttpRequest, kind: type[T]) -> T:
    """The query's parameters as a `kind`, whose fields' types say what each may be.

    One that the kind does not know is a mistake worth telling.
    """
    fields = {one.encode_name: one for one in fields_of(kind)}
    for name in request.params:
        if name not in fields:
            raise Problem(
                400,
                "unknown_parameter",
                f"there is no parameter {_shown(name)}; {_hint(name, fields)}",
                details={"known": sorted(fields)},
            )
    given = request.params.items()
    return kind(
        **{fields[name].name: _value(name, text, fields[name].type) for name, text in given}
    )


@cache
def fields_of(kind: type[Any]) -> tuple[inspect.Field, ...]:
    """The fields of a Struct with what their types allow."""
    found = inspect.type_info(kind)
    return found.fields if isinstance(found, inspect.StructType) else ()


def _hint(name: str, known: Collection[str]) -> str:
    return nearest(name, known) if known else "this takes none"


def _value(name: str, text: str, form: inspect.Type) -> Any:
    """The text as what its type says; a further type of parameter is a further case."""
    if isinstance(form, inspect.UnionType):
        form = next(one for one in form.types if not isinstance(one, inspect.NoneType))
    match form:
        case inspect.Metadata(extra_json_schema={"enum": allowed}):
            return choice(name, text, allowed)
        case inspect.EnumType(cls=cls):
            return cls(choice(name, text, list(cls)))
        case inspect.IntType(ge=int(least), le=int(most)):
            return whole_number(name, text, least, most)
        case inspect.DateTimeType():
            return moment(name, text)
        case _:
            return text


def choice(name: str, given: str, choices: Collection[str], code: str = "") -> str:
    """One of the named values."""
    if given not in choices:
        raise Problem(
            400,
            code or f"invalid_{name}",
            f"{name} is one of {', '.join(choices)}, not {_shown(given)}",
            details={"allowed": list(choices)},
        )
    return given


def whole_number(name: str, given: str, least: int, most: int) -> int:
    """A whole number between two others, both included."""
    digits = given.isascii() and given.isdigit() and len(given) <= len(str(most))
    if not digits or not least <= int(given) <= most:
        raise Problem(
            400,
            f"invalid_{name}",
            f"{name} is a whole number from {least} to {most}, not {_shown(given)}",
        )
    return int(given)


def moment(name: str, given: str) -> datetime:
    """A time with its zone, in UTC and whole seconds."""
    try:
        at: datetime | None = convert(given, Instant)
    except msgspec.ValidationError:
        at = None
    if at is None or not is_usable(at):
        raise Problem(
            400,
            f"invalid_{name}",
            f"{name} is a time with its zone, such as 2026-01-01T22:00:00Z, not {_shown(given)}",
        )
    return whole_second(at)


def wish(
    request: func.HttpRequest, kind: type[T], sentences: Mapping[str, str], *, must_say_json: bool
) -> T:
    """The body as a `kind`; `sentences` say of each of its fields what would be right.

    See `json_object`.
    """
    given = json_object(request, list(sentences), must_say_json=must_say_json)
    try:
        return convert(given, kind)
    except msgspec.ValidationError as error:
        raise Problem(400, "invalid_body", _sentence(str(error), sentences)) from None


def _sentence(error: str, sentences: Mapping[str, str]) -> str:
    """Our sentence about the field that the decoder's names."""
    named = (
        said for name, said in sentences.items() if f"$.{name}" in error or f"`{name}`" in error
    )
    return next(named, f"a body takes {', '.join(sentences)}")


def json_object(
    request: func.HttpRequest, known: Collection[str] | None, *, must_say_json: bool
) -> Mapping[str, Any]:
    """The body's JSON object, with known fields only; `known` None: the caller looks at them.

    `must_say_json`: a caller known by a cookie could be made to send a form, which needs no
    permission across origins; JSON does.
    """
    _check_content_type(request.headers.get("Content-Type", ""), must_say_json=must_say_json)
    body = request.get_body() or b""
    if len(body) > LARGEST_BODY:
        raise Problem(
            413,
            "body_too_large",
            f"a body has at most {LARGEST_BODY // 1024} KiB, not {len(body):,} bytes",
        )
    given = _decoded(body)
    for name in given:
        if known is not None and name not in known:
            raise Problem(
                400,
                "unknown_field",
                f"there is no field {_shown(name)}; {nearest(name, known) if known else 'send {}'}",
                details={"known": list(known)},
            )
    return given


def no_body(request: func.HttpRequest, *, must_say_json: bool) -> None:
    """A POST that needs no words: its body is empty or an empty object; see `json_object`."""
    if request.get_body():
        json_object(request, (), must_say_json=must_say_json)
    else:
        _check_content_type(request.headers.get("Content-Type", ""), must_say_json=must_say_json)


def _check_content_type(given: str, *, must_say_json: bool) -> None:
    kind = given.partition(";")[0].strip().lower()
    if (must_say_json or kind) and kind != "application/json" and not kind.endswith("+json"):
        raise Problem(
            415, "unsupported_media_type", "the body must be JSON: Content-Type: application/json"
        )


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem(400, "malformed_json", "the body must be one JSON object") from None
    if not isinstance(given, dict):
        raise Problem(400, "invalid_body", "the body must be a JSON object")
    return given


def _shown(given: str) -> str:
    """A caller's word in a sentence; a long one is cut."""
    return repr(given if len(given) <= 60 else f"{given[:60]}…")
