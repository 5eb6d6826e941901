"""Writers who meet: nothing is lost, and nothing is applied that was not approved."""

import pytest

from common.approvals import cleanup
from common.approvals.cleanup import DRAFTS_FOR
from common.backend import Backend
from common.change_requests.service import decisions, requests
from common.core.errors import Conflict, NotFound
from common.environments.cleanup import delete_expired
from common.environments.model import EnvironmentPath
from common.environments.service import definitions, drafts
from common.rights.caller import Caller
from tests.clocks import FrozenClock
from tests.factories.environments import make_environment
from tests.factories.people import ORG
from tests.interleaving import interleaved

DAY_SECONDS = 86_400
TAKES_NUMBER = "UPDATE environments SET latest"


@pytest.fixture
def path(backend: Backend, admin: Caller) -> EnvironmentPath:
    """An environment with a definition."""
    return make_environment(backend, admin, "app/dev", "values: {a: 1}\n")


@pytest.fixture
def request_id(backend: Backend, admin: Caller, path: EnvironmentPath) -> str:
    """A submitted draft."""
    made = drafts.create(backend, admin, path, b"values: {a: 2}\n").id
    decisions.submit(backend, admin, ORG, made)
    return made


def text_of(backend: Backend, admin: Caller, path: EnvironmentPath) -> bytes:
    """Return the definition."""
    return definitions.get(backend, admin, path).text


class TestApply:
    def test_loses_to_a_save_that_was_faster(
        self, backend: Backend, admin: Caller, path: EnvironmentPath, request_id: str
    ) -> None:
        """A save between the check and the transaction of an apply wins, and the request can still be rebased."""

        def save() -> None:
            definitions.update(backend, admin, path, b"values: {b: 1}\n")

        with interleaved(backend, "SELECT change_requests.id", save, times=1), pytest.raises(Conflict, match="rebase"):
            decisions.apply(backend, admin, ORG, request_id)
        assert b"values: {b: 1}\n" == text_of(backend, admin, path)
        assert "ready" == requests.get_request(backend, admin, ORG, request_id).request.status

    def test_loses_to_another_revision(self, backend: Backend, admin: Caller, path: EnvironmentPath, request_id: str) -> None:
        """A draft that changes while it is applied is not applied in its older form."""

        def edit() -> None:
            drafts.update(backend, admin, path, request_id, b"values: {a: 9}\n")

        with (
            interleaved(backend, "SELECT change_request_revisions", edit),
            pytest.raises(Conflict, match="the change request has changed"),
        ):
            decisions.apply(backend, admin, ORG, request_id)
        assert b"values: {a: 1}\n" == text_of(backend, admin, path)


class TestCleanup:
    def test_deletes_drafts_that_were_never_submitted(
        self, backend: Backend, admin: Caller, path: EnvironmentPath, request_id: str, clock: FrozenClock
    ) -> None:
        """A draft goes away after a month without a change; a submitted one stays."""
        draft = drafts.create(backend, admin, path, b"values: {a: 3}\n").id
        assert 0 == cleanup.delete_expired(backend)
        clock.pass_seconds(DRAFTS_FOR.total_seconds() + 1)

        assert [1, 0] == [cleanup.delete_expired(backend) for _ in range(2)]
        with pytest.raises(NotFound):
            requests.get_request(backend, admin, ORG, draft)
        assert "ready" == requests.get_request(backend, admin, ORG, request_id).request.status

    def test_deletes_requests_with_their_environment(
        self, backend: Backend, admin: Caller, path: EnvironmentPath, request_id: str, clock: FrozenClock
    ) -> None:
        """With the environment its requests are deleted for good."""
        definitions.delete(backend, admin, path)
        clock.pass_seconds((backend.settings.deleted_stack_days + 1) * DAY_SECONDS)
        assert 1 == delete_expired(backend)

        assert 0 == cleanup.delete_expired(backend)
        with pytest.raises(NotFound):
            requests.get_request(backend, admin, ORG, request_id)
