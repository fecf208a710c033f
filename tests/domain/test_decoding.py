import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from shared.domain.decoding import convert, decode, decoder

HOUSE = Path(__file__).parents[2]

RACE = """
import sys, threading, types
from shared.domain.decoding import convert, decode

sys.setswitchinterval(1e-6)
TYPES = '''
import msgspec
class Part(msgspec.Struct): a: "int"; b: "str | None" = None; c: "list[int]" = []
class Whole(msgspec.Struct):
    x: "list[Part]"; y: "dict[str, Part]"; z: "Whole | None" = None; w: "tuple[Part, ...]" = ()
'''
TEXT = b'{"x":[{"a":1,"b":"q","c":[1,2]}],"y":{"k":{"a":3}},"z":{"x":[],"y":{}},"w":[{"a":1}]}'
PLAIN = {"x": [{"a": 1}], "y": {}, "w": [{"a": 2}]}
failed = []


def race(kind, start, text):
    start.wait()
    try:
        decode(TEXT, kind) if text else convert(PLAIN, kind)
    except Exception as error:
        failed.append(error)


for number in range(150):
    module = types.ModuleType(f"fresh{number}")
    sys.modules[module.__name__] = module
    exec(TYPES, module.__dict__)
    start = threading.Barrier(6)
    racers = [
        threading.Thread(target=race, args=(module.Whole, start, one % 2)) for one in range(6)
    ]
    [one.start() for one in racers]
    [one.join() for one in racers]
print("all alive" if not failed else failed[0])
"""


class Crate(msgspec.Struct):
    size: int


def test_a_type_is_learned_once() -> None:
    assert decoder(list[Crate]) is decoder(list[Crate])


def test_json_and_plain_values_become_the_type() -> None:
    assert (
        decode(b'[{"size": 3}]', list[Crate]) == [Crate(3)] == convert([{"size": 3}], list[Crate])
    )


@pytest.mark.parametrize("wrong", [b'{"size": "much"}', b"{", b"\xff"])
def test_what_is_no_such_value_is_refused(wrong: bytes) -> None:
    with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError)):
        decode(wrong, Crate)


def test_threads_that_meet_a_type_together_live() -> None:
    """Without the lock this process dies of a segmentation fault within some tries."""
    ended = subprocess.run(
        [sys.executable, "-c", RACE],
        check=False,
        cwd=HOUSE,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.stdout.strip() == "all alive", (ended.returncode, ended.stderr[-500:])


def test_nobody_else_learns_types() -> None:
    """Msgspec's own ways are for untyped JSON alone: see docs/adr/026."""
    others = [
        f"{path.relative_to(HOUSE)}:{number}"
        for path in [*(HOUSE / "shared").rglob("*.py"), HOUSE / "function_app.py"]
        if path.name != "decoding.py"
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if "msgspec.convert(" in line
        or "json.Decoder(" in line
        or ("json.decode(" in line and "type=" in line)
    ]
    assert others == []
