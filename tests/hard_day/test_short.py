"""A hard day of less than a minute; `make hard-day` has the long one, and docs/reliability.md what that came to."""

import pytest

from tests.hard_day.day import Plan, run
from tests.hard_day.faults import KINDS
from tests.mysql.shared import SharedServer

SHORT = ("server killed (one server)", "disk full", "connections of clients lost")
SHORT_ON_MYSQL = ("failover of the database", "object store lies", "requests repeated and out of order (two servers)")


@pytest.mark.slow
@pytest.mark.parametrize("names", [SHORT, SHORT_ON_MYSQL], ids=["laptop", "cloud"])
def test_loses_nothing_that_was_acknowledged(names: tuple[str, ...], request: pytest.FixtureRequest) -> None:
    """After each kind of fault every acknowledged write is in the exported state, and no write is there by half."""
    if names is SHORT_ON_MYSQL:
        # Skips, or fails where it must not, if this machine can have no MySQL.
        assert isinstance(request.getfixturevalue("mysql_server"), SharedServer)
    kinds = [kind for kind in KINDS if kind.name in names]

    outcome = run(Plan(seed=7, stacks=4, rounds=1, round_seconds=1.5, patience_seconds=15), kinds)

    assert [] == outcome.findings.problems
    assert len(names) == len(outcome.rows)
    assert outcome.faults > len(names)
    assert sum(row.acknowledged for row in outcome.rows) > 0
