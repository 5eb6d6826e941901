"""What is taken away ends the updates that were begun with it: at once by the guarded statements, or by a job in seconds."""

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from common.access import grants
from common.access import tokens as access
from common.backend import Backend
from common.db.tables.people import organizations, users
from common.db.tables.stacks import updates
from common.people.orgs.steps import update_settings
from common.rights.org_settings import OrgSettings
from common.rights.permissions import StackLevel
from common.stacks.updates.service.revocation import cancel_revoked
from functions.jobs import JOBS, run_due
from tests.clocks import FrozenClock
from tests.factories.orgs import suspend
from tests.factories.people import caller_of, make_token, make_user
from tests.factories.stacks import creation, update_row
from tests.factories.teams import make_team
from tests.factories.tokens import TOKENS, create, signed
from tests.stacks.engine.builders import entry, names
from tests.wire import LiveUpdate, begin, create_stack, error_of, export

S = "/api/stacks/acme/shop/dev"
CANCELLED = (403, 403, "Forbidden: The update was cancelled; its token is no longer valid.")


def set_default(backend: Backend, level: StackLevel) -> None:
    """Set what members of acme hold on every stack."""
    with backend.db.begin() as tx:
        org_id = tx.scalar(select(organizations.c.id).where(organizations.c.login == "acme"))
        assert org_id is not None

        def change(settings: OrgSettings) -> OrgSettings:
            return msgspec.structs.replace(settings, default_stack_permission=level)

        update_settings(tx, org_id, change)


def begun_by(client: TestClient, token: str) -> LiveUpdate:
    """Begins an update of the stack with a token and records a resource by it."""
    found = begin(client, S, headers=signed(token))
    assert 204 == found.journal(*creation("a", 1)).status_code
    return found


@pytest.fixture
def stack(client: TestClient) -> None:
    """A stack of the administrator's."""
    create_stack(client)


@pytest.fixture
def bob(backend: Backend, client: TestClient, stack: None) -> str:
    """The token of a member."""
    return make_user(backend, "bob", org="acme")


def delete_token(backend: Backend, client: TestClient, token: str) -> None:
    """Revokes the token itself, as its owner does."""
    found = caller_of(backend, token)
    assert client.delete(f"/api/user/tokens/{found.token_id}", headers=signed(token)).is_success


def remove_member(backend: Backend, client: TestClient, token: str) -> None:
    """Take its owner out of the organization."""
    assert client.delete("/api/orgs/acme/members/bob").is_success


def suspend_owner(backend: Backend, client: TestClient, token: str) -> None:
    """Suspend its owner, as a directory does."""
    suspend(backend, caller_of(backend, token).login)


def reset_password(backend: Backend, client: TestClient, token: str) -> None:
    """Revokes all that its owner can be let in with."""
    with backend.db.begin() as tx:
        access.revoke_all_of_user(tx, caller_of(backend, token).user_id, backend.clock.now())


AT_ONCE = (delete_token, remove_member, suspend_owner, reset_password)


class TestWhatIsTakenAway:
    @pytest.mark.parametrize("take", AT_ONCE)
    def test_ends_a_lease_at_once(
        self, client: TestClient, backend: Backend, bob: str, take: Callable[[Backend, TestClient, str], None]
    ) -> None:
        """From the next statement on the lease writes nothing, is not renewed and completes nothing."""
        found = begun_by(client, bob)
        take(backend, client, bob)

        for reply in (found.journal(entry(9, 0, 9)), found.journal(), found.events({"sequence": 1}), found.renew()):
            assert CANCELLED == error_of(reply)
        assert CANCELLED == error_of(found.complete())
        assert ("cancelled", "cancelled") == (update_row(backend, found.id).status, update_row(backend, found.id).outcome)
        assert ["a"] == names(export(client, S))

    @pytest.mark.parametrize("take", AT_ONCE)
    def test_ends_the_update_soon_though_its_client_says_nothing(
        self, client: TestClient, backend: Backend, bob: str, take: Callable[[Backend, TestClient, str], None]
    ) -> None:
        """The job cancels it, keeping what it recorded, and the stack is free long before the lease would run out."""
        found = begun_by(client, bob)
        take(backend, client, bob)
        run_due(backend, [job for job in JOBS if job.name == "cancel_revoked"])

        assert "cancelled" == update_row(backend, found.id).status
        assert ["a"] == names(export(client, S))
        begin(client, S)

    def test_late_completion(self, client: TestClient, backend: Backend, bob: str, clock: FrozenClock) -> None:
        """A user who was removed meanwhile cannot turn an expired update into a successful one."""
        found = begun_by(client, bob)
        clock.pass_seconds(301)
        assert ["a"] == names(export(client, S))
        remove_member(backend, client, bob)

        assert CANCELLED == error_of(found.complete())
        assert "expired" == update_row(backend, found.id).outcome

    def test_checkpoints(self, client: TestClient, backend: Backend, bob: str) -> None:
        """A client without a journal is stopped as well."""
        found = begin(client, S, journal=0, headers=signed(bob))
        delete_token(backend, client, bob)
        state = b'{"version":3,"deployment":{}}'

        for reply in (found.checkpoint(state), found.verbatim(state, 1)):
            assert CANCELLED == error_of(reply)


class TestPermission:
    def by_default(self, backend: Backend, client: TestClient, token: str) -> Callable[[], object]:
        """Bob writes because all members do."""
        return lambda: set_default(backend, StackLevel.READ)

    def by_grant(self, backend: Backend, client: TestClient, token: str) -> Callable[[], object]:
        """Bob can write because of a grant on the stack."""
        set_default(backend, StackLevel.NONE)
        stack_id, bob = str(client.get(S).json()["id"]), caller_of(backend, token)
        with backend.db.begin() as tx:
            grants.replace(tx, stack_id, bob.user_id, is_team=False, level=StackLevel.WRITE, now=backend.clock.now())
        return lambda: client.delete(f"{S}/collaborators/bob").raise_for_status()

    def by_team(self, backend: Backend, client: TestClient, token: str) -> Callable[[], object]:
        """Bob can write because of the team's grant."""
        set_default(backend, StackLevel.NONE)
        team_id, stack_id = make_team(backend, members=["bob"]), str(client.get(S).json()["id"])
        with backend.db.begin() as tx:
            grants.replace(tx, stack_id, team_id, is_team=True, level=StackLevel.WRITE, now=backend.clock.now())
        return lambda: client.delete("/api/orgs/acme/teams/ops").raise_for_status()

    def by_role(self, backend: Backend, client: TestClient, token: str) -> Callable[[], object]:
        """Bob can write as an admin."""
        set_default(backend, StackLevel.NONE)
        client.patch("/api/orgs/acme/members/bob", json={"role": "admin"}).raise_for_status()
        return lambda: client.patch("/api/orgs/acme/members/bob", json={"role": "member"}).raise_for_status()

    @pytest.mark.parametrize("way", ["by_default", "by_grant", "by_team", "by_role"])
    def test_that_is_taken_away_ends_the_update_by_the_job(
        self, client: TestClient, backend: Backend, bob: str, way: str
    ) -> None:
        """While it is there the job leaves the update alone; once it is gone the update is cancelled."""
        take = getattr(self, way)(backend, client, bob)
        found = begun_by(client, bob)
        assert (0, "") == cancel_revoked(backend, "")
        take()
        assert (1, "") == cancel_revoked(backend, "")

        assert "cancelled" == update_row(backend, found.id).status
        assert CANCELLED == error_of(found.renew())
        assert ["a"] == names(export(client, S))

    def test_of_a_preview_is_to_read(self, client: TestClient, backend: Backend, bob: str) -> None:
        """A preview continues for a user who may only read the stack, and ends for a user who may not."""
        set_default(backend, StackLevel.READ)
        found = begin(client, S, dry_run=True, headers=signed(bob))
        assert (0, "") == cancel_revoked(backend, "")
        set_default(backend, StackLevel.NONE)

        assert (1, "") == cancel_revoked(backend, "")
        assert "cancelled" == update_row(backend, found.id).status


class TestMachine:
    @pytest.mark.parametrize("owner", ["organization", "team"])
    def test_ends_with_its_token(self, client: TestClient, backend: Backend, stack: None, owner: str) -> None:
        """The token of an organization or a team is no member; its update goes on until the token is revoked."""
        path = TOKENS
        if owner == "team":
            team_id, stack_id = make_team(backend), str(client.get(S).json()["id"])
            with backend.db.begin() as tx:
                grants.replace(tx, stack_id, team_id, is_team=True, level=StackLevel.WRITE, now=backend.clock.now())
            path = "/api/orgs/acme/teams/ops/tokens"
        made = create(client, path, name="ci")
        found = begun_by(client, made["tokenValue"])
        assert (0, "") == cancel_revoked(backend, "")
        assert 200 == found.renew().status_code
        assert client.delete(f"{path}/{made['id']}").is_success

        assert CANCELLED == error_of(found.journal(entry(9, 0, 9)))
        assert (1, "") == cancel_revoked(backend, "")


class TestExpiry:
    def test_of_the_access_token_ends_nothing(self, client: TestClient, backend: Backend, bob: str, clock: FrozenClock) -> None:
        """A long update that was begun with a short token goes on: that the token would expire was known when it was given."""
        with backend.db.begin() as tx:
            user_id = tx.scalar(select(users.c.id).where(users.c.login == "bob"))
            assert user_id is not None
            token = make_token(tx, backend, user_id, expires_at=clock.now() + timedelta(seconds=60)).text
        found = begun_by(client, token)
        clock.pass_seconds(120)

        assert (0, "") == cancel_revoked(backend, "")
        assert 200 == found.renew().status_code
        assert 204 == found.complete().status_code

    def test_of_an_update_from_before_tokens_were_noted(self, client: TestClient, backend: Backend, bob: str) -> None:
        """An update that ran while the server was upgraded goes on."""
        found = begun_by(client, bob)
        with backend.db.connect() as connection:
            connection.execute(update(updates).values(token_id=None))

        assert (0, "") == cancel_revoked(backend, "")
        assert 204 == found.complete().status_code
