import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.db.engine import open_database
from functions.http.app import Dispatcher, create_app
from functions.http.groups import GROUPS
from functions.http.middleware import Edge
from tests.factories.people import ADMIN_TOKEN
from tests.interleaving import fail, failing, interleaved
from tests.wire import create_stack, error_of

pytestmark = pytest.mark.dialects("sqlite")
S = "/api/stacks/acme/shop/dev"
REFUSAL = "Unauthorized: No credentials provided or are invalid."


class TestUnservedAddresses:
    @pytest.mark.parametrize(
        ("method", "path", "statuses"),
        [
            ("GET", "/api/nope", {404}),
            ("DELETE", "/api/user", {404, 405}),
            ("GET", "/api/stacks/acme/shop/proj/dev", {404}),
            ("GET", "/api", {404}),
            ("GET", "/api/stacks", {404}),
            ("PUT", S, {405}),
            ("GET", f"{S}/encrypt", {405}),
            ("POST", f"{S}/export", {405}),
            ("GET", "/favicon.ico", {404}),
            ("GET", "/API/User", {404}),
            ("GET", "/api/" + "x" * 12_000, {404}),
            ("GET", f"{S}/nope/nope/nope", {404}),
            ("PATCH", f"{S}/update/x/nope", {404}),
            ("OPTIONS", S, {405}),
            ("GET", "/docs", {404}),
            ("GET", "/openapi.json", {404}),
            ("GET", "/api/user/%00", {404}),
            ("GET", "/api/%F0%9F%A6%89", {404}),
        ],
    )
    def test_have_the_wires_error(self, client: TestClient, method: str, path: str, statuses: set[int]) -> None:
        """An address or method that is not served is refused in the wire's shape, never in a framework's."""
        create_stack(client)
        status, code, message = error_of(client.request(method, path))

        assert status in statuses
        assert status == code
        assert len(message) < 300

    @pytest.mark.parametrize("authorization", [None, "token pul-" + "0" * 40, "Bearer x", "token"])
    @pytest.mark.parametrize(
        ("method", "path"), [("GET", "/api/nope"), ("DELETE", "/api/user"), ("GET", "/api/stacks/a/b/c/d"), ("GET", S)]
    )
    def test_are_hidden_from_strangers(self, client: TestClient, method: str, path: str, authorization: str | None) -> None:
        """Whether an address is served is decided after who asks."""
        client.headers.pop("Authorization")
        found = client.request(method, path, headers={"Authorization": authorization} if authorization else {})

        assert (401, 401, REFUSAL) == error_of(found)

    def test_outside_the_api_need_no_token(self, client: TestClient) -> None:
        """A browser that looks for an icon is told 404, not to sign in."""
        client.headers.pop("Authorization")

        assert (404, 404) == error_of(client.get("/favicon.ico"))[:2]

    @pytest.mark.parametrize("path", [S, "/api/nope"])
    def test_answer_head_without_a_body(self, client: TestClient, path: str) -> None:
        """An error for HEAD has a status and no body."""
        found = client.head(path)

        assert (404, b"") == (found.status_code, found.content)


class TestBadCredentials:
    @pytest.mark.parametrize(
        "authorization",
        [
            "",
            "token",
            "Token",
            "pul-x",
            "Bearer pul-" + "a1" * 20,
            "token " + "x" * 10_000,
            "token pul-\u00e9",
            "update-token x.y",
        ],
    )
    def test_are_401_and_never_echoed(self, client: TestClient, authorization: str) -> None:
        """Whatever is wrong with the credentials, the answer is the same."""
        found = client.get("/api/user", headers=[(b"authorization", authorization.encode())])

        assert (401, 401, REFUSAL) == error_of(found)

    @pytest.mark.parametrize("authorization", [f"token {ADMIN_TOKEN}", f"Token {ADMIN_TOKEN}", f"  token   {ADMIN_TOKEN}  "])
    def test_are_not_blanks(self, client: TestClient, authorization: str) -> None:
        """People paste tokens with blanks around them."""
        assert "admin" == client.get("/api/user", headers={"Authorization": authorization}).json()["githubLogin"]


class TestFaults:
    @pytest.fixture
    def broken(self, backend: Backend, admin: object, tmp_path: Path) -> Iterator[TestClient]:
        """The application over a database that does not answer."""
        unreachable = open_database(tmp_path, pool_size=1)
        headers = {"Authorization": f"token {ADMIN_TOKEN}"}
        yield TestClient(create_app(replace(backend, db=unreachable)), headers=headers, raise_server_exceptions=False)
        unreachable.close()

    def test_of_the_database_are_503(self, broken: TestClient) -> None:
        """A database that does not answer is 503 with the request's id, which clients repeat where they may."""
        found = broken.get("/api/user")

        assert (503, 503, "Service Unavailable: the database does not answer or is overloaded; try again") == error_of(found)
        assert 36 == len(found.headers["X-Pulumi-Request-ID"])

    @pytest.mark.parametrize("path", [S, "/api/user", "/api/nope"])
    def test_that_nobody_expected_are_500_without_detail(
        self, client: TestClient, backend: Backend, path: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """What went wrong is in the log under the id that the client gets, and not in the reply."""
        with interleaved(backend, "SELECT", failing(RuntimeError("hunter2"))), caplog.at_level(logging.ERROR):
            found = client.get(path)

        assert (500, 500) == error_of(found)[:2]
        assert "hunter2" not in found.text
        assert found.headers["X-Pulumi-Request-ID"] in caplog.text
        assert "hunter2" in caplog.text

    def test_leave_no_trace_of_tokens_in_the_log(
        self, client: TestClient, backend: Backend, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A log of a fault holds neither the token nor the body of the request."""
        with interleaved(backend, "SELECT stacks", fail):
            reply = client.post(f"{S}/encrypt", json={"plaintext": "aHVudGVyMg=="})

        assert 500 == reply.status_code
        assert "the request ends here" in caplog.text
        assert ADMIN_TOKEN not in caplog.text
        assert "aHVudGVyMg" not in caplog.text


class TestDispatcher:
    def test_imports_a_group_when_it_is_called(self, backend: Backend, admin: object) -> None:
        """Starting pays for no group; the first call of one builds it, once."""
        dispatcher = Dispatcher(backend)
        client = TestClient(Edge(dispatcher), headers={"Authorization": f"token {ADMIN_TOKEN}"})

        assert {} == dispatcher._apps
        client.get("/api/user")
        client.get("/api/user/organizations/default")
        assert ["functions.api.users"] == list(dispatcher._apps)

    @pytest.mark.parametrize(
        ("path", "module"),
        [
            (f"{S}/update/x/journalentries", "update_progress"),
            (f"{S}/refresh/x/events/batch", "update_progress"),
            (f"{S}/update/x/events", "updates"),
            (f"{S}/update", "updates"),
            (f"{S}/updates", "history"),
            (f"{S}/updates/latest", "history"),
            (f"{S}/begin-update", "updates"),
            (f"{S}/decrypt/log-decryption", "secrets"),
            (f"{S}/export/3", "state"),
            (S, "stacks"),
            (f"{S}/tags/a/b", "stacks"),
            ("/api/user", "users"),
            ("/api/user/stacks", "stacks"),
            ("/api/userx", None),
            ("", None),
            (f"{S}/outputs/x", "stacks"),
        ],
    )
    def test_finds_the_first_group_that_matches(self, backend: Backend, path: str, module: str | None) -> None:
        """Patterns are matched segment by segment, the engine's own calls first."""
        found = Dispatcher(backend).find(path)

        assert module == (found.module if found else None)

    def test_has_the_hot_calls_first(self) -> None:
        """What the engine calls twenty times a second is found first."""
        assert ["update_progress", "updates"] == [group.module for group in GROUPS[:2]]

    def test_limits_threads_to_the_setting(self, client: TestClient, backend: Backend) -> None:
        """As many requests are worked on at once as there are database connections."""
        import anyio

        async def limit() -> Any:
            return anyio.to_thread.current_default_thread_limiter().total_tokens

        client.get("/api/user")
        assert client.portal is not None
        assert backend.settings.threads == client.portal.call(limit)
