"""How many resources an organization had over time."""

from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.usage import Count, Granularity, sum_up
from common.rights.caller import Caller
from common.stacks.service import lifecycle
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.people import make_user
from tests.factories.stacks import make_stack, make_version

USAGE = "/api/orgs/acme/resources/summary"
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)  # a Wednesday


def at(hours: float, count: int, stack: str = "a") -> Count:
    """Return a count at some hours after noon."""
    return Count(stack, unix_millis(NOON + timedelta(hours=hours)), count)


class TestSums:
    def test_by_hour(self) -> None:
        """A resource that exists for half of an hour is half a resource hour; the count is that of the period's end."""
        found = sum_up([at(0.5, 4), at(1.5, 10)], NOON, NOON + timedelta(hours=3), Granularity.HOURLY)

        assert [(4, 2), (10, 7), (10, 10)] == [(item.count, item.hours) for item in found]

    def test_begin_with_what_was_there(self) -> None:
        """What stacks had before counts from the beginning, and stacks are added up."""
        counts = [at(-50, 3), at(-20, 5, "b"), at(1, 0)]
        found = sum_up(counts, NOON, NOON + timedelta(hours=2), Granularity.HOURLY)

        assert [(8, 8), (5, 5)] == [(item.count, item.hours) for item in found]

    @pytest.mark.parametrize(
        ("granularity", "begins"),
        [
            (Granularity.DAILY, ["2026-11-25 12", "2026-11-26 00", "2026-11-27 00"]),
            (Granularity.WEEKLY, ["2026-11-25 12", "2026-11-30 00"]),
            (Granularity.MONTHLY, ["2026-11-25 12", "2026-12-01 00"]),
            (Granularity.YEARLY, ["2026-11-25 12", "2027-01-01 00"]),
        ],
    )
    def test_begin_at_midnight(self, granularity: Granularity, begins: list[str]) -> None:
        """Days, weeks, months and years begin at midnight, UTC; the first one begins where the summary does."""
        found = sum_up([at(-1, 1)], NOON, NOON + timedelta(days=60), granularity)

        assert begins == [f"{item.begin:%Y-%m-%d %H}" for item in found[: len(begins)]]
        assert 60 * 24 == sum(item.hours for item in found)

    def test_of_nothing(self) -> None:
        """An organization without stacks has no summary."""
        assert [] == sum_up([], NOON, NOON + timedelta(days=1), Granularity.DAILY)


class TestCall:
    def test_sums_up_stacks(self, backend: Backend, admin: Caller, client: TestClient, clock: FrozenClock) -> None:
        """The last period has what stacks have now; a stack that was deleted counts until then."""
        make_version(backend, admin, make_stack(backend, admin), "a", "b")
        other = make_stack(backend, admin, "prod")
        make_version(backend, admin, other, "a")
        clock.pass_seconds(3600)
        lifecycle.delete(backend, admin, other, force=True)
        clock.pass_seconds(3600)
        summary = client.get(USAGE, params={"lookbackDays": "2", "granularity": "daily"}).json()["summary"]

        assert (2, 5) == (summary[-1]["resources"], sum(item["resourceHours"] for item in summary))
        assert {"year", "month", "day", "weekNumber", "hour"} < summary[-1].keys()

    def test_of_nothing_has_no_body(self, client: TestClient) -> None:
        """Without stacks there is nothing to sum up."""
        reply = client.get(USAGE, params={"lookbackDays": "30"})

        assert (204, b"") == (reply.status_code, reply.content)

    @pytest.mark.parametrize(
        "query",
        [
            {},
            {"lookbackDays": "1", "lookbackStart": "1"},
            {"lookbackDays": "0"},
            {"lookbackStart": "9" * 400},
            {"lookbackDays": "367"},
            {"lookbackDays": "3", "granularity": "hourly"},
            {"lookbackDays": "1", "granularity": "sometimes"},
            {"lookbackStart": "1"},
            {"lookbackStart": "99999999999"},
            {"lookbackDays": "9" * 30},
        ],
    )
    def test_refuses_other_spans(self, client: TestClient, query: dict[str, str]) -> None:
        """A summary begins some days ago or at a moment, and has no more periods than can be read."""
        assert 400 == client.get(USAGE, params=query).status_code

    def test_costs_three_statements(self, backend: Backend, admin: Caller, client: TestClient, counter: Counter) -> None:
        """The caller, what was there before, and what came since."""
        make_version(backend, admin, make_stack(backend, admin), "a")
        client.get(USAGE, params={"lookbackDays": "30"})
        counter.reset()
        client.get(USAGE, params={"lookbackDays": "30"})

        assert (3, 0, 0, 0) == counter.cost

    def test_is_hidden_from_strangers(self, backend: Backend, client: TestClient) -> None:
        """A stranger gets the answer of an organization that does not exist."""
        stranger = {"Authorization": f"token {make_user(backend, 'eve')}"}

        assert 404 == client.get(USAGE, params={"lookbackDays": "30"}, headers=stranger).status_code
