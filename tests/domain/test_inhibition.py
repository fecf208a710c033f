"""The order in which rules are judged when some of them inhibit others."""

from shared.domain.inhibition import circle, in_waves


def test_whoever_inhibits_is_judged_in_a_wave_before() -> None:
    inhibitors = {"app": ["database"], "queue": ["app"], "database": [], "page": []}

    assert in_waves(inhibitors) == [["database", "page"], ["app"], ["queue"]]


def test_rules_of_one_wave_keep_their_order() -> None:
    assert in_waves({"b": [], "a": [], "c": []}) == [["b", "a", "c"]]


def test_an_inhibitor_that_is_not_there_holds_nobody_up() -> None:
    assert in_waves({"app": ["gone"], "page": ["app", "gone"]}) == [["app"], ["page"]]


def test_a_circle_comes_together_and_last() -> None:
    inhibitors = {"a": ["b"], "page": [], "b": ["a"], "after": ["a"]}

    assert in_waves(inhibitors) == [["page"], ["a", "b", "after"]]


def test_a_circle_is_named_from_its_first_rule_round_to_it_again() -> None:
    around = circle({"a": ["b"], "b": ["c"], "c": ["a"], "page": ["a"]})

    assert around[0] == around[-1]
    assert sorted(around[1:]) == ["a", "b", "c"]


def test_where_nobody_goes_round_there_is_no_circle() -> None:
    assert circle({"a": ["b"], "b": ["gone"], "c": []}) == []


def test_no_rules_make_no_waves() -> None:
    assert in_waves({}) == []
