"""The benchmark of updates beside receivers of webhooks that misbehave."""

from pathlib import Path

from bench import webhook_cost
from bench.webhook_cost import GOOD, RECEIVERS, Cost


def test_measures_updates_with_each_receiver(tmp_path: Path) -> None:
    """Each kind of receiver gets as many updates, and has a line in the table."""
    costs = webhook_cost.measure(tmp_path, 1)

    assert list(RECEIVERS) == [cost.receiver for cost in costs]
    assert all(len(cost.seconds) == 1 for cost in costs)
    assert len(webhook_cost.HEAD) == len(webhook_cost.rows(costs)[0])


def test_an_update_that_takes_longer_is_told() -> None:
    """3 % more are over the limit, and 1 % more are not."""
    good = Cost(GOOD, seconds=[1.0])

    assert Cost("is slow", good, seconds=[1.03]).is_over
    assert not Cost("is slow", good, seconds=[1.01]).is_over
    assert not good.is_over
