"""Names of tokens, and tokens with space or another scheme around them."""

import logging

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from tests.factories.people import ADMIN_TOKEN
from tests.factories.teams import make_team
from tests.factories.tokens import OPS, TOKENS, listed
from tests.wire import error_of

ALPHABET = "Bad Request: Token name may only contain alphanumeric, hyphens, or underscores"
LENGTH = "Bad Request: Token name may not be longer than 40 characters"
TAKEN = "Conflict: token name already exists"
BLANKS = [b"token  %s ", b"  token %s", b"token\t%s", b"token %s\t "]
REFUSED = [
    b"%s",
    b"token",
    b"token ",
    b"",
    b" ",
    b"token%s",
    b"token %s %s",
    b"token %s,",
    b"token pul-\xe9",
    b"token pul-\xc3\xa9",
    b"\xe9",
    b"token %s\x00",
    b'token "%s"',
    b"token 'x'",
    b"update-token %s",
    b"Basic %s",
    b"token pul-" + b"a" * 10_240,
    b"token " + b" " * 10_240,
]


@pytest.fixture(autouse=True)
def team(backend: Backend, client: TestClient) -> str:
    """The team ops of acme."""
    return make_team(backend)


def body(name: str) -> dict[str, object]:
    """Return the body of the report."""
    return {"name": name, "description": "", "admin": False, "expires": 0}


class TestTokenNamesAndText:
    @pytest.mark.parametrize(
        ("name", "text"),
        [("GitLab CI/CD", ALPHABET), ("ci cd", ALPHABET), ("ci.1", ALPHABET), ("a" * 41, LENGTH), ("", ALPHABET)],
    )
    def test_a_name_that_the_provider_could_not_delete(self, client: TestClient, name: str, text: str) -> None:
        """What cannot be a part of an address is no name, and the refusal says what is; nothing is made."""
        assert (400, 400, text) == error_of(client.post(TOKENS, json=body(name)))
        assert (400, 400, text) == error_of(client.post(OPS, json=body(name)))
        assert [] == listed(client, TOKENS, filter="all") + listed(client, OPS, filter="all")

    def test_a_name_is_never_free_again(self, client: TestClient) -> None:
        """A deleted name stays taken, for the organization's tokens and its teams', and lists show live tokens only."""
        made = client.post(TOKENS, json=body("ci_1"))
        assert 200 == made.status_code
        assert ["ci_1"] == listed(client, TOKENS)
        assert 204 == client.delete(f"{TOKENS}/{made.json()['id']}").status_code

        assert (409, 409, TAKEN) == error_of(client.post(TOKENS, json=body("ci_1")))
        assert (409, 409, TAKEN) == error_of(client.post(OPS, json={"name": "ci_1", "description": "", "expires": 0}))
        assert [] == listed(client, TOKENS) + listed(client, OPS)

    def test_the_audit_log_has_who_and_why(self, client: TestClient) -> None:
        """Making and revoking are in the log with the reason that was given, and what was refused is not."""
        made = client.post(TOKENS, params={"reason": "for the pipeline"}, json=body("ci_1"))
        client.delete(f"{TOKENS}/{made.json()['id']}", params={"reason": "rotated"})
        team = client.post(OPS, params={"reason": "for ops"}, json={"name": "ci_2", "description": "", "expires": 0})
        client.delete(f"{OPS}/{team.json()['id']}")
        assert 409 == client.post(TOKENS, json=body("ci_1")).status_code
        found = client.get("/api/orgs/acme/auditlogs/v2", params={"userFilter": "admin"}).json()["auditLogEvents"]

        assert [
            ("team-token-deleted", "Revoked token 'ci_2' of team ops"),
            ("team-token-created", "Made token 'ci_2' of team ops: for ops"),
            ("organization-token-deleted", "Revoked token 'ci_1' of the organization: rotated"),
            ("organization-token-created", "Made token 'ci_1' of the organization, as a member: for the pipeline"),
        ] == [(event["event"], event["description"]) for event in found if "token" in event["event"]]
        assert {"admin"} == {event["user"]["githubLogin"] for event in found}

    @pytest.mark.parametrize("header", BLANKS)
    def test_a_pasted_token_with_blanks_around_it(self, client: TestClient, header: bytes) -> None:
        """Blanks around a token are no part of it."""
        found = client.get("/api/user", headers={b"Authorization": header.replace(b"%s", ADMIN_TOKEN.encode())})

        assert (200, "admin") == (found.status_code, found.json()["githubLogin"])

    def test_another_spelling_of_the_scheme(self, client: TestClient) -> None:
        """The scheme counts in any case, as HTTP has it; another scheme is refused, with any token."""
        statuses = {
            scheme: client.get("/api/user", headers={"Authorization": f"{scheme} {ADMIN_TOKEN}"}).status_code
            for scheme in ("token", "Token", "TOKEN", "Bearer", "bearer")
        }

        assert {"token": 200, "Token": 200, "TOKEN": 200, "Bearer": 401, "bearer": 401} == statuses

    @pytest.mark.parametrize("header", REFUSED, ids=range(len(REFUSED)))
    def test_what_is_no_token(self, client: TestClient, header: bytes, caplog: pytest.LogCaptureFixture) -> None:
        """Everything else is 401 in the wire's shape, and neither the answer nor the log repeats what was sent."""
        caplog.set_level(logging.DEBUG)
        sent = header.replace(b"%s", ADMIN_TOKEN.encode())
        found = client.get("/api/user", headers={b"Authorization": sent})

        assert (401, 401, "Unauthorized: No credentials provided or are invalid.") == error_of(found)
        assert ADMIN_TOKEN not in found.text + caplog.text
        assert "pul-" not in found.text + caplog.text
