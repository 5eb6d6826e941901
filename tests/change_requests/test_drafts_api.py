"""Drafts of environments over HTTP: create, read, change, open, rebase."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.errors import Forbidden
from common.environments.model import EnvironmentPath
from common.environments.service import definitions, drafts
from common.rights.caller import Caller
from common.rights.permissions import Permission
from tests.factories.approvals import REQUESTS, E, apply, get, make_draft, message
from tests.factories.clients import make_client
from tests.factories.environments import make_environment
from tests.factories.people import make_user
from tests.factories.roles import make_holder

TEXT = "values: {a: 1}\n"


@pytest.fixture(autouse=True)
def dev(backend: Backend, admin: Caller) -> EnvironmentPath:
    """An environment with a definition in its second revision."""
    return make_environment(backend, admin, "app/dev", TEXT)


def text_of(client: TestClient, request_id: str, **query: int) -> str:
    """Return the text of a draft."""
    reply = client.get(f"{E}/drafts/{request_id}", params=query)
    assert 200 == reply.status_code, reply.text
    return str(reply.text)


class TestCreate:
    def test_leaves_the_environment_as_it_is(self, client: TestClient) -> None:
        """A draft is revision 0 of a change request with the status draft; secrets in it are encrypted."""
        request_id = make_draft(client, "values: {s: {fn::secret: hunter2}}\n", submits=False)

        assert TEXT == client.get(E).text
        assert "ciphertext" in text_of(client, request_id)
        assert ("draft", 0, "update") == tuple(
            get(client, request_id)[name] for name in ("status", "latestRevisionNumber", "action")
        )
        assert {"entityType": "environment", "project": "app", "name": "dev"} == get(client, request_id)["entity"]

    def test_returns_the_same_draft_for_the_same_text(self, client: TestClient) -> None:
        """Repeated runs of a stack with an environment of its own make one draft, not one each."""
        first = make_draft(client, "values: {a: 2}\n", submits=False)

        assert first == make_draft(client, "values: {a: 2}\n", submits=False)
        assert first != make_draft(client, "values: {a: 3}\n", submits=False)

    def test_refuses_a_stale_precondition(self, client: TestClient) -> None:
        """The ETag of an older revision is a conflict with the words that the command line knows."""
        old = client.get(E).headers["etag"]
        client.patch(E, content="values: {a: 5}\n")

        reply = client.post(f"{E}/drafts", content=TEXT, headers={"ETag": old})
        assert (409, "the environment has changed since it was read") == message(reply)

    def test_refuses_errors_with_their_places(self, client: TestClient) -> None:
        """A definition with errors is not kept as a draft."""
        reply = client.post(f"{E}/drafts", content="values: {a: '${nope}'}")

        assert 400 == reply.status_code
        assert reply.json()["diagnostics"]

    def test_needs_the_right_to_write(self, backend: Backend, dev: EnvironmentPath) -> None:
        """Who may only open the environment is refused: the command line tells them that they need write access."""
        reader = make_holder(backend, "rita", Permission.ENVIRONMENT_READ, Permission.ENVIRONMENT_OPEN)

        with pytest.raises(Forbidden, match="lacks the permission environment:write"):
            drafts.create(backend, reader, dev, TEXT.encode())


class TestUpdate:
    def test_adds_a_revision(self, client: TestClient) -> None:
        """Each change is a revision with an entity tag of its own; older ones can still be read."""
        request_id = make_draft(client, "values: {a: 2}\n")
        tag = client.get(f"{E}/drafts/{request_id}").headers["etag"]
        reply = client.patch(f"{E}/drafts/{request_id}", content="values: {a: 3}\n", headers={"If-Match": tag})

        assert {"changeRequestId": request_id, "latestRevisionNumber": 1} == reply.json()
        assert ["values: {a: 3}\n", "values: {a: 2}\n"] == [text_of(client, request_id), text_of(client, request_id, revision=0)]
        again = client.patch(f"{E}/drafts/{request_id}", content="values: {a: 4}\n", headers={"If-Match": tag})
        assert (409, "Conflict: the change request has changed since it was read") == message(again)

    def test_refuses_what_has_ended(self, client: TestClient) -> None:
        """A closed change request gets no more revisions."""
        request_id = make_draft(client, "values: {a: 2}\n")
        client.post(f"{REQUESTS}/{request_id}/close", json={})

        reply = client.patch(f"{E}/drafts/{request_id}", content="values: {a: 3}\n")
        assert (409, f"Conflict: change request {request_id} is closed") == message(reply)

    def test_belongs_to_its_environment(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """A draft is not found at the address of another environment."""
        make_environment(backend, admin, "app/other")
        request_id = make_draft(client, "values: {a: 2}\n")

        address = f"{E.replace('dev', 'other')}/drafts/{request_id}"
        assert [404, 404] == [client.get(address).status_code, client.patch(address, content=TEXT).status_code]
        assert 404 == client.get(f"{E}/drafts/{request_id}", params={"revision": 7}).status_code


def test_open_computes_the_values_of_the_draft(client: TestClient) -> None:
    """A draft is opened like the environment, also at one of its revisions."""
    request_id = make_draft(client, "values: {a: 2}\n")
    client.patch(f"{E}/drafts/{request_id}", content="values: {a: 3}\n")

    def opened(**query: Any) -> Any:
        session = client.post(f"{E}/drafts/{request_id}/open", params={"duration": "1h", **query}).json()["id"]
        return client.get(f"{E}/open/{session}", params={"property": "a"}).json()["value"]

    assert [3, 2] == [opened(), opened(revision=0)]


class TestRebase:
    BASE = "values:\n  a: 1\n  b: 1\n  c: 1\n  d: 1\n"

    @pytest.fixture
    def request_id(self, client: TestClient) -> str:
        """A draft that changes the last value."""
        client.patch(E, content=self.BASE)
        return make_draft(client, self.BASE.replace("d: 1", "d: 2"))

    def test_merges_both_changes(self, client: TestClient, request_id: str) -> None:
        """What changed in the environment and what the draft changes are both in the next revision of the draft."""
        client.patch(E, content=self.BASE.replace("a: 1", "a: 7"))
        assert {"baseRevision": 3, "environmentRevision": 4, "draftRevisionNumber": 0} == status(client, request_id)
        assert 409 == apply(client, request_id).status_code

        reply = client.post(f"{E}/drafts/{request_id}/rebase")
        assert {"changeRequestId": request_id, "draftRevisionNumber": 1, "conflicts": []} == reply.json()
        assert "change-request-updated" == newest_event(client)["event"]
        assert {"baseRevision": 4, "environmentRevision": 4, "draftRevisionNumber": 1} == status(client, request_id)
        assert 200 == apply(client, request_id).status_code
        assert "values:\n  a: 7\n  b: 1\n  c: 1\n  d: 2\n" == client.get(E).text

    def test_returns_conflicts(self, client: TestClient, request_id: str) -> None:
        """Lines that both change are returned with their places, and the draft stays as it is."""
        client.patch(E, content="# head\n" + self.BASE.replace("d: 1", "d: 9"))

        reply = client.post(f"{E}/drafts/{request_id}/rebase").json()
        place = {"startLine": 5, "endLine": 6, "headStartLine": 6, "headEndLine": 7, "draftStartLine": 5, "draftEndLine": 6}
        assert (0, [place]) == (reply["draftRevisionNumber"], reply["conflicts"])
        assert "d: 2" in text_of(client, request_id)

    def test_changes_nothing_without_a_newer_revision(self, client: TestClient, request_id: str) -> None:
        """A draft of the newest revision is as it was."""
        assert 0 == client.post(f"{E}/drafts/{request_id}/rebase").json()["draftRevisionNumber"]

    def test_refuses_a_merge_with_errors(self, client: TestClient, request_id: str) -> None:
        """Texts that merge by lines into a definition with errors are a refusal, and the draft stays as it is."""
        client.patch(f"{E}/drafts/{request_id}", content=self.BASE + "  e: ${a}\n")
        client.patch(E, content=self.BASE.replace("  a: 1\n", ""))

        assert 400 == client.post(f"{E}/drafts/{request_id}/rebase").status_code
        assert 1 == status(client, request_id)["draftRevisionNumber"]


class TestApply:
    def test_saves_the_draft_as_the_next_revision(self, client: TestClient) -> None:
        """The revision names the change request, which is applied once."""
        request_id = make_draft(client, "values: {a: 2}\n", submits=False)
        client.post(f"{REQUESTS}/{request_id}/submit", json={"description": "more of a"})
        result = apply(client, request_id)

        assert result.json()["entityUrl"].endswith("/acme/esc/app/dev")
        assert "values: {a: 2}\n" == client.get(E).text
        newest = client.get(f"{E}/versions").json()[0]
        assert {"id": request_id, "description": "more of a"} == newest["changeRequest"]
        assert "applied" == get(client, request_id)["status"]
        assert 409 == apply(client, request_id).status_code

    def test_loses_nothing_to_a_race(self, client: TestClient) -> None:
        """A draft of an older revision is a conflict, and the newer revision stays."""
        request_id = make_draft(client, "values: {a: 2}\n")
        client.patch(E, content="values: {b: 1}\n")

        status_code, text = message(apply(client, request_id))
        assert 409 == status_code
        assert "rebase the draft onto revision 3" in text
        assert ("values: {b: 1}\n", "ready") == (client.get(E).text, get(client, request_id)["status"])

    def test_refuses_a_draft_that_was_not_submitted(self, client: TestClient) -> None:
        """A draft is submitted before it is applied."""
        request_id = make_draft(client, "values: {a: 2}\n", submits=False)

        assert 409 == apply(client, request_id).status_code
        assert TEXT == client.get(E).text

    def test_keeps_secrets(self, client: TestClient) -> None:
        """What was a secret in the draft can be decrypted in the environment."""
        request_id = make_draft(client, "values: {s: {fn::secret: hunter2}}\n")
        apply(client, request_id)

        assert "hunter2" in client.get(f"{E}/decrypt").text

    def test_of_a_deleted_environment_is_not_found(
        self, client: TestClient, backend: Backend, admin: Caller, dev: EnvironmentPath
    ) -> None:
        """With its environment a request goes out of sight; another environment of the name does not get it."""
        request_id = make_draft(client, "values: {a: 2}\n")
        definitions.delete(backend, admin, dev)
        assert 404 == apply(client, request_id).status_code

        make_environment(backend, admin, "app/dev")
        assert [404, 404] == [apply(client, request_id).status_code, client.get(f"{E}/drafts/{request_id}").status_code]
        assert [] == client.get(REQUESTS).json()["changeRequests"]


def test_a_stranger_finds_nothing(client: TestClient, backend: Backend) -> None:
    """Members of other organizations get the 404 of a thing that does not exist."""
    request_id = make_draft(client, "values: {a: 2}\n")
    with make_client(backend, make_user(backend, "mallory")) as stranger:
        for reply in (stranger.get(REQUESTS), stranger.get(f"{REQUESTS}/{request_id}"), stranger.get(f"{E}/drafts/{request_id}")):
            assert 404 == reply.status_code


def status(client: TestClient, request_id: str) -> dict[str, int]:
    """Return the revisions of a draft and its environment."""
    return dict(client.get(f"{E}/drafts/{request_id}/status").json())


def newest_event(client: TestClient) -> dict[str, Any]:
    """Return the newest record of the audit log."""
    events: list[dict[str, Any]] = client.get("/api/orgs/acme/auditlogs").json()["auditLogEvents"]
    return events[0]
