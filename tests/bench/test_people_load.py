from pathlib import Path

from bench import people_load
from bench.people_load import STATEMENTS, Ask, ListCost
from bench.people_rows import Size
from bench.report import Report, add_people
from tests.reporting import missing_tool
from tools.mysql import MySQLUnavailableError

SMALL = Size(orgs=2, stacks=12, members=8, teams=2)


def test_measures_every_list_of_a_small_installation(tmp_path: Path) -> None:
    """Each list is asked as often as was said, answers with something, and gets a line in the table."""
    try:
        people = people_load.measure(tmp_path, SMALL, 1)
    except MySQLUnavailableError as error:
        missing_tool(str(error))
    report = Report()
    add_people(report, people)

    assert people_load.asks(SMALL) == [cost.ask for cost in people.lists]
    assert all(len(cost.seconds) == 1 and 0 < cost.statements <= STATEMENTS for cost in people.lists)
    assert {"metadata", "metadata of a stack"} == {cost.ask.name for cost in people.lists if not cost.entries}
    [table] = report.sections
    assert len(people.lists) == table.count("\n| ") - 1


def test_a_list_of_too_many_statements_is_told() -> None:
    """One statement more than allowed is over, and as many as allowed are not."""
    ask = Ask("stacks", "admin", "alice", "/api/user/stacks")

    assert ListCost(ask, STATEMENTS + 1).is_over
    assert not ListCost(ask, STATEMENTS).is_over
