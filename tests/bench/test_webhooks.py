"""The benchmark of updates beside receivers of webhooks that misbehave."""

from pathlib import Path

from bench import webhook_cost
from bench.webhook_cost import GOOD, NONE, RUN, Cost


def test_measures_updates_with_each_receiver(tmp_path: Path) -> None:
    """Each kind of receiver gets as many updates, and has a line in the table; events arrive while updates run."""
    kinds = (NONE, GOOD, "answers 500")
    costs = webhook_cost.measure(tmp_path, 1, kinds)

    assert list(kinds) == [cost.receiver for cost in costs]
    assert all(len(cost.seconds) == RUN - 1 for cost in costs)
    assert all(len(webhook_cost.HEAD) == len(row) for row in webhook_cost.rows(costs))
    assert 0 == costs[0].arrived
    assert 0 < costs[1].arrived


def test_an_update_that_takes_longer_is_told() -> None:
    """3 % more than with a good receiver are over the limit, and 1 % more are not; what a webhook costs has no limit."""
    none, good = Cost(NONE, seconds=[0.5]), Cost(GOOD, seconds=[1.0])
    good.none = none

    assert Cost("is slow", seconds=[1.03], good=good).is_over
    assert not Cost("is slow", seconds=[1.01], good=good).is_over
    assert not good.is_over
