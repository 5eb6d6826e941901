"""What an installation used in a month, worked out from the times of its updates."""

import pytest

from common.installation.costs.model import Counted, Run, awake_hours, busy_millis

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def runs(*times: tuple[int, int]) -> list[Run]:
    """Updates from one moment to another."""
    return [Run(is_preview=False, began_at=began_at, ended_at=ended_at) for began_at, ended_at in times]


class TestBusyMillis:
    @pytest.mark.parametrize(
        ("times", "busy"), [((), 0), (((0, 10), (20, 25)), 15), (((5, 10), (0, 7), (8, 9)), 10), (((30, 20),), 0)]
    )
    def test_counts_a_moment_once(self, times: tuple[tuple[int, int], ...], busy: int) -> None:
        """Time in which several updates run counts once; one that ended before it began, by another clock, takes none."""
        assert busy == busy_millis(runs(*times))


class TestAwakeHours:
    def test_wakes_once_a_day(self) -> None:
        """Without any update the jobs wake the database for ten minutes a day."""
        assert 5 == awake_hours([], 30)

    def test_stays_awake_after_an_update_and_wakes_for_the_jobs(self) -> None:
        """An update of 40 minutes takes 50, and ten more an hour later; one that comes before the jobs saves their ten."""
        one = awake_hours(runs((0, 40 * MINUTE)), 1)
        two = awake_hours(runs((0, 40 * MINUTE), (80 * MINUTE, 110 * MINUTE)), 1)

        assert 1 == one
        assert (50 + 40 + 10) / 60 == pytest.approx(two)

    def test_is_never_more_than_all_of_them(self) -> None:
        """A database that is always in use is awake all day."""
        assert 24 == awake_hours(runs((0, 3 * DAY)), 1)


def test_a_month_is_as_busy_as_the_days_that_were_counted() -> None:
    """What was counted in ten days is taken to go on like that for the 730 hours of a month; what is kept is as it is."""
    preview = Run(is_preview=True, began_at=0, ended_at=HOUR)
    counted = Counted(10, (*runs((0, HOUR)), preview), 2, 5, 5, 2_000_000_000, 1_000_000_000)
    usage = counted.usage

    assert (1, 1) == (counted.updates, counted.previews)
    assert 73 / 24 == pytest.approx(usage.updates)
    assert (3600 * 73 / 24, 2 * 3600 * 73 / 24) == pytest.approx((usage.busy_seconds, usage.total_seconds))
    assert (2, 1) == (usage.document_gb, usage.database_gb)
    assert 60 * 2 * usage.updates == usage.requests
