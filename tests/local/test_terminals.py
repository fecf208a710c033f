"""Programs for a terminal end without a traceback, whoever ends them and whenever."""

import argparse
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.previews import main as write_previews
from local.terminals import a_folder, ending_in_peace, from_one

ROOT = Path(__file__).parents[2]


def interrupted() -> int:
    signal.raise_signal(signal.SIGINT)
    return 0


def test_ctrl_c_unwinds_a_program_without_a_traceback() -> None:
    assert ending_in_peace(interrupted) == 130


def test_a_program_keeps_its_own_exit_code() -> None:
    assert ending_in_peace(lambda: None) == 0
    assert ending_in_peace(lambda: 2) == 2


def test_a_reader_that_has_seen_enough_is_no_failure() -> None:
    program = (
        "import sys\nfrom local.terminals import ending_in_peace\n"
        "sys.exit(ending_in_peace(lambda: print('x' * 1_000_000)))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stderr is not None
        writer.stdout.read(1)
        writer.stdout.close()

        assert writer.stderr.read() == b""
        assert writer.wait(timeout=60) == 141


def test_what_the_terminal_cannot_show_does_not_end_a_program() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "local.anomaly", "--help"],
        cwd=ROOT,
        env={"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (found.returncode, found.stderr) == (0, "")
    assert "0?1, 0 where nothing" in " ".join(found.stdout.split())


@pytest.mark.slow
@pytest.mark.parametrize("after_s", [0.6, 1.5, 3.0])
@pytest.mark.parametrize("name", ["shared.doctor", "shared.cost", "local.previews", "local.replay"])
def test_ctrl_c_at_any_moment_leaves_no_traceback(
    name: str, after_s: float, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", name, *([str(tmp_path)] if name == "local.previews" else ())],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as program:
        assert program.stderr is not None
        time.sleep(after_s)
        program.send_signal(signal.SIGINT)

        assert b"Traceback" not in program.stderr.read()
        assert program.wait(timeout=60) in {0, 1, 2, 130, -signal.SIGINT}


@pytest.mark.parametrize("wrong", ["0", "-1", "1.5", "", "two", "9" * 5_000])
def test_a_count_is_a_whole_number_from_one(wrong: str) -> None:
    assert from_one("1") == 1
    with pytest.raises(argparse.ArgumentTypeError, match="a whole number from 1 to 1,000,000"):
        from_one(wrong)


def test_a_folder_has_a_name() -> None:
    assert a_folder("build") == Path("build")
    with pytest.raises(argparse.ArgumentTypeError, match="not nothing"):
        a_folder("")


def test_previews_that_can_be_written_nowhere_say_so() -> None:
    with pytest.raises(SystemExit, match="nothing can be written to /proc/x"):
        write_previews(["/proc/x"])
