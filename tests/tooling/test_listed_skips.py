"""The plugin that turns unlisted skips into failures, run by pytest inside pytest."""

from pathlib import Path

import pytest

from tests import listed_skips
from tests.listed_skips import AllowedSkip, read_allowed

SKIPPING = """
    import pytest

    def test_skips():
        pytest.skip("no such server")

    @pytest.mark.skip(reason="by mark")
    def test_marked():
        pass

    @pytest.mark.xfail(reason="known", strict=True)
    def test_expected_to_fail():
        assert False
"""


@pytest.fixture
def inner(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> pytest.Pytester:
    """An inner pytest with the plugin, in CI; its list of allowed skips is empty."""
    (tmp_path / "allowed.txt").write_text("# nothing\n")
    monkeypatch.setattr(listed_skips, "LIST", tmp_path / "allowed.txt")
    monkeypatch.setenv("CI", "true")
    # No other plugin has a say in this, and loading them takes longer than the tests.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return pytester


def run(inner: pytest.Pytester) -> pytest.RunResult:
    return inner.runpytest_inprocess("-p", listed_skips.__name__)


def test_an_unlisted_skip_fails_in_ci(inner: pytest.Pytester) -> None:
    inner.makepyfile(SKIPPING)

    result = run(inner)

    # A test skipped by its mark fails in its setup, which pytest calls an error.
    result.assert_outcomes(failed=1, errors=1, xfailed=1)
    result.stdout.fnmatch_lines(["*not listed in allowed.txt: no such server*"])


def test_a_listed_skip_passes_in_ci(inner: pytest.Pytester) -> None:
    inner.makepyfile(SKIPPING)
    listed_skips.LIST.write_text("*::test_skips no such *\n*::test_marked by mark\n")

    run(inner).assert_outcomes(skipped=2, xfailed=1)


def test_a_module_skipped_as_a_whole_fails_in_ci(inner: pytest.Pytester) -> None:
    inner.makepyfile("import pytest; pytest.importorskip('no_such_library')")

    run(inner).assert_outcomes(errors=1)


def test_on_a_desk_every_skip_is_allowed(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI")
    inner.makepyfile(SKIPPING)

    run(inner).assert_outcomes(skipped=2, xfailed=1)


def test_the_list_is_globs_with_comments() -> None:
    text = "# why\n\ntests/a.py::test_*   no driver: *\n"

    assert read_allowed(text) == [AllowedSkip("tests/a.py::test_*", "no driver: *")]


def test_a_listed_test_may_skip_only_for_the_listed_reason() -> None:
    allowed = AllowedSkip("tests/a.py::*", "no driver: *")

    assert allowed.covers("tests/a.py::test_x", "no driver: libodbc")
    assert not allowed.covers("tests/a.py::test_x", "too slow")
    assert not allowed.covers("tests/b.py::test_x", "no driver: libodbc")
