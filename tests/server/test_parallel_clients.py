"""Many clients at the same time, against real server processes."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from httpx2 import Client, Response

from tests.dialects import NewDatabase
from tests.factories.stacks import creation
from tests.server.server_process import Served
from tests.server.serving import at_once, client_of, serving
from tests.wire import IN_PROGRESS, begin, create_stack, create_update, error_of, export, resources_of, start_update

BUSY_SECONDS = 30


@pytest.fixture(scope="module", params=[1, 4], ids=["1-worker", "4-workers"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase
) -> Iterator[Served]:
    """A server of one process, and one of four, on each database."""
    with new_database() as settings, serving(tmp_path_factory.mktemp("served"), request.param, settings) as found:
        yield found


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    """The administrator's client."""
    with client_of(served) as found:
        yield found


class TestNewStackIsFound:
    WORKERS, ROUNDS = 12, 2

    def life(self, served: Served, number: int) -> list[tuple[str, int]]:
        """Run whole lives of stacks, each call on a connection of its own, and return what each answered."""
        found = []
        client = client_of(served, kept_connections=0)

        def call(name: str, method: str, path: str, **arguments: Any) -> Response:
            reply = client.request(method, path, **arguments)
            found.append((name, reply.status_code))
            return reply

        for round_number in range(self.ROUNDS):
            stack = f"/api/stacks/acme/par/w{number}-{round_number}"
            call("create", "POST", "/api/stacks/acme/par", json={"stackName": f"w{number}-{round_number}"})
            call("read", "GET", stack)
            update = call("update", "POST", f"{stack}/update", json={"options": {"dryRun": False}}).json()["updateID"]
            token = call("start", "POST", f"{stack}/update/{update}", json={"journalVersion": 1}).json()["token"]
            call("export", "GET", f"{stack}/export")
            lease = {"Authorization": f"update-token {token}"}
            call("complete", "POST", f"{stack}/update/{update}/complete", json={"status": "succeeded"}, headers=lease)
            call("delete", "DELETE", f"{stack}?force=false")
            call("gone", "GET", stack)
        client.close()
        return found

    def test_is_there_until_it_is_deleted(self, served: Served) -> None:
        """Between its creation and its deletion a stack is found by every process, and by none afterwards."""
        seen = Counter(one for found in at_once(self.WORKERS, lambda number: self.life(served, number)) for one in found)
        statuses = {
            "create": 200,
            "read": 200,
            "update": 200,
            "start": 200,
            "export": 200,
            "complete": 204,
            "delete": 204,
            "gone": 404,
        }

        assert dict.fromkeys(statuses.items(), self.WORKERS * self.ROUNDS) == dict(seen)

    def test_is_made_by_one_of_two(self, served: Served, client: Client) -> None:
        """Two creations of one name in the same instant: one is told that it exists already."""

        def create(number: int) -> tuple[int, str]:
            with client_of(served) as fresh:
                reply = fresh.post("/api/stacks/acme/par", json={"stackName": f"same-{number // 2}"})
            return reply.status_code, reply.json().get("message", "")

        found = at_once(8, create)
        refused = [message for status, message in found if status == 409]

        assert Counter({200: 4, 409: 4}) == Counter(status for status, _ in found)
        assert all("already exists" in message for message in refused)


class TestUpdatesThatStartTogether:
    @pytest.mark.parametrize("tags", [None, {"pulumi:project": "lock", "n": "1"}], ids=["plain", "with-tags"])
    def test_one_wins_and_the_others_learn_it_in_upstreams_words(
        self, served: Served, client: Client, tags: dict[str, str] | None
    ) -> None:
        """One start gets the stack, each other one a 409 that automation recognises, and dry runs go through."""
        stack = create_stack(client, f"plain{bool(tags)}", project="lock")
        real = [create_update(client, stack) for _ in range(20)]
        dry = [create_update(client, stack, dry_run=True) for _ in range(5)]

        def start(number: int) -> Response:
            with client_of(served) as fresh:
                return start_update(fresh, stack, [*real, *dry][number], tags=tags if number < 20 else None)

        began = time.monotonic()
        replies = at_once(25, start)
        spent = time.monotonic() - began
        refused = [reply for reply in replies[:20] if reply.status_code != 200]

        assert 1 == sum(reply.status_code == 200 for reply in replies[:20])
        assert {(409, 409, IN_PROGRESS)} == {error_of(reply) for reply in refused}
        assert all(reply.headers["X-Pulumi-Warning"].startswith("admin has been running update of ") for reply in refused)
        assert [200] * 5 == [reply.status_code for reply in replies[20:]]
        assert spent < BUSY_SECONDS

    def test_a_loser_starts_once_the_winner_is_done(self, client: Client) -> None:
        """An update that was refused can be started again later."""
        stack = create_stack(client, "again", project="lock")
        winner, loser = begin(client, stack), create_update(client, stack)
        refused = start_update(client, stack, loser)
        winner.complete()

        assert (409, 200) == (refused.status_code, start_update(client, stack, loser).status_code)


class TestDatabaseIsLocked:
    WRITERS, ROUNDS, BATCH = 8, 6, 10

    def write(self, served: Served, number: int) -> tuple[Counter[int], float, int]:
        """Run a busy update; return its statuses, its slowest call in seconds, and how many resources it has in the end."""
        statuses: Counter[int] = Counter()
        slowest = 0.0
        with client_of(served) as client:
            stack = create_stack(client, f"w{number}", project="busy")
            update = begin(client, stack)
            for turn in range(self.ROUNDS):
                steps = range(turn * self.BATCH + 1, (turn + 1) * self.BATCH + 1)
                for call in (
                    lambda steps=steps: update.journal(*(one for step in steps for one in creation(f"r{step}", step))),
                    lambda steps=steps: update.events(
                        *({"sequence": step - 1, "stdoutEvent": {"message": "x"}} for step in steps)
                    ),
                    update.renew,
                ):
                    began = time.monotonic()
                    statuses[call().status_code] += 1
                    slowest = max(slowest, time.monotonic() - began)
            statuses[update.complete().status_code] += 1
            statuses[client.patch(f"{stack}/tags", json={"a": "b"}).status_code] += 1
            return statuses, slowest, len(resources_of(export(client, stack)))

    def test_writers_wait_for_one_another(self, served: Served) -> None:
        """Writers of many processes on one file all succeed, none waits for too long, and nothing that was acknowledged is missing."""
        results = at_once(self.WRITERS, lambda number: self.write(served, number))

        assert {200, 204} == {status for statuses, _, _ in results for status in statuses}
        assert [self.ROUNDS * self.BATCH] * self.WRITERS == [count for _, _, count in results]
        assert max(slowest for _, slowest, _ in results) < BUSY_SECONDS
        assert "locked" not in served.log
