"""Binds the dashboard's ES modules into one, when the app is loaded: a request, not thirty.

They stand one after the other in one scope, each after those that it needs, slimmed; so no two may
give the same name to something of theirs, which JavaScript itself refuses. The modules keep to two
forms: `import { a, b } from "./module.js";` (or `import module from …`), and `export` before a
function, constant or class (or `export default`). docs/adr/019 says why.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from graphlib import TopologicalSorter

from shared.web.slimming import slim_script

_IMPORT = re.compile(r'^import (?:\{([^}]*)\}|(\w+)) from "\./([\w-]+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class) (\w+))", re.MULTILINE)
_DEFAULT = re.compile(r"^export default ", re.MULTILINE)


def bound(modules: Mapping[str, str], foreign: Collection[str]) -> str:
    """The text of one module that does what all of them do; `foreign` ones stay files of their own.

    Names are without `.js`. Raises graphlib.CycleError when modules import each other, ValueError
    when one imports what another does not export.
    """
    needs = {name: {found[3] for found in _IMPORT.finditer(text)} for name, text in modules.items()}
    order = [name for name in _ordered(modules, needs) if name not in foreign]
    for name in order:
        _refuse_what_is_not_given(name, modules, foreign)
    outside = [f'import {name} from "./{name}.js";\n' for name in sorted(foreign)]
    return slim_script("".join([*outside, *(_bare(name, modules[name]) for name in order)]))


def _ordered(modules: Mapping[str, str], needs: Mapping[str, set[str]]) -> Iterator[str]:
    """Each after what it needs; of those that may come, what tells most figures first.

    So what resembles stands together, where a packer that looks back 32 kB finds it: of the orders
    that are easily told this one packs best.
    """
    telling = {n: (-text.count("quantity("), text.count("this."), n) for n, text in modules.items()}
    sorter, ready = TopologicalSorter(needs), set[str]()
    sorter.prepare()
    while sorter.is_active():
        ready |= set(sorter.get_ready())
        name = min(ready, key=lambda one: telling.get(one, (0, 0, one)))
        yield name
        ready.remove(name)
        sorter.done(name)


def _bare(name: str, text: str) -> str:
    """A module without its imports and exports."""
    return _DEFAULT.sub(f"const {name} = ", _EXPORT.sub("", _IMPORT.sub("", text)))


def _refuse_what_is_not_given(
    name: str, modules: Mapping[str, str], foreign: Collection[str]
) -> None:
    for some, whole, source in _IMPORT.findall(modules[name]):
        given = {source} if whole else set(_EXPORT.findall(modules.get(source, "")))
        wanted = {whole} if whole else {one.strip() for one in some.split(",") if one.strip()}
        missing = wanted - given
        if missing and (whole or source not in foreign):
            said = ", ".join(sorted(missing))
            raise ValueError(f"{name}.js imports {said}, which {source}.js does not export")
