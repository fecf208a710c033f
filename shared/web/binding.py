"""Binds the dashboard's ES modules into one, when the app is loaded: a request, not thirty.

Each module becomes a function that is called once and hands out what it exports, so names of its
own stay its own; all of it is slimmed. The modules keep to two forms:
`import { a, b } from "./module.js";` (or `import whole from …`), and `export` before a function,
constant or class (or `export default`). docs/adr/019 says why.
"""

import re
from collections.abc import Collection, Mapping
from graphlib import TopologicalSorter

from shared.web.slimming import slim_script

_IMPORT = re.compile(r'^import (?:\{([^}]*)\}|(\w+)) from "\./([\w-]+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class) (\w+))", re.MULTILINE)
_DEFAULT = re.compile(r"^export default ", re.MULTILINE)


def bound(modules: Mapping[str, str], foreign: Collection[str]) -> str:
    """The text of one module that does what all of them do; `foreign` ones stay files of their own.

    Names are without `.js`. Raises graphlib.CycleError when modules import each other.
    """
    needs = {name: {found[3] for found in _IMPORT.finditer(text)} for name, text in modules.items()}
    order = [name for name in TopologicalSorter(needs).static_order() if name not in foreign]
    outside = [f'import {_variable(name)} from "./{name}.js";\n' for name in sorted(foreign)]
    whole = [*outside, *(_wrapped(name, modules[name], foreign) for name in order)]
    return slim_script("".join(whole))


def _wrapped(name: str, text: str, foreign: Collection[str]) -> str:
    body = _IMPORT.sub(lambda found: _taken(found, foreign), text)
    given = _EXPORT.findall(body)
    body = _EXPORT.sub("", body)
    if _DEFAULT.search(body):
        body, given = _DEFAULT.sub("const whole = ", body), [*given, "whole"]
    return f"const {_variable(name)} = (() => {{\n{body}return {{ {', '.join(given)} }};\n}})();\n"


def _taken(found: re.Match[str], foreign: Collection[str]) -> str:
    names, whole, module = found.groups()
    variable = _variable(module)
    if whole:
        return f"const {whole} = {variable}{'' if module in foreign else '.whole'};\n"
    return f"const {{{names}}} = {variable};\n"


def _variable(module: str) -> str:
    return "$" + module.replace("-", "_")
