"""A machine without ODBC's libraries reads the database all the same, and says by what."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from local.azurite import Account
from local.cloud import identity, resources
from local.cloud.answerers import Desk
from local.cloud.clouds import Cloud, running_cloud
from local.cloud.sql import answerer as sql
from local.world.truth import truth
from shared.domain.times import floor_minute, iso
from tests.adapters.sql_desk import RUSH_HOUR, TARGET, a_busy_world
from tests.local.cloud.handmade import StillClock

ROOT = Path(__file__).parents[2]
NOW = RUSH_HOUR + timedelta(minutes=12, seconds=20)
# As Python says it of a compiled module whose library is not there.
BROKEN = 'raise ImportError("libodbc.so.2: cannot open shared object file: No such file")\n'
READING = """
import logging, sys
from datetime import datetime
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
from shared import bootstrap
bootstrap.warn()
bootstrap.warn()
(group,) = bootstrap.house().groups
now = datetime.fromisoformat(sys.argv[2])
for _ in range(2):
    (answer,) = group.read(sys.argv[1], since={"sessions": None}, now=now)
print(answer.samples[0].value, "pyodbc" in sys.modules)
"""


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    desk = Desk(world=a_busy_world(1), clock=StillClock(NOW))
    with running_cloud(desk, [sql.answerer, identity.answerer]) as running:
        yield running


@pytest.fixture
def without_odbc(tmp_path: Path) -> Path:
    (tmp_path / "pyodbc.py").write_text(BROKEN, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("setting", ["", "python-tds"])
def test_without_odbc_the_database_is_read_and_one_line_says_how(
    cloud: Cloud, storage: Account, without_odbc: Path, setting: str
) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{without_odbc}{os.pathsep}{ROOT}",
        "NO_PROXY": "*",
        "AzureWebJobsStorage": storage.connection_string,
        "SQL_DATABASE_ID": resources.DATABASE,
        "SQL_HOST": cloud.urls[sql.NAME].removeprefix("tcp://"),
        "SQL_DRIVER": setting,
        **cloud.identity_environment,
    }

    read = subprocess.run(
        [sys.executable, "-c", READING, TARGET, iso(NOW)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert read.returncode == 0, read.stderr
    real = truth(cloud.desk.world, "connectionCount", floor_minute(NOW))
    assert read.stdout.split() == [str(float(real or 0)), "False"]
    assert read.stderr.count("INFO databases are read by python-tds\n") == 1
    visits = cloud.desk.visits.all()
    assert [visit.program for visit in visits] == ["pantry-monitor"] * 2
