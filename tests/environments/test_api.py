from typing import Any

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.environments.service import _seconds
from tests.clocks import FrozenClock
from tests.factories.people import make_user

YAML = "/api/esc/environments/acme/yaml"
EMPTY = [b"", b"  \n", b"{}", b'{"imports": [], "values": {}}', b'{"imports": null, "description": "x"}', b'"{}"', b'""']


def post(client: TestClient, call: str, document: bytes, **headers: str) -> Any:
    """Return the reply to a document."""
    return client.post(f"{YAML}/{call}", content=document, headers=headers)


class TestCheck:
    @pytest.mark.parametrize("document", EMPTY)
    def test_of_nothing_is_nothing(self, client: TestClient, document: bytes) -> None:
        """A document without imports and values evaluates to an environment without members."""
        found = post(client, "check", document)

        assert (200, {}) == (found.status_code, found.json())

    def test_names_every_import_that_does_not_exist(self, client: TestClient) -> None:
        """Each import of an empty store is an error at its place; status and code are both 400, or clients ignore the list."""
        found = post(client, "check", b'{"imports": ["app/dev", {"base@stable": {"merge": false}}]}')

        assert 400 == found.status_code
        assert {
            "code": 400,
            "message": "Bad Request: the environment has 2 errors",
            "diagnostics": [
                {"summary": "environment 'app/dev' not found", "path": "imports[0]", "severity": "error"},
                {"summary": "environment 'base@stable' not found", "path": "imports[1]", "severity": "error"},
            ],
        } == found.json()

    @pytest.mark.parametrize(
        ("document", "summary"),
        [
            (b"# only a comment\n", "environment must be an object"),
            (b"null", "environment must be an object"),
            (b"[]", "environment must be an object"),
            (b"5", "environment must be an object"),
            (b'{"imports": {}}', "imports must be a list"),
            (b'{"IMPORTS": [null]}', "import must be a string or an object"),
            (b'{"imports": [{"a": {}, "b": {}}]}', "import must have a single key"),
        ],
    )
    def test_says_what_is_wrong_with_the_form(self, client: TestClient, document: bytes, summary: str) -> None:
        """A document of another form has the language's own diagnostic."""
        assert [summary] == [item["summary"] for item in post(client, "check", document).json()["diagnostics"]]

    @pytest.mark.parametrize(
        "document", [b'{"values": {"a": 1}}', b"values:\n  a: 1\n", b"imports:\n  - app/dev\n", b"\xff", b"{"]
    )
    def test_does_not_guess_what_needs_the_language(self, client: TestClient, document: bytes) -> None:
        """Values and YAML are not built, which is said as such and not as a mistake of the document."""
        found = post(client, "check", document)

        assert (501, 501) == (found.status_code, found.json()["code"])

    def test_survives_a_nested_bomb(self, client: TestClient) -> None:
        """A document nested beyond reason is refused, not crashed on."""
        assert 501 == post(client, "check", b'{"imports": ' + b"[" * 100_000).status_code

    def test_is_for_members(self, client: TestClient, backend: Backend) -> None:
        """In an organization of others nothing is evaluated."""
        stranger = f"token {make_user(backend, 'mallory')}"

        assert 404 == post(client, "check", b"{}", Authorization=stranger).status_code
        assert 404 == post(client, "open", b"{}", Authorization=stranger).status_code


class TestOpen:
    def test_of_nothing_reads_as_nothing(self, client: TestClient) -> None:
        """The session of an empty document reads as an environment without members, also with the SDK's second slash."""
        session = post(client, "open?duration=2h0m0s", b"{}").json()

        assert {"id"} == set(session)
        for path in (f"{YAML}/open/{session['id']}", f"{YAML}/open//{session['id']}"):
            assert (200, {}) == (client.get(path).status_code, client.get(path).json())
        assert 404 == client.get(f"{YAML}/open/{session['id']}?property=a.b").status_code

    def test_needs_its_imports(self, client: TestClient) -> None:
        """A document with missing imports opens no session."""
        found = post(client, "open", b'{"imports": ["app/dev"]}')

        assert (400, ["imports[0]"]) == (found.status_code, [item["path"] for item in found.json()["diagnostics"]])

    def test_belongs_to_one_user(self, client: TestClient, backend: Backend) -> None:
        """No one else reads a session, nor is it one of another organization."""
        session = post(client, "open", b"{}").json()["id"]
        colleague = {"Authorization": f"token {make_user(backend, 'alice', org='acme')}"}

        assert 404 == client.get(f"{YAML}/open/{session}", headers=colleague).status_code
        assert 404 == client.get(f"/api/esc/environments/admin/yaml/open/{session}").status_code

    def test_ends_with_its_duration(self, client: TestClient, backend: Backend, clock: FrozenClock) -> None:
        """A session ends when its time is over."""
        session = post(client, "open?duration=90m", b"{}").json()["id"]
        clock.pass_seconds(90 * 60 - 1)
        before = client.get(f"{YAML}/open/{session}").status_code
        clock.pass_seconds(1)

        assert (200, 404) == (before, client.get(f"{YAML}/open/{session}").status_code)

    @pytest.mark.parametrize("session", ["x", "AAAA", "%C3%A9", "A" * 54, "A" * 5000])
    def test_of_an_unknown_id(self, client: TestClient, session: str) -> None:
        """An id that was never given out is not found."""
        assert 404 == client.get(f"{YAML}/open/{session}").status_code

    @pytest.mark.parametrize("duration", ["x", "2", "-1h", "1d", "h", "\u0661h", "1h 2m"])
    def test_of_a_bad_duration(self, client: TestClient, duration: str) -> None:
        """What is not a duration is a bad request."""
        assert 400 == client.post(f"{YAML}/open", params={"duration": duration}, content=b"{}").status_code


class TestSeconds:
    @pytest.mark.parametrize(
        ("duration", "seconds"),
        [(None, 7200), ("", 7200), ("2h0m0s", 7200), ("90m", 5400), ("1.5s", 1), ("1h1s", 3601), ("999h", 86400)],
    )
    def test_reads_durations_as_go_writes_them(self, duration: str | None, seconds: int) -> None:
        """Hours, minutes and seconds add up, two hours are the default and a day is the most."""
        assert seconds == _seconds(duration)
