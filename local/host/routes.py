"""Route templates of HTTP triggers: {id}, {id?}, {id:int}, {*path}, report.{ext}."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from local.host.triggers import BindingError

_PARAMETER = re.compile(r"\{(\*{0,2})([A-Za-z_]\w*)((?::[^{}?]+)*)(\?)?\}")
_LIMIT = re.compile(r"(length|minlength|maxlength)\((\d+)\)")
_CONSTRAINTS = {
    "int": r"-?\d+",
    "long": r"-?\d+",
    "decimal": r"-?\d+(\.\d+)?",
    "double": r"-?\d+(\.\d+)?",
    "float": r"-?\d+(\.\d+)?",
    "bool": r"(?i:true|false)",
    "alpha": r"[A-Za-z]+",
    "guid": r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
}
_LIMITS = {"length": ".{%s}", "minlength": ".{%s,}", "maxlength": ".{0,%s}"}


@dataclass(frozen=True)
class Template:
    """A compiled template; matches without regard to case or to a slash at the end."""

    pattern: re.Pattern[str]
    constraints: tuple[tuple[str, re.Pattern[str]], ...]

    def match(self, path: str) -> dict[str, str] | None:
        """The route's values, without optional ones that are absent; None if it does not fit."""
        bare = path.strip("/")
        found = self.pattern.fullmatch(f"/{bare}" if bare else "")
        if not found:
            return None
        values = {name: value for name, value in found.groupdict().items() if value}
        fits = all(rule.fullmatch(values[of]) for of, rule in self.constraints if of in values)
        return values if fits else None


def compile_template(route: str) -> Template:
    """Raises BindingError for what no template of this host can say."""
    pieces = [_segment(segment, route) for segment in route.strip("/").split("/") if segment]
    constraints = [
        (parameter[2], _constraint(name, route))
        for parameter in _PARAMETER.finditer(route)
        for name in parameter[3].split(":")[1:]
    ]
    return Template(re.compile("".join(pieces), re.IGNORECASE), tuple(constraints))


def decoded(raw_path: bytes) -> str:
    """The path as routing sees it: decoded, but an escaped slash stays escaped."""
    text = raw_path.decode("ascii", "replace").partition("?")[0]
    return unquote(re.sub("%2f", "%252F", text, flags=re.IGNORECASE))


def _segment(segment: str, route: str) -> str:
    whole = _PARAMETER.fullmatch(segment)
    if whole and whole[1]:
        return f"(?:/(?P<{whole[2]}>.*))?"
    if whole and whole[4]:
        return f"(?:/(?P<{whole[2]}>[^/]+))?"
    literals = _PARAMETER.split(segment)[:: _PARAMETER.groups + 1]
    names = [found[2] for found in _PARAMETER.finditer(segment)]
    if any("{" in literal or "}" in literal for literal in literals):
        raise BindingError(f"this host does not understand {segment!r} in the route {route!r}")
    groups = [f"(?P<{name}>[^/]+?)" for name in names]
    parts = [re.escape(literals[0])]
    for group, literal in zip(groups, literals[1:], strict=True):
        parts += [group, re.escape(literal)]
    return "/" + "".join(parts)


def _constraint(name: str, route: str) -> re.Pattern[str]:
    limit = _LIMIT.fullmatch(name)
    text = _LIMITS[limit[1]] % limit[2] if limit else _CONSTRAINTS.get(name)
    if text is None:
        raise BindingError(f"this host does not know the constraint {name!r} of {route!r}")
    return re.compile(text)
