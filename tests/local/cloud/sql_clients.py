"""The two clients of the database, each as its driver is: one way to connect, ask and fail."""

import importlib
import re
import struct
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytds
import pytest

from local.odbc import NoOdbc, driver

USER, PASSWORD, PROGRAM = "reader", "pä$$wörd", "pantry-test"
TOKEN_ATTRIBUTE = 1256
DATETIMEOFFSET = -155

LOGIN_TIMEOUT = 30
"""A loaded machine is slow, not wrong."""


class Client(Protocol):
    """How a test connects; `mark` stands for a parameter, `tls` is the version it speaks."""

    name: str
    mark: str
    tls: str

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """Whatever it raises when the database or the way there fails."""
        ...

    def connect(
        self,
        url: str,
        *,
        cafile: Path | None = None,
        token: str = "",
        password: str = PASSWORD,
        timeout: int = 0,
        login_timeout: int = LOGIN_TIMEOUT,
        autocommit: bool = True,
    ) -> Any: ...

    def number(self, error: BaseException) -> int:
        """The server's number of an error."""
        ...


class Odbc:
    """Microsoft's own driver, under pyodbc."""

    name = "pyodbc"
    mark = "?"
    tls = "TLSv1.3"

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        return (_pyodbc().Error,)

    def connect(
        self,
        url: str,
        *,
        cafile: Path | None = None,
        token: str = "",
        password: str = PASSWORD,
        timeout: int = 0,
        login_timeout: int = LOGIN_TIMEOUT,
        autocommit: bool = True,
    ) -> Any:
        pyodbc = _pyodbc()
        pyodbc.pooling = False
        where = urlsplit(url)
        encrypt = "yes;TrustServerCertificate=yes" if cafile else "no"
        who = "" if token else f"UID={USER};PWD={{{password}}};"
        text = f"DRIVER={driver()};SERVER={where.hostname},{where.port};DATABASE=pantry;{who}"
        connection = pyodbc.connect(
            f"{text}APP={PROGRAM};Encrypt={encrypt};ConnectRetryCount=0",
            autocommit=autocommit,
            timeout=login_timeout,
            attrs_before={TOKEN_ATTRIBUTE: _packed(token)} if token else {},
        )
        connection.timeout = timeout
        connection.add_output_converter(DATETIMEOFFSET, _moment)
        return connection

    def number(self, error: BaseException) -> int:
        numbers = re.findall(r"\((\d+)\)", str(error.args[1]))
        return int(numbers[0])


class PurePython:
    """python-tds."""

    name = "python-tds"
    mark = "%s"
    tls = "TLSv1.2"
    # Over bytes that are no TDS it stumbles with a ValueError.
    errors = (pytds.Error, OSError, ValueError)

    def connect(
        self,
        url: str,
        *,
        cafile: Path | None = None,
        token: str = "",
        password: str = PASSWORD,
        timeout: int = 0,
        login_timeout: int = LOGIN_TIMEOUT,
        autocommit: bool = True,
    ) -> Any:
        where = urlsplit(url)
        who = {"access_token_callable": lambda: token} if token else {}
        return pytds.connect(
            where.hostname,
            "pantry",
            "" if token else USER,
            "" if token else password,
            port=where.port,
            appname=PROGRAM,
            cafile=str(cafile) if cafile else None,
            timeout=timeout or None,
            login_timeout=login_timeout,
            disable_connect_retry=True,
            autocommit=autocommit,
            **who,
        )

    def number(self, error: BaseException) -> int:
        # It tries again until its login timeout (so a refusal wants a short one), and then says
        # only that.
        said: Any = error.__cause__ or error
        return int(said.number)


def skip_without_odbc(client: Client) -> None:
    """A visible skip where the machine can't load Microsoft's driver."""
    if client.name == Odbc.name:
        try:
            driver()
        except NoOdbc as missing:
            pytest.skip(f"ODBC: {missing}")


def _pyodbc() -> Any:
    """Not imported above: it loads libodbc, which may be missing."""
    return importlib.import_module("pyodbc")


def _packed(token: str) -> bytes:
    encoded = token.encode("utf-16-le")
    return struct.pack("<I", len(encoded)) + encoded


def _moment(data: bytes) -> datetime:
    """A datetimeoffset, which pyodbc leaves to its caller."""
    *parts, nanoseconds, hours, minutes = struct.unpack("<6hI2h", data)
    zone = timezone(timedelta(hours=hours, minutes=minutes)) if hours or minutes else UTC
    year, month, day, hour, minute, second = parts
    return datetime(year, month, day, hour, minute, second, nanoseconds // 1000, zone)
