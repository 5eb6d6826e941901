from starlette.testclient import TestClient

from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.stacks import creation
from tests.wire import begin, create_stack


class TestRunningUpdate:
    """Clients read from `lastUpdate` whether an update runs: 0 says so, none at all that there never was one."""

    def summary(self, client: TestClient, name: str = "dev") -> tuple[int | None, int | None]:
        """Return (lastUpdate, resourceCount) of a stack in the list, None for an absent value."""
        found = client.get("/api/user/stacks", params={"organization": "acme", "project": "shop"}).json()["stacks"]
        [one] = [one for one in found if one["stackName"] == name]
        return one.get("lastUpdate"), one.get("resourceCount")

    def test_looks_like_one(self, client: TestClient, clock: FrozenClock) -> None:
        """It says so from its start to its end, and afterwards when that was; a preview is not a running update."""
        stack = create_stack(client)
        assert (None, None) == self.summary(client)
        begin(client, stack, dry_run=True)
        assert (None, None) == self.summary(client)
        first = begin(client, stack)
        assert (0, 0) == self.summary(client)
        first.journal(*creation("a", 1))
        clock.pass_seconds(10)
        first.complete()
        ended = int(clock.now().timestamp())
        assert (ended, 1) == self.summary(client)
        begin(client, stack, dry_run=True)
        assert (ended, 1) == self.summary(client)

        second = begin(client, stack)
        assert (0, 1) == self.summary(client)
        second.cancel()
        assert (ended, 1) == self.summary(client)

    def test_is_over_when_its_lease_ran_out(self, client: TestClient, clock: FrozenClock) -> None:
        """A stack with an abandoned update is free, and the list shows it."""
        stack, began = create_stack(client), int(clock.now().timestamp())
        begin(client, stack)
        clock.pass_seconds(305)

        assert (began, 0) == self.summary(client)

    def test_has_a_duration_that_is_not_negative(self, client: TestClient, clock: FrozenClock) -> None:
        """Clients subtract the start from the end whatever the result is."""
        stack = create_stack(client)
        begin(client, stack)
        [entry] = client.get(f"{stack}/updates", params={"pageSize": 1, "page": 1}).json()["updates"]

        assert ("in-progress", True) == (entry["result"], entry["endTime"] >= entry["startTime"])

    def test_costs_the_list_no_statement(self, client: TestClient, counter: Counter) -> None:
        """A page is one statement beside those of the caller, however many of its stacks are running."""
        for name in "abc":
            begin(client, create_stack(client, name))
        client.get("/api/user/stacks")
        counter.reset()
        client.get("/api/user/stacks")

        assert 2 == counter.statements
