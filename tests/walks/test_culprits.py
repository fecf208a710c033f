"""What a database suffers from is named while it lasts: the storm's query, the head of a chain."""

import json
import re

import pytest

from local.rig import TARGET
from local.world.running import BAD_QUERY, FORGOTTEN
from local.world.scenes import Blocking
from local.world.scripts import script_named
from shared.domain.culprits import masked
from shared.domain.times import HOUR, MINUTE
from shared.services.advise import advise
from shared.services.notice import blockings
from tests.walks.faulting import START, a_walk

STORY = script_named("default", START)
QUIET = {"HEALTH_URL": "", "LOG_ANALYTICS_WORKSPACE_ID": ""}
LITERALS = re.compile(r"N'%([^']+)%'")


@pytest.mark.slow
def test_who_kept_sessions_waiting_is_known_long_after_by_the_real_statement() -> None:
    """One look more than the visits of four minutes; the advice names what was forgotten."""
    began = START + 4 * HOUR
    with a_walk(Blocking(began), **QUIET) as walk:
        walk.play(1)
        walk.skip((began - walk.next) // MINUTE)
        visits = walk.rig.desk.visits
        visits.clear()
        walk.play(4)
        logins = len(visits.all())
        walk.next = began + 5 * HOUR
        [chain] = blockings(TARGET, house=walk.rig.house, now=walk.next)
        advised = advise(TARGET, None, house=walk.rig.house, now=walk.next)

    assert (logins, chain.looks) == (5, 1)
    assert chain.chain.text == masked(FORGOTTEN)
    assert chain.chain.is_idle
    [advice] = [one for one in advised if one.kind == "blocking_chain"]
    assert advice.statement == masked(FORGOTTEN)
    assert advice.script is None


def test_the_storms_mail_names_the_query_with_its_literals_masked() -> None:
    storm = STORY.scenes[0]
    masked = LITERALS.sub("?", BAD_QUERY)
    with a_walk(*STORY.scenes, **QUIET) as walk:
        walk.play(1)
        walk.skip((storm.begins - START) // MINUTE)
        walk.play(2)

        (mail,) = walk.rig.desk.inbox.records("email")[:1]
        (alert,) = walk.alerts()
    text = json.loads(mail.body)["content"]["plainText"]
    assert f" ms CPU: {masked}\n" in f"{text}\n"
    assert "5 sessions, the first of them session 51 (node-mssql on pantry-crm-0)" in text
    assert len(LITERALS.findall(BAD_QUERY)) == 2
    for literal in LITERALS.findall(BAD_QUERY):
        assert f"%{literal}%".encode() not in mail.body
    assert alert.target == TARGET
    assert alert.culprits[0].statement == masked
