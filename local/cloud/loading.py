"""Makes beforehand what a real Azure has already: a day of telemetry, and the CRM's rows."""

from datetime import datetime, timedelta

import requests

from local.cloud import log_analytics, resources
from local.cloud.clouds import Cloud
from local.cloud.sql.engine import Login
from shared.catalog.log_queries import LOG_QUERIES, SECURITY, USAGE
from shared.domain.times import iso

DAY = timedelta(days=1)
EARLIER = timedelta(hours=7, minutes=10)
"""Before the first day that is asked for lie the hours in which logins are compared."""
LOADED_WITHIN_S = 300
SHORTLY = timedelta(hours=2, minutes=10)
"""How far back the pages are asked for that browsers showed."""


def load_telemetry(cloud: Cloud, now: datetime) -> None:
    """Have the logs answerer play and load the day that a first tick asks for.

    A real workspace has its telemetry already; here that is seconds of work, which on a busy
    machine would not fit into a source's deadline.
    """
    texts = [SECURITY.text, *(query.text for query in LOG_QUERIES)]
    texts += [query.text for query in USAGE]
    _ask_logs(cloud, "union AppRequests, AppEvents, AppTraces | count", now - DAY - EARLIER, now)
    for text in texts:  # what a first question costs is its translation
        _ask_logs(cloud, text, now - SHORTLY, now)
    cloud.desk.inbox.clear()


def _ask_logs(cloud: Cloud, kql: str, start: datetime, end: datetime) -> None:
    requests.post(
        f"{cloud.urls['logs']}/v1/workspaces/{resources.WORKSPACE}/query",
        json={"query": kql, "timespan": f"{iso(start)}/{iso(end)}"},
        headers={"Authorization": f"Bearer {cloud.desk.keys.token(log_analytics.AUDIENCE)}"},
        timeout=LOADED_WITHIN_S,
    )


def load_rows(cloud: Cloud) -> None:
    """Have the database play and load the CRM's rows of the last day, for the same reason."""
    engine = cloud.desk.database
    session = engine.login(Login(user=engine.user, password=engine.password))
    list(session.run("SELECT COUNT_BIG(*) AS held FROM [Interaction];", {}))
    session.close()
