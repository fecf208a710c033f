"""Leaves at home what a browser has no use for: comments, and blanks that part nothing.

Of a script it must know what is a string, a template or a pattern, because there every blank
counts (ECMA-262, 12). It is made for scripts of our own, which keep to this: templates hold each
other three deep at most, a pattern follows one of `( , = : [` or `return`, statements end with a
semicolon.
"""

import re

_STRING = r'"(?:[^"\\\n]|\\.)*"' + "|" + r"'(?:[^'\\\n]|\\.)*'"
_PATTERN_BEGINS = r"(?:(?<=[(,=:\[])|(?<=[(,=:\[]\s)|(?<=\breturn\s))/(?![/*])"
_PATTERN = _PATTERN_BEGINS + r"(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/"
_GAP = r"(?:\s|/\*.*?\*/|//[^\n]*)+"


def _hole(held: str) -> str:
    """What matches the part of a template that is reckoned; `held`: strings and templates in it."""
    plain = rf"[^{{}}`\"']|{held}"
    return rf"\$\{{(?:{plain}|\{{(?:{plain})*\}})*\}}"


def _template(held: str) -> str:
    return rf"`(?:[^`\\$]|\\.|\$(?!\{{)|{_hole(held)})*`"


_INNER = f"{_STRING}|{_template(_STRING)}"
_HELD = f"{_STRING}|{_template(_INNER)}"
_HOLE = re.compile(rf"\\.|(?P<hole>{_hole(_HELD)})", re.DOTALL)
_PIECE = re.compile(f"{_STRING}|{_template(_HELD)}|{_PATTERN}|(?P<gap>{_GAP})", re.DOTALL)
_GOES_ON_AFTER, _GOES_ON_BEFORE = frozenset(";{,([=?:&|>"), frozenset(")]},;.?:&|=*")
_WORDS = re.compile(r"[\w$#\\]{2}|\d\.|\+\+|--|//")

_SHEET_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_SHEET_GAP = re.compile(r"\s+(?=[{}])|(?<=[:;,{}])\s+|;\s*(?=\})")


def slim_script(text: str) -> str:
    """A script that does the same; strings, patterns and the text of templates stay as they are."""
    return _PIECE.sub(_kept, text).strip()


def slim_sheet(text: str) -> str:
    """A style sheet that says the same; its strings must have no blanks beside `{};:,`."""
    return _SHEET_GAP.sub("", _SHEET_COMMENT.sub("", text)).strip()


def _kept(found: re.Match[str]) -> str:
    if found["gap"]:
        return _of_gap(found)
    piece = found[0]
    return _HOLE.sub(_of_hole, piece) if piece[0] == "`" else piece


def _of_hole(found: re.Match[str]) -> str:
    hole = found["hole"]
    return f"${{{slim_script(hole[2:-1])}}}" if hole else found[0]


def _of_gap(found: re.Match[str]) -> str:
    """A blank where it parts words, a line's end where a statement may end."""
    text = found.string
    if found.start() == 0 or found.end() == len(text):
        return ""
    before, after = text[found.start() - 1], text[found.end()]
    if "\n" in found[0] and before not in _GOES_ON_AFTER and after not in _GOES_ON_BEFORE:
        return "\n"
    return " " if _WORDS.fullmatch(before + after) else ""
