"""The benchmark of the audit log: short logs on both databases."""

from pathlib import Path

import pytest

from bench import audit_chain, audit_cost
from bench.audit_chain import Figures, Plan
from bench.audit_cost import Cost
from tests.reporting import missing_tool
from tools.mysql import MySQLUnavailableError

PLAN = Plan(records=200, faults=15, short_records=40)


@pytest.mark.parametrize("database", ["SQLite", "MySQL"])
def test_eight_processes_leave_a_chain_in_which_every_change_is_named(tmp_path: Path, database: str) -> None:
    """The log of eight processes has no gap and verifies, and each change in the database and in the export is named."""
    try:
        [figures] = audit_chain.measure(tmp_path, PLAN, (database,))
    except MySQLUnavailableError as error:
        missing_tool(str(error))

    assert (200, 0, []) == (figures.records, figures.gaps, figures.problems)
    assert (8 * PLAN.faults, []) == (figures.faults, figures.wrong)
    assert not figures.is_over
    assert len(audit_chain.HEAD) == len(audit_chain.rows([figures])[0])


def test_a_gap_or_a_change_without_a_name_is_told() -> None:
    """Either fails the run."""
    assert Figures("SQLite", 1, 1.0, gaps=1, verify_seconds=1.0).is_over
    assert Figures("SQLite", 1, 1.0, gaps=0, verify_seconds=1.0, wrong=["swap"]).is_over
    assert not Figures("SQLite", 1, 1.0, gaps=0, verify_seconds=1.0).is_over


def test_measures_requests_with_and_without_their_records(tmp_path: Path) -> None:
    """Each kind of request is made as often with a record as without."""
    costs = audit_cost.measure(tmp_path, 2, ("SQLite",))

    assert set(audit_cost.WRITES) < {cost.name for cost in costs}
    assert all(len(cost.seconds[True]) == len(cost.seconds[False]) == 2 for cost in costs)
    assert len(audit_cost.HEAD) == len(audit_cost.rows(costs)[0])


def test_a_record_that_takes_more_than_it_may_is_told() -> None:
    """20 % of a request that writes are too much; a request that reads has no limit."""
    seconds = {True: [10.0], False: [8.0]}

    assert Cost("SQLite", "create a stack", seconds).is_over
    assert not Cost("SQLite", "export a state", seconds).is_over
    assert not Cost("SQLite", "create a stack", {True: [10.0], False: [9.0]}).is_over
