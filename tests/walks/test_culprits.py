"""The mail about a storm names the query that made it, without what that query looked for."""

import json
import re

from local.rig import TARGET
from local.world.running import BAD_QUERY
from local.world.scripts import script_named
from shared.domain.times import MINUTE
from tests.walks.faulting import START, a_walk

STORY = script_named("default", START)
QUIET = {"HEALTH_URL": "", "LOG_ANALYTICS_WORKSPACE_ID": ""}
LITERALS = re.compile(r"N'%([^']+)%'")


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
