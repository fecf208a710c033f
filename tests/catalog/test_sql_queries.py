"""Every statement of the catalog reads documented columns, and answers what is read of it."""

import re
from pathlib import Path

import pytest

from local.cloud.sql.views import SYSTEM_VIEWS
from shared.catalog.inspection_queries import INSPECTION_QUERIES
from shared.catalog.metrics import CATALOG
from shared.catalog.sql_queries import NAME_SETS, SQL_QUERIES, SqlQuery
from tests.catalog.tsql import DOCUMENTED, FILES, logical_names, misspellings, problems

NAMES = NAME_SETS["crm"]
QUERIES = (*SQL_QUERIES, *INSPECTION_QUERIES)
FUNCTIONS = {
    "dm_exec_sql_text": {"sql_handle"},
    "dm_db_stats_properties": set[str](),
}
"""What the desk's functions have besides what they answer: what they are called with."""
LITERALS = {
    *("DATABASE", "VIEW DATABASE STATE", "VIEW SERVER STATE", "VIEW DEFINITION"),
    *("MaxSizeInBytes", "ROWS", "SpaceUsed", "USER_TABLE", "running", "sleeping"),
    *("", ",", "pantry-monitor"),
}
"""Every text that a statement may hold: words of T-SQL's own, and our own program."""
EVENTS = "end_time FROM sys.dm_db_resource_stats"
BROKEN = {
    "nothing": ("", "not one SELECT"),
    "two statements": ("SELECT 1 AS n; SELECT 2 AS n;", "not one SELECT"),
    "a change": ("DELETE FROM [sessions]", "not one SELECT"),
    "a procedure": ("EXEC sp_who2", "not one SELECT"),
    "no T-SQL": ("SELECT FROM WHERE (", "no T-SQL"),
    "another column": (f"SELECT {EVENTS}", "answers end_time, not n"),
    "an unknown column": ("SELECT ended AS n FROM sys.dm_db_resource_stats", "column ended"),
    "a column of another": (
        "SELECT r.host_name AS n FROM sys.dm_exec_requests AS r, sys.dm_exec_sessions AS s",
        "column r.host_name",
    ),
    "an unknown view": ("SELECT 1 AS n FROM sys.dm_os_waits", "documented of sys.dm_os_waits"),
    "a table of the CRM's": ("SELECT 1 AS n FROM Session", "documented of Session"),
    "an unknown name": ("SELECT 1 AS n FROM [orders]", r"documented of \[orders\]"),
    "a name of another": ("SELECT [syncs.status] AS n FROM [reports]", "syncs.status"),
    "a joined text": ("SELECT CONCAT(N'a', @since) AS n", "puts something together"),
    "an added text": ("SELECT N'a' + @since AS n", "adds to a text"),
}

each_query = pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)


def test_every_file_is_in_the_table_and_every_source_in_the_catalog() -> None:
    assert [file.stem for file in FILES] == sorted(query.name for query in QUERIES)
    sources = {query.source for query in SQL_QUERIES if query.source}
    assert sources <= {source.name for source in CATALOG.sources}


@each_query
def test_it_is_one_select_of_documented_columns_that_answers_what_is_read(query: SqlQuery) -> None:
    assert problems(query.text, query.columns, NAMES) == []


@pytest.mark.parametrize(
    ("query", "most"),
    [
        *(pytest.param(query, 99, id=query.name) for query in SQL_QUERIES),
        *(pytest.param(query, 3, id=query.name) for query in INSPECTION_QUERIES),
        *(
            pytest.param(query, 40, id=f"{query.name} in many places", marks=pytest.mark.slow)
            for query in INSPECTION_QUERIES
        ),
    ],
)
def test_a_column_that_is_misspelt_anywhere_is_noticed(query: SqlQuery, most: int) -> None:
    """Long statements are parsed slowly: of theirs at most so many places, spread over them."""
    spoiled = list(misspellings(query.text))

    assert len(spoiled) >= len(query.columns)
    tried = spoiled[:: -(-len(spoiled) // most)]
    unnoticed = [text for text in tried if not problems(text, query.columns, NAMES)]
    assert unnoticed == []


def test_a_file_with_a_renamed_column_is_noticed(tmp_path: Path) -> None:
    """As the table would read it from a spoiled copy of the folder."""
    query = next(one for one in SQL_QUERIES if one.name == "resource_stats")
    spoiled = tmp_path / "resource_stats.sql"
    spoiled.write_text(query.text.replace("avg_data_io_percent", "avg_io_percent"))

    found = problems(spoiled.read_text(), query.columns, NAMES)

    assert "nobody has the column avg_io_percent" in found
    assert any(said.startswith("it answers end_time, avg_cpu_percent, avg_io") for said in found)


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_wrong_is_said(name: str) -> None:
    text, said = BROKEN[name]

    assert re.search(said, "; ".join(problems(text, ["n"], NAMES)))


@each_query
def test_no_value_stands_in_the_text(query: SqlQuery) -> None:
    """Times and statuses are parameters; a driver never sees them in what it parses."""
    code = re.sub(r"--[^\n]*", "", query.text)

    assert set(re.findall(r"N?'([^']*)'", code)) <= LITERALS
    assert not re.search(r"[{}?%]|\bEXEC(UTE)?\b|sp_executesql", code, re.IGNORECASE)


@each_query
def test_figures_of_the_crm_are_summed_as_floats(query: SqlQuery) -> None:
    """A sum of ints is an int, and one beyond 2,147,483,647 an error."""
    figures = re.findall(r"(.{5})\[(deals\.value|reports\.durationMs)\](.{10})", query.text)

    assert {(before, after) for before, _, after in figures} <= {("CAST(", " AS FLOAT)")}


@each_query
def test_its_logical_names_are_in_every_vocabulary(query: SqlQuery) -> None:
    for names in NAME_SETS.values():
        assert logical_names(query.text) <= names.keys()


def test_every_name_of_a_vocabulary_is_used_and_all_have_the_same() -> None:
    used = set().union(*(logical_names(query.text) for query in QUERIES))

    assert all(used == names.keys() for names in NAME_SETS.values())


@pytest.mark.parametrize("view", DOCUMENTED)
def test_the_desk_has_the_documented_columns_and_no_others(view: str) -> None:
    assert SYSTEM_VIEWS[view].keys() - FUNCTIONS.get(view, set()) == set(DOCUMENTED[view])


@each_query
def test_it_carries_our_mark_by_which_query_store_knows_it(query: SqlQuery) -> None:
    """Within the statement: comments before it are not kept."""
    code = re.sub(r"^--[^\n]*\n", "", query.text, flags=re.MULTILINE)

    assert re.match(r"(SELECT|WITH) /\* pantry-monitor \*/ ?\n?", code)


@each_query
def test_its_parameters_are_those_of_the_table_and_stand_in_no_comment(query: SqlQuery) -> None:
    """A driver counts what it finds in the text, comments too."""
    named = set(re.findall(r"(?<![@\w])@(\w+)", query.text))

    assert named == set(query.parameters)
    assert "@" not in "".join(re.findall(r"--[^\n]*", query.text)).replace("@@SPID", "")
