import pytest

from local.cloud.sql.batches import split
from local.cloud.sql.engine import SqlError
from tests.local.cloud.sql.asking import PREFIX


def _texts(batch: str) -> list[str]:
    return [statement.text.strip() for statement in split(batch)]


@pytest.mark.parametrize(
    ("batch", "texts"),
    [
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]),
        (";; SELECT 1 ;;", ["SELECT 1"]),
        ("SELECT ';' AS [a;b] -- ;\n; SELECT 2", ["SELECT ';' AS [a;b]", "SELECT 2"]),
        ("/* ; */ SELECT /* ; */ 1; -- the end", ["SELECT /* ; */ 1"]),
        ("SELECT N'it''s; fine'", ["SELECT N'it''s; fine'"]),
        ("SET NOCOUNT ON SELECT 1", ["SET NOCOUNT ON", "SELECT 1"]),
        ("set nocount on set lock_timeout -1; select 1", None),
        ("", []),
        (" -- nothing\n", []),
    ],
)
def test_statements_end_at_semicolons_and_after_a_set(batch: str, texts: list[str] | None) -> None:
    expected = ["set nocount on", "set lock_timeout -1", "select 1"] if texts is None else texts
    assert _texts(batch) == expected


def test_the_monitors_prefix_is_four_sets_and_the_level_is_understood() -> None:
    statements = split(PREFIX + "SELECT 1")
    assert [statement.is_set for statement in statements] == [True] * 4 + [False]
    assert [statement.isolation_level for statement in statements] == [None, None, None, 1, None]


def test_a_statement_knows_its_place_in_the_batch() -> None:
    batch = "SET NOCOUNT ON; SELECT 1; SELECT  N'é' ;"
    for statement in split(batch):
        assert batch[statement.begins : statement.ends] == statement.text
    assert split(batch)[-1].text == "SELECT  N'é'"


@pytest.mark.parametrize(
    ("batch", "number"),
    [("SET FANCY ON", 195), ("SELECT 'open", 102), ("SELECT [open", 102)],
)
def test_what_no_server_takes_is_refused(batch: str, number: int) -> None:
    with pytest.raises(SqlError) as refused:
        split(batch)
    assert refused.value.number == number
