"""Where Microsoft's driver is, by distribution, and what is said where it can't be loaded."""

from pathlib import Path

import pytest

from local import odbc
from local.odbc import NoOdbc, driver, folder_for


def test_it_is_a_file_of_the_wheel_in_braces() -> None:
    try:
        found = driver()
    except NoOdbc as missing:
        pytest.skip(f"ODBC: {missing}")
    assert (found[0], found[-1]) == ("{", "}")
    assert Path(found[1:-1]).is_file()


@pytest.mark.parametrize(
    ("release", "folder"),
    [
        ({"ID": "debian"}, "debian_ubuntu"),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "debian_ubuntu"),
        ({"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, "debian_ubuntu"),
        ({"ID": "rocky", "ID_LIKE": "rhel centos fedora"}, "rhel"),
        ({"ID": "opensuse-leap", "ID_LIKE": "suse opensuse"}, "suse"),
        ({"ID": "alpine"}, "alpine"),
    ],
    ids=lambda one: one if isinstance(one, str) else one["ID"],
)
def test_a_distribution_has_the_folder_of_its_family(release: dict[str, str], folder: str) -> None:
    assert folder_for(release) == folder


def test_an_unknown_distribution_is_named() -> None:
    with pytest.raises(NoOdbc, match="no driver for plan9: only for debian, ubuntu"):
        folder_for({"ID": "plan9"})


def test_missing_libraries_are_said_by_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(odbc, "LIBRARIES", {"libnowhere.so.9": "libnowhere9"})
    with pytest.raises(NoOdbc, match="libnowhere9"):
        driver()


def test_an_unknown_machine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(odbc, "LIBRARIES", {})
    monkeypatch.setattr("platform.machine", lambda: "s390x")
    with pytest.raises(NoOdbc, match="no driver for s390x, only for x86_64 and arm64"):
        driver()
