"""The environment that belongs to a stack: created, published by updates, deleted and restored with it."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from common.approvals import steps as approvals
from common.approvals.model import OPEN_REQUESTS_LIMIT, Action
from common.approvals.steps import Proposal
from common.backend import Backend
from common.environments import steps as environments
from common.environments.model import EnvironmentPath
from common.rights.caller import Caller
from common.rights.permissions import Permission
from tests.clocks import FrozenClock
from tests.factories.approvals import REQUESTS, apply, get, make_draft, make_gate, user
from tests.factories.environments import ENVIRONMENTS, make_environment
from tests.factories.people import ORG, make_org, make_user
from tests.factories.roles import hold, make_role
from tests.factories.tokens import signed
from tests.wire import CLI, begin, create_stack, create_update, error_of, program, start_update

S, E = "/api/stacks/acme/shop/dev", f"{ENVIRONMENTS}/shop/dev"
FIRST = "values:\n  pulumiConfig: {}\n"
TEXT = "values:\n  pulumiConfig:\n    shop:color: blue\n"


@pytest.fixture
def stack(client: TestClient) -> str:
    """A stack with an environment of its own."""
    return create_stack(client, createManagedEnvironment=True)


def used(request_id: str, base: int = 1) -> dict[str, Any]:
    """Return what an update says of the draft that it was evaluated with."""
    return {"baseRevision": base, "changeRequestID": request_id, "draftRevision": 0}


def holder(backend: Backend, *permissions: Permission) -> dict[str, str]:
    """Return the headers of a member with a custom role."""
    token = make_user(backend, "bob", org=ORG)
    hold(backend, "bob", make_role(backend, *permissions, name="some"))
    return signed(token)


def begin_at_once(client: TestClient, request_id: str, *, dry_run: bool = False, headers: dict[str, str] | None = None) -> Any:
    """Return the reply to the call that creates and starts an update with a draft."""
    body = {"updateKind": "update", "program": program(dry_run=dry_run, environment=used(request_id)), "journalVersion": 2}
    return client.post(f"{S}/begin-update", json=body, headers={"User-Agent": CLI, **(headers or {})})


class TestCreate:
    def test_names_the_environment_after_the_stack(self, client: TestClient) -> None:
        """The reply, the stack and the environment name each other; the definition is the one in the new stack's file."""
        made = client.post("/api/stacks/acme/shop", json={"stackName": "dev", "createManagedEnvironment": True})

        assert {"messages": [], "managedEnvironment": "shop/dev"} == made.json()
        assert "shop/dev" == client.get(S).json()["managedEnvironment"]
        assert FIRST == client.get(E).text
        assert "acme/shop/dev" == client.get(f"{E}/metadata").json()["managedByStack"]

    def test_takes_a_free_name(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """Where an environment has the stack's name, or none can have it, the new one is numbered."""
        make_environment(backend, admin, "shop/dev", TEXT)
        for name in ("dev", "open"):
            create_stack(client, name, createManagedEnvironment=True)

        assert "shop/dev-2" == client.get(S).json()["managedEnvironment"]
        assert "shop/open-2" == client.get("/api/stacks/acme/shop/open").json()["managedEnvironment"]
        assert TEXT == client.get(E).text

    def test_refuses_another_configuration(self, client: TestClient, stack: str) -> None:
        """A stack has an environment of its own or names one, not both."""
        both = {"stackName": "two", "createManagedEnvironment": True, "config": {"environment": "shop/two"}}

        assert 400 == error_of(client.post("/api/stacks/acme/shop", json=both))[0]
        assert 404 == client.get("/api/stacks/acme/shop/two").status_code
        assert 400 == error_of(client.put(f"{stack}/config", json={"environment": "shop/dev"}))[0]

    def test_needs_the_permission_to_create_environments(self, client: TestClient, backend: Backend) -> None:
        """Who may create stacks alone makes none with an environment."""
        headers = holder(backend, Permission.STACK_CREATE)
        made = client.post("/api/stacks/acme/shop", json={"stackName": "dev", "createManagedEnvironment": True}, headers=headers)

        assert 403 == error_of(made)[0]
        assert 404 == client.get(S).status_code


class TestPublish:
    @pytest.mark.parametrize("at_once", [True, False])
    def test_makes_the_draft_of_an_update_a_revision(self, client: TestClient, stack: str, *, at_once: bool) -> None:
        """A preview leaves the environment as it is, a real update publishes the draft as it starts."""
        request_id = make_draft(client, TEXT, submits=False, at=E)
        begin(client, stack, dry_run=True, environment=used(request_id))
        assert 200 == begin_at_once(client, request_id, dry_run=True).status_code
        assert FIRST == client.get(E).text
        if at_once:
            assert 200 == begin_at_once(client, request_id).status_code
        else:
            begin(client, stack, environment=used(request_id))

        assert TEXT == client.get(E).text
        assert "applied" == get(client, request_id)["status"]
        assert "2" == client.get(E).headers["pulumi-esc-revision"]

    def test_reads_a_large_request_from_the_store(self, client: TestClient, stack: str) -> None:
        """The draft is found in a request of more than 64 kB too, which is in the store of large configuration."""
        request_id = make_draft(client, TEXT, submits=False, at=E)
        begin(client, stack, environment=used(request_id), metadata={"message": "x" * 70_000})

        assert TEXT == client.get(E).text

    def test_is_done_once(self, client: TestClient, stack: str) -> None:
        """A draft that was published before changes nothing."""
        request_id = make_draft(client, TEXT, submits=False, at=E)
        begin(client, stack, environment=used(request_id)).complete("failed")
        begin(client, stack, environment=used(request_id))

        assert "2" == client.get(E).headers["pulumi-esc-revision"]

    def test_refuses_an_older_revision_of_a_draft(self, client: TestClient, stack: str) -> None:
        """What another person changed in the draft is not lost, before it is applied and after."""
        request_id = make_draft(client, TEXT, submits=False, at=E)
        assert 200 == client.patch(f"{E}/drafts/{request_id}", content="values: {a: 1}\n").status_code
        assert "revision 1" in error_of(begin_at_once(client, request_id))[2]
        assert "currentOperation" not in client.get(stack).json()
        assert (FIRST, "draft") == (client.get(E).text, get(client, request_id)["status"])

        assert 204 == client.post(f"{REQUESTS}/{request_id}/submit", json={}).status_code
        assert 200 == apply(client, request_id).status_code
        assert 400 == error_of(begin_at_once(client, request_id))[0]
        again = make_draft(client, TEXT, submits=False, at=E)
        begin(client, stack, environment=used(again, 2))
        assert TEXT == client.get(E).text

    def test_refuses_a_draft_of_an_older_revision(self, client: TestClient, stack: str) -> None:
        """What another person published meanwhile is not lost, and nothing has started."""
        request_id = make_draft(client, TEXT, submits=False, at=E)
        client.patch(E, content="values: {a: 1}\n")
        update_id = create_update(client, stack, environment=used(request_id))

        assert "revision 2" in error_of(begin_at_once(client, request_id))[2]
        assert 400 == error_of(start_update(client, stack, update_id))[0]
        assert "currentOperation" not in client.get(stack).json()
        assert "values: {a: 1}\n" == client.get(E).text

    def test_waits_for_approvals(self, client: TestClient, stack: str) -> None:
        """Where changes need an approval, an update does not go around it."""
        request_id = make_draft(client, TEXT, submits=False, at=E)
        make_gate(client, user("admin"), target="shop/dev")

        assert "approval" in error_of(begin_at_once(client, request_id))[2]
        assert FIRST == client.get(E).text
        assert "currentOperation" not in client.get(stack).json()

    def test_needs_the_permission_to_write(self, client: TestClient, backend: Backend, stack: str) -> None:
        """Who may update the stack and only read its environment publishes no draft of another user."""
        request_id = make_draft(client, TEXT, submits=False, at=E)
        headers = holder(backend, Permission.STACK_READ, Permission.STACK_WRITE, Permission.ENVIRONMENT_READ)

        assert 403 == error_of(begin_at_once(client, request_id, headers=headers))[0]
        assert FIRST == client.get(E).text
        assert "currentOperation" not in client.get(stack).json()

    def test_takes_drafts_of_this_environment_alone(
        self, client: TestClient, backend: Backend, admin: Caller, stack: str
    ) -> None:
        """A draft of another environment, one that does not exist, and a malformed request are refused."""
        make_environment(backend, admin, "app/dev")
        other = make_draft(client, TEXT, submits=False)

        assert 404 == error_of(begin_at_once(client, other))[0]
        assert 404 == error_of(begin_at_once(client, "nothing"))[0]
        body = {"updateKind": "update", "program": program(environment={"changeRequestID": 5}), "journalVersion": 2}
        assert 400 == error_of(client.post(f"{stack}/begin-update", json=body))[0]
        assert "currentOperation" not in client.get(stack).json()


class TestDrafts:
    def test_close_the_oldest_for_a_new_one(self, client: TestClient, backend: Backend, admin: Caller, stack: str) -> None:
        """Previews with ever other texts never reach the limit of open change requests."""
        del stack
        oldest = make_draft(client, TEXT, submits=False, at=E)
        environment = environments.get(backend, admin, EnvironmentPath("acme", "shop", "dev"), Permission.ENVIRONMENT_READ)
        with backend.db.begin() as tx:
            for number in range(OPEN_REQUESTS_LIMIT - 1):
                content = str(number).encode()
                proposal = Proposal(environment.org_id, "environment", "shop/dev", environment.id, Action.UPDATE, content, 1)
                approvals.create(tx, backend, admin, proposal)
        newest = make_draft(client, "values: {a: 1}\n", submits=False, at=E)

        assert ("closed", "draft") == (get(client, oldest)["status"], get(client, newest)["status"])


class TestDelete:
    def test_goes_and_returns_with_the_stack(self, client: TestClient, stack: str) -> None:
        """Deleting the stack deletes its environment, and restoring the stack restores it with what it held."""
        client.patch(E, content=TEXT)
        stack_id = client.get(stack).json()["id"]
        assert 204 == client.delete(f"{stack}?force=false").status_code
        assert 404 == client.get(E).status_code
        client.post(f"/api/orgs/acme/restore-stack/{stack_id}", json={})

        assert TEXT == client.get(E).text
        assert "shop/dev" == client.get(stack).json()["managedEnvironment"]

    def test_refuses_while_it_is_protected(self, client: TestClient, stack: str) -> None:
        """A protected environment keeps its stack, and both stay."""
        client.patch(f"{E}/settings", json={"deletionProtected": True})

        assert "protected" in error_of(client.delete(f"{stack}?force=true"))[2]
        assert 200 == client.get(stack).status_code
        assert 200 == client.get(E).status_code

    def test_leaves_another_environment_of_the_name(
        self, *, client: TestClient, backend: Backend, admin: Caller, stack: str, clock: FrozenClock
    ) -> None:
        """The stack names its environment also after that was deleted; a later one of the name is not the stack's."""
        client.delete(E)
        clock.pass_seconds(1)
        assert "shop/dev" == client.get(stack).json()["managedEnvironment"]
        make_environment(backend, admin, "shop/dev", TEXT)
        stack_id = client.get(stack).json()["id"]
        assert 204 == client.delete(f"{stack}?force=false").status_code

        assert TEXT == client.get(E).text
        assert 204 == client.post(f"/api/orgs/acme/restore-stack/{stack_id}", json={}).status_code
        assert TEXT == client.get(E).text

    def test_does_not_return_if_it_was_deleted_before(self, client: TestClient, stack: str, clock: FrozenClock) -> None:
        """An environment that was deleted on purpose stays deleted when its stack is deleted and restored."""
        client.delete(E)
        clock.pass_seconds(1)
        stack_id = client.get(stack).json()["id"]
        client.delete(f"{stack}?force=false")

        assert 204 == client.post(f"/api/orgs/acme/restore-stack/{stack_id}", json={}).status_code
        assert 200 == client.get(stack).status_code
        assert 404 == client.get(E).status_code

    def test_does_not_take_a_name_that_is_taken(self, client: TestClient, backend: Backend, admin: Caller, stack: str) -> None:
        """A stack is not restored while another environment has the name of the one that was deleted with it."""
        stack_id = client.get(stack).json()["id"]
        client.delete(f"{stack}?force=false")
        make_environment(backend, admin, "shop/dev", TEXT)

        assert 409 == client.post(f"/api/orgs/acme/restore-stack/{stack_id}", json={}).status_code
        assert 404 == client.get(stack).status_code


class TestMove:
    def test_keeps_its_name_when_the_stack_is_renamed(self, client: TestClient, stack: str) -> None:
        """Others may import it; a new stack of the old name has another environment, and each ends with its own stack."""
        client.post(f"{stack}/rename", json={"newName": "prod"})
        create_stack(client, createManagedEnvironment=True)
        assert "shop/dev" == client.get("/api/stacks/acme/shop/prod").json()["managedEnvironment"]
        assert "shop/dev-2" == client.get(S).json()["managedEnvironment"]
        assert "acme/shop/prod" == client.get(f"{E}/metadata").json()["managedByStack"]
        client.delete(f"{S}?force=false")

        assert 200 == client.get(E).status_code
        assert 404 == client.get(f"{E}-2").status_code

    def test_does_not_leave_the_organization(self, client: TestClient, backend: Backend, admin: Caller, stack: str) -> None:
        """An environment is of one organization, so its stack cannot be transferred."""
        make_org(backend, "beta", admin)
        moved = client.post(f"{stack}/transfer", json={"toOrg": "beta"})

        assert 400 == error_of(moved)[0]
        assert 200 == client.get(stack).status_code
