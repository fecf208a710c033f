"""Finds Microsoft's ODBC driver as its wheel brings it, and says what the machine lacks for it."""

import ctypes
import importlib.util
import platform
from collections.abc import Mapping
from pathlib import Path

PACKAGE = "mssql_python_odbc"
# What the driver and pyodbc load from the system, and the Debian packages that bring it.
LIBRARIES = {
    "libodbc.so.2": "libodbc2",
    "libltdl.so.7": "libltdl7",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
}
_FOLDERS = {
    "debian": "debian_ubuntu",
    "ubuntu": "debian_ubuntu",
    "rhel": "rhel",
    "fedora": "rhel",
    "suse": "suse",
    "alpine": "alpine",
}
_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


class NoOdbc(Exception):
    """Why the database can't be reached by ODBC here, as a sentence that says what would help."""


def driver() -> str:
    """The DRIVER of a connection string, with its braces; raises NoOdbc."""
    missing = [package for library, package in LIBRARIES.items() if not _loads(library)]
    if missing:
        raise NoOdbc(f"the system's {', '.join(missing)} can't be loaded: install with apt-get")
    return f"{{{_driver_file()}}}"


def _driver_file() -> Path:
    folder = _libraries() / _folder() / _machine() / "lib"
    found = sorted(folder.glob("libmsodbcsql-*.so.*"))
    if not found:
        raise NoOdbc(f"{PACKAGE} has no driver for this machine: there is none in {folder}")
    return found[-1]


def _libraries() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise NoOdbc("the driver is not installed: it comes with requirements-dev.txt")
    return Path(spec.origin).parent / "libs" / "linux"


def _machine() -> str:
    machine = platform.machine().lower()
    if machine not in _MACHINES:
        raise NoOdbc(f"there is no driver for {machine}, only for x86_64 and arm64")
    return _MACHINES[machine]


def _folder() -> str:
    try:
        release = platform.freedesktop_os_release()
    except OSError as error:
        raise NoOdbc("the driver is looked for on Linux alone, and this is no Linux") from error
    return folder_for(release)


def folder_for(release: Mapping[str, str]) -> str:
    """The wheel's folder for a distribution, by its os-release; raises NoOdbc for another."""
    families = [release.get("ID", ""), *release.get("ID_LIKE", "").split()]
    known = [_FOLDERS[family] for family in families if family in _FOLDERS]
    if not known:
        raise NoOdbc(f"there is no driver for {families[0]}: only for {', '.join(_FOLDERS)}")
    return known[0]


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
