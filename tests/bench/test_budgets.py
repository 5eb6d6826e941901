import pytest

from bench import budgets
from bench.budgets import Kind


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Kind]:
    return {kind.name: kind for kind in budgets.measure(tmp_path_factory.mktemp("budgets"), 2)}


@pytest.mark.parametrize("name", budgets.BUDGETS)
def test_a_request_keeps_within_its_budget(kinds: dict[str, Kind], name: str) -> None:
    """No kind of request needs more statements, blob calls or key calls than its budget allows."""
    kind = kinds[name]

    assert kind.costs, "it was played"
    assert not kind.is_over, f"{name} costs {kind.cost}, {budgets.BUDGETS[name]} allowed"


def test_a_kind_over_its_budget_is_told() -> None:
    """One statement more than allowed is over the budget, and as many as allowed are not."""
    statements, gets, puts, keys = budgets.BUDGETS["export"]

    assert Kind("export", [(statements + 1, gets, puts, keys)]).is_over
    assert not Kind("export", [(statements, gets, puts, keys)]).is_over
