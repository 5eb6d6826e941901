"""What members and readers may pile up: tags, programs, updates and stacks, each with a limit that its error names."""

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.errors import BadRequest, TooManyRequests
from common.rights.caller import Caller
from common.stacks.model import StackPath
from common.stacks.service import lifecycle, transfer
from common.stacks.updates.programs import PROGRAM_LIMIT_BYTES
from common.stacks.updates.service import cleanup
from tests.clocks import FrozenClock
from tests.factories.clients import make_client
from tests.factories.people import ADMIN_TOKEN, caller_of, make_org
from tests.factories.settings import with_settings
from tests.factories.stacks import make_running, make_stack, make_update
from tests.wire import begin, create_stack, error_of

S = "/api/stacks/acme/shop/dev"
DEV = StackPath("acme", "shop", "dev")
MANY = {f"t{number}": "x" for number in range(101)}
FULL = {f"t{number}": "x" for number in range(100)}
TOO_MANY = (400, 400, "Bad Request: a stack may have at most 100 tags, not 101")


class TestTags:
    def test_are_a_hundred_at_most(self, client: TestClient) -> None:
        """However they are given: with the stack, all at once, one by one, or with an update."""
        assert TOO_MANY == error_of(client.post("/api/stacks/acme/shop", json={"stackName": "other", "tags": MANY}))
        create_stack(client)
        assert TOO_MANY == error_of(client.patch(f"{S}/tags", json=MANY))
        assert 204 == client.patch(f"{S}/tags", json=FULL).status_code
        assert TOO_MANY == error_of(client.post(f"{S}/tags", json={"name": "one-more", "value": "x"}))
        body = {"updateKind": "update", "program": {"options": {}}, "journalVersion": 2, "tags": MANY}
        assert TOO_MANY == error_of(client.post(f"{S}/begin-update", json=body))

    def test_of_a_states_size_are_not_opened(self, client: TestClient) -> None:
        """A request that creates a stack may be as large as a state is, and what is beside the state may not."""
        large = {f"t{number}": "" for number in range(300_000)}
        for beside in ({"tags": large}, {"teams": list(large)}):
            reply = client.post("/api/stacks/acme/shop", json={"stackName": "other", **beside})
            message = "Request Entity Too Large: the request without its state is larger than 2,097,152 bytes"
            assert (413, 413, message) == error_of(reply)
        state = {"version": 3, "deployment": {"manifest": {}, "x": "y" * (3 << 20)}}
        assert 200 == client.post("/api/stacks/acme/shop", json={"stackName": "other", "state": state}).status_code

    def test_of_before_there_was_a_limit_do_not_stop_updates(self, client: TestClient) -> None:
        """As long as a client sends what the stack has, nothing is refused, and tags can be changed and removed."""
        create_stack(client, tags=FULL)
        begin(client, S, tags=FULL).complete()

        assert 204 == client.patch(f"{S}/tags/t1", json={"name": "t1", "value": "y"}).status_code
        assert 204 == client.delete(f"{S}/tags/t1").status_code


class TestProgram:
    def test_has_a_limit(self, client: TestClient) -> None:
        """The request that creates an update or a preview is kept for ever, so it may not be of any size."""
        create_stack(client)
        large = {"options": {"dryRun": True}, "config": {"shop:x": {"string": "y" * PROGRAM_LIMIT_BYTES}}}

        for reply in (
            client.post(f"{S}/preview", json=large),
            client.post(f"{S}/begin-update", json={"updateKind": "preview", "program": large}),
        ):
            assert (413, 413) == error_of(reply)[:2]
        assert [] == client.get(f"{S}/updates/latest/previews").json()["updates"]


class TestUpdatesPerDay:
    def test_are_limited_for_each_stack(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """Updates and previews count alike, created or begun; a day later there is room again, and other stacks have their own."""
        backend = with_settings(backend, STACKHOLD_UPDATES_PER_DAY="3")
        make_stack(backend, admin)  # version 0 counts
        make_update(backend, admin, DEV, dry_run=True)
        make_running(backend, admin, DEV)
        with pytest.raises(TooManyRequests, match=r"had 3 updates and previews within a day.*STACKHOLD_UPDATES_PER_DAY"):
            make_update(backend, admin, DEV)
        body = {"updateKind": "preview", "program": {"options": {"dryRun": True}}}
        assert (429, 429) == error_of(make_client(backend).post(f"{S}/begin-update", json=body))[:2]
        make_update(backend, admin, make_stack(backend, admin, "other"))
        clock.pass_seconds(86_401)

        make_update(backend, admin, DEV)

    def test_that_never_started_are_forgotten(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """A day after it was created an update that was not started is dropped, and only that."""
        make_stack(backend, admin)
        for _ in range(2):
            make_update(backend, admin, DEV)
        make_running(backend, admin, DEV)
        assert 0 == cleanup.delete_unstarted(backend)
        clock.pass_seconds(86_401)

        assert 2 == cleanup.delete_unstarted(backend)
        assert 0 == cleanup.delete_unstarted(backend)


class TestStacks:
    def test_are_limited_for_each_organization(self, backend: Backend, admin: Caller) -> None:
        """Neither creation nor a transfer goes beyond the limit; a deleted stack makes room."""
        make_org(backend, "beta", admin)
        caller = caller_of(backend, ADMIN_TOKEN)
        backend = with_settings(backend, STACKHOLD_STACKS_PER_ORGANIZATION="1")
        make_stack(backend, caller)
        moved = make_stack(backend, caller, org="beta")
        words = r"organization acme has 1 stacks, which is the limit \(STACKHOLD_STACKS_PER_ORGANIZATION\)"
        with pytest.raises(BadRequest, match=words):
            make_stack(backend, caller, "other")
        with pytest.raises(BadRequest, match=words):
            transfer.transfer_stack(backend, caller, moved, "acme")
        lifecycle.delete(backend, caller, DEV, force=False)

        make_stack(backend, caller, "other")

    def test_that_are_made_and_deleted_again_and_again_are_limited_too(self, backend: Backend, admin: Caller) -> None:
        """What is left of deleted stacks is kept for a month, so their number counts."""
        backend = with_settings(backend, STACKHOLD_STACKS_PER_ORGANIZATION="1")
        for _ in range(10):
            lifecycle.delete(backend, admin, make_stack(backend, admin), force=False)

        with pytest.raises(BadRequest, match="acme has 10 stacks with those deleted recently"):
            make_stack(backend, admin)
