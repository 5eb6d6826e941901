"""Rotations by schedule: each time once, with the rights of who saved the schedule, and one that fails stops no other."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from common.backend import Backend
from common.db.tables.environments import environment_schedules
from common.environments.model import EnvironmentPath
from common.environments.schedules import ScheduleRequest
from common.environments.service import definitions, rotation, schedules
from common.rights.caller import Caller
from common.rights.permissions import Permission, Role
from tests.clocks import FrozenClock
from tests.environments.providers.opening import SECRET, RoutedOutbound, StandIn
from tests.factories.environments import ENVIRONMENTS, make_environment
from tests.factories.people import ORG, caller_of, make_user
from tests.factories.roles import make_holder
from tests.factories.tokens import TOKENS, create
from tests.interleaving import Crash, crash, interleaved
from tests.peers.http_peer import PeerReply, PeerRequest

PASSWORD = "values: {pw: {fn::rotate::password: {inputs: {}}}, other: {fn::rotate::password: {inputs: {}}}}\n"
ADAPTER = """values:
  api:
    fn::rotate::external:
      inputs: {url: "https://adapter.example.com/rotate", request: {name: shop}}
"""
DAY_SECONDS = 86_400


def schedule(client: TestClient, name: str = "dev", **body: Any) -> Any:
    """Schedule rotations of an environment of the project shop, daily unless it says when; return the reply."""
    return client.post(f"{ENVIRONMENTS}/shop/{name}/schedules", json=body or {"scheduleCron": "0 5 * * *"})


def read(client: TestClient, schedule_id: str, name: str = "dev") -> Any:
    """Return a schedule."""
    return client.get(f"{ENVIRONMENTS}/shop/{name}/schedules/{schedule_id}").json()


def results(client: TestClient, schedule_id: str, name: str = "dev") -> list[str]:
    """Return how the runs of a schedule ended, the newest first."""
    history = client.get(f"{ENVIRONMENTS}/shop/{name}/schedules/{schedule_id}/history").json()
    return [event["result"] for event in history["scheduleHistoryEvents"]]


def run_all(backend: Backend) -> int:
    """Run what is due, and return how many schedules there were."""
    return sum(iter(lambda: schedules.run_next_due(backend), 0))


@pytest.fixture
def path(backend: Backend, admin: Caller) -> EnvironmentPath:
    """The environment shop/dev with two passwords."""
    return make_environment(backend, admin, "shop/dev", PASSWORD)


@pytest.mark.usefixtures("path")
class TestRequests:
    def test_keep_what_is_left_out(self, client: TestClient) -> None:
        """A change of the time keeps the path; the provider's POST is a change as well."""
        made = schedule(client, scheduleCron="0 5 * * *", secretRotationRequest={"environmentPath": "pw"}).json()
        address = f"{ENVIRONMENTS}/shop/dev/schedules/{made['id']}"
        changed = client.post(address, json={"scheduleOnce": "2999-01-01T00:00:00Z"}).json()

        assert (made["nextExecution"][11:], made["lastExecuted"], made["kind"]) == ("05:00:00.000Z", "", "environment_rotation")
        assert (changed["scheduleOnce"], changed["nextExecution"]) == ("2999-01-01T00:00:00.000Z",) * 2
        assert "scheduleCron" not in changed
        assert changed["definition"] == {"environmentPath": "pw"}
        assert client.patch(address, json={"secretRotationRequest": {"environmentPath": ""}}).json()["definition"] == {
            "environmentPath": ""
        }

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            ({}, "needs scheduleCron or scheduleOnce"),
            ({"scheduleCron": "0 5 * * *", "scheduleOnce": "2999-01-01T00:00:00Z"}, "not both"),
            ({"scheduleCron": "0 * * * *"}, "more than once a day"),
            ({"scheduleOnce": "2001-01-01T00:00:00Z"}, "in the future"),
            ({"scheduleOnce": "soon"}, "not a time"),
            ({"scheduleOnce": "2999-01-01T00:00:00"}, "not a time"),
            ({"scheduleCron": "0 5 * * *", "secretRotationRequest": {"environmentPath": "a..b"}}, "not the path"),
        ],
    )
    def test_are_checked(self, client: TestClient, body: dict[str, Any], reason: str) -> None:
        """What a schedule cannot have is refused with the reason."""
        reply = client.post(f"{ENVIRONMENTS}/shop/dev/schedules", json=body)

        assert (reply.status_code, reason in reply.json()["message"]) == (400, True), reply.text

    def test_delete_twice(self, client: TestClient) -> None:
        """A second deletion succeeds as well; a schedule that is gone is not found."""
        schedule_id = schedule(client).json()["id"]
        address = f"{ENVIRONMENTS}/shop/dev/schedules/{schedule_id}"

        assert [client.delete(address).status_code for _ in range(2)] == [200, 200]
        assert client.get(address).status_code == 404
        log = client.get("/api/orgs/acme/auditlogs").json()["auditLogEvents"]
        events = [entry["event"] for entry in log if "schedule" in entry["event"]]
        assert events == ["environment-schedule-deleted", "environment-schedule-created"]


class TestRuns:
    def test_rotate_when_due(
        self, client: TestClient, backend: Backend, admin: Caller, path: EnvironmentPath, clock: FrozenClock
    ) -> None:
        """The secrets rotate once at each time, and both histories have the run."""
        schedule_id = schedule(client, scheduleCron="0 5 * * *", secretRotationRequest={"environmentPath": "pw"}).json()["id"]
        before = run_all(backend)
        clock.pass_seconds(DAY_SECONDS)

        assert (before, run_all(backend), run_all(backend)) == (0, 1, 0)
        assert results(client, schedule_id) == ["succeeded"]
        (row,) = rotation.list_history(backend, admin, path)
        assert (row.schedule_id, row.user_id, [secret.path for secret in row.secrets]) == (schedule_id, admin.user_id, ["pw"])
        shown = read(client, schedule_id)
        assert shown["lastExecuted"] < shown["nextExecution"]

    def test_catch_up_once(
        self, client: TestClient, backend: Backend, admin: Caller, path: EnvironmentPath, clock: FrozenClock
    ) -> None:
        """Times that passed while no server ran are one rotation, and a single moment is as well."""
        daily = schedule(client).json()["id"]
        once = schedule(client, scheduleOnce=f"{clock.now().year + 1}-01-01T00:00:00Z").json()["id"]
        clock.pass_seconds(DAY_SECONDS * 800)

        assert (run_all(backend), run_all(backend)) == (2, 0)
        assert (results(client, daily), results(client, once)) == (["succeeded"], ["succeeded"])
        assert read(client, once)["nextExecution"] == ""
        assert definitions.get(backend, admin, path).number == 4

    def test_wait_while_paused(self, client: TestClient, backend: Backend, path: EnvironmentPath, clock: FrozenClock) -> None:
        """A paused schedule rotates nothing, and what it missed is not caught up."""
        address = f"{ENVIRONMENTS}/shop/{path.name}/schedules/{schedule(client).json()['id']}"
        client.post(f"{address}/pause")
        paused = client.get(address).json()
        clock.pass_seconds(DAY_SECONDS * 2)
        during = run_all(backend)
        client.post(f"{address}/resume")
        after = run_all(backend)
        clock.pass_seconds(DAY_SECONDS)

        assert (paused["paused"], paused["nextExecution"]) == (True, "")
        assert (during, after, run_all(backend)) == (0, 0, 1)

    def test_failures_stop_no_other(self, client: TestClient, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """One without rotators, one whose adapter fails and one that succeeds each have their own result."""
        make_environment(backend, admin, "shop/none", "values: {a: 1}\n")
        make_environment(backend, admin, "shop/api", ADAPTER)
        make_environment(backend, admin, "shop/good", PASSWORD)
        ids = {name: schedule(client, name).json()["id"] for name in ("none", "api", "good")}
        clock.pass_seconds(DAY_SECONDS)
        with StandIn(other=PeerReply({"message": SECRET}, 500)) as peer:
            routed = replace(backend, outbound=RoutedOutbound({"adapter.example.com": peer.url}))
            count = run_all(routed)

        assert count == 3
        outcomes = {name: results(client, schedule_id, name) for name, schedule_id in ids.items()}
        assert outcomes["good"] == ["succeeded"]
        assert "no secrets that can be rotated" in outcomes["none"][0]
        assert outcomes["api"][0].startswith("failed: ")
        assert SECRET not in str(outcomes)

    def test_are_not_held_up_by_an_expression(
        self, client: TestClient, backend: Backend, path: EnvironmentPath, clock: FrozenClock
    ) -> None:
        """A stored expression that this release cannot read is due once more, and stops no other schedule."""
        odd, good = (schedule(client, path.name).json()["id"] for _ in range(2))
        with backend.db.connect() as connection:
            connection.execute(update(environment_schedules).where(environment_schedules.c.id == odd).values(cron="a b c d e"))
        clock.pass_seconds(DAY_SECONDS)

        assert (run_all(backend), run_all(backend)) == (2, 0)
        assert results(client, good) == ["succeeded"]
        assert read(client, odd)["nextExecution"] == ""

    def test_are_never_doubled(self, client: TestClient, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """Another process that looks while the secrets rotate finds nothing that is due."""
        path = make_environment(backend, admin, "shop/api", ADAPTER)
        schedule(client, "api")
        clock.pass_seconds(DAY_SECONDS)
        others = []

        def answer(_asked: PeerRequest) -> PeerReply:
            others.append(schedules.run_next_due(backend))
            return PeerReply({"password": SECRET})

        with StandIn({("POST", "/rotate"): answer}) as peer:
            run_all(replace(backend, outbound=RoutedOutbound({"adapter.example.com": peer.url})))

        assert others == [0]
        assert len(rotation.list_history(backend, admin, path)) == 1

    def test_are_lost_with_their_process(
        self, client: TestClient, backend: Backend, path: EnvironmentPath, clock: FrozenClock
    ) -> None:
        """A run whose process ended counts as failed after ten minutes, and is not repeated; the next one goes on."""
        schedule_id = schedule(client, path.name).json()["id"]
        clock.pass_seconds(DAY_SECONDS)
        with interleaved(backend, "INSERT INTO environment_rotations", crash), pytest.raises(Crash):
            schedules.run_next_due(backend)
        during = results(client, schedule_id)
        left = run_all(backend)
        clock.pass_seconds(DAY_SECONDS)
        run_all(backend)

        assert (during, left) == (["in_progress"], 0)
        assert results(client, schedule_id) == ["succeeded", "failed: the server stopped before the rotation had ended"]


class TestRights:
    def test_are_those_of_who_saved_it(self, client: TestClient, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """A user who left the organization rotates nothing; who saves the schedule again takes it over."""
        token = make_user(backend, "uma", org=ORG, role=Role.ADMIN)
        path = make_environment(backend, admin, "shop/dev", PASSWORD)
        _, saved = schedules.create(backend, caller_of(backend, token), path, ScheduleRequest(cron="0 5 * * *"))
        assert client.delete("/api/orgs/acme/members/uma").status_code == 204
        clock.pass_seconds(DAY_SECONDS)
        run_all(backend)
        schedules.update(backend, admin, path, saved.id, ScheduleRequest(cron="0 6 * * *"))
        clock.pass_seconds(DAY_SECONDS)
        run_all(backend)

        newest, first = schedules.list_runs(backend, admin, path, saved.id)
        assert newest.result == "succeeded"
        assert "no longer a member" in first.result
        assert [row.user_id for row in rotation.list_history(backend, admin, path)] == [admin.user_id]

    def test_of_a_machine_end_with_its_token(
        self, client: TestClient, backend: Backend, admin: Caller, clock: FrozenClock
    ) -> None:
        """A schedule that was saved with a token of the organization rotates until that is revoked."""
        path = make_environment(backend, admin, "shop/dev", PASSWORD)
        token = create(client, TOKENS, name="ci", admin=True)
        machine = caller_of(backend, token["tokenValue"])
        _, saved = schedules.create(backend, machine, path, ScheduleRequest(cron="0 5 * * *"))
        clock.pass_seconds(DAY_SECONDS)
        run_all(backend)
        assert client.delete(f"{TOKENS}/{token['id']}").status_code == 204
        clock.pass_seconds(DAY_SECONDS)
        run_all(backend)

        newest, first = schedules.list_runs(backend, admin, path, saved.id)
        assert first.result == "succeeded"
        assert "their token is not valid" in newest.result

    def test_are_needed_to_rotate(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """Someone who may schedule rotations, but not rotate or open, gets a run that fails with the permission."""
        path = make_environment(backend, admin, "shop/dev", PASSWORD)
        clerk = make_holder(backend, "uma", Permission.ENVIRONMENT_SCHEDULE_CREATE, Permission.ENVIRONMENT_READ)
        _, saved = schedules.create(backend, clerk, path, ScheduleRequest(cron="0 5 * * *"))
        clock.pass_seconds(DAY_SECONDS)
        run_all(backend)

        (run,) = schedules.list_runs(backend, admin, path, saved.id)
        assert "lacks the permission environment:rotate" in run.result
