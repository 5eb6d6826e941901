import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.db.engine import open_database
from functions.http.app import create_app
from functions.jobs import run_due
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.clients import make_client
from tests.factories.people import make_user
from tools.operations import Status, operations, status


def anonymous(client: TestClient) -> TestClient:
    """Return the client without its token."""
    client.headers.pop("Authorization")
    return client


class TestCapabilities:
    def test_offer_what_is_built(self, client: TestClient) -> None:
        """Advertised is what this server does; delta uploads, coherence windows and AI services are not."""
        found = {item["capability"]: item for item in client.get("/api/capabilities").json()["capabilities"]}

        assert {"batch-encrypt", "deployment-schema-version", "begin-update", "stack-outputs", "api-version"} == set(found)
        assert {"version": 4} == found["deployment-schema-version"]["configuration"]
        assert {1} == {item["version"] for item in found.values()}

    def test_have_an_api_version_in_order(self, client: TestClient) -> None:
        """Clients drop all capabilities unless 1 ≤ min ≤ default ≤ max."""
        found = {item["capability"]: item for item in client.get("/api/capabilities").json()["capabilities"]}
        version = found["api-version"]["configuration"]

        assert 1 <= version["minVersion"] <= version["defaultVersion"] <= version["maxVersion"]


class TestVersion:
    def test_needs_no_token(self, client: TestClient) -> None:
        """Old clients ask before they are signed in."""
        found = anonymous(client).get("/api/cli/version")

        assert 200 == found.status_code
        assert {"latestVersion", "oldestWithoutWarning", "latestDevVersion"} == set(found.json())


class TestStatus:
    @pytest.mark.parametrize("path", ["/api/status", "/healthz"])
    def test_needs_no_token(self, client: TestClient, path: str) -> None:
        """A load balancer asks without a token, with GET or HEAD."""
        found = anonymous(client).get(path)

        assert (200, {"status": "ok"}) == (found.status_code, found.json())
        assert 200 == client.head(path).status_code

    def test_is_bad_without_a_database(self, client: TestClient, backend: Backend, tmp_path: Path) -> None:
        """A process without an answer of its database is not ready, and still alive."""
        unreachable = open_database(tmp_path, pool_size=1)
        without = TestClient(create_app(replace(backend, db=unreachable)))

        assert 503 == without.get("/api/status").status_code == without.get("/api/status").json()["code"]
        assert 200 == without.get("/healthz").status_code
        unreachable.close()


class TestExchangeToken:
    @pytest.mark.parametrize("grant", ["refresh_token", "urn:ietf:params:oauth:grant-type:token-exchange", "password", ""])
    def test_is_refused_politely(self, client: TestClient, grant: str) -> None:
        """A request that is not complete is 400 with the members of RFC 6749 and of the wire."""
        found = anonymous(client).post("/api/oauth/token", data={"grant_type": grant, "subject_token": "SECRET"})

        assert 400 == found.status_code == found.json()["code"]
        assert found.json()["error"] in ("unsupported_grant_type", "invalid_request")
        assert "SECRET" not in found.text


class TestSpecification:
    def test_lists_what_is_served(self, client: TestClient) -> None:
        """The description has every route of every group, and is JSON of OpenAPI 3."""
        found = client.get("/api/openapi/pulumi-spec.json").json()

        assert found["openapi"].startswith("3.")
        expected = {"/api/user", "/api/capabilities", "/api/stacks/{orgName}/{projectName}/{stackName}/encrypt"}
        assert expected <= set(found["paths"])

    def test_names_operations_as_upstream(self, client: TestClient) -> None:
        """Every operation that upstream has is found by upstream's name, method and path; `pulumi api` looks for these."""
        paths = client.get("/api/openapi/pulumi-spec.json").json()["paths"]
        described = {
            (method.upper(), path): item["operationId"] for path, items in paths.items() for method, item in items.items()
        }
        done = [operation for operation in operations() if status(operation) is Status.DONE]

        assert [] == [operation for operation in done if (operation.method, operation.path) not in described]
        assert "GetStack" == described["GET", "/api/stacks/{orgName}/{projectName}/{stackName}"]

    def test_declares_every_segment(self, client: TestClient) -> None:
        """Every part of a path that varies is declared, as OpenAPI demands, and operations have names of their own."""
        described = [
            (path, operation)
            for path, methods in client.get("/api/openapi/pulumi-spec.json").json()["paths"].items()
            for operation in methods.values()
        ]
        undeclared = [
            path
            for path, operation in described
            if {*re.findall(r"{(\w+)}", path)} != {item["name"] for item in operation["parameters"] if item["in"] == "path"}
        ]

        assert [] == undeclared
        assert len(described) == len({operation["operationId"] for _, operation in described})


class TestDeepStatus:
    def test_has_the_checks_of_the_doctor(self, client: TestClient, backend: Backend) -> None:
        """A site administrator gets each check with its outcome, those of the services too, and the worst of them as status."""
        run_due(backend)
        body = client.get("/api/status", params={"deep": ""}).json()
        outcomes = {check["name"].partition(":")[0]: check["outcome"] for check in body["checks"]}

        assert ("ok", "ok", "ok", "off") == (outcomes["Object store"], outcomes["Key"], outcomes["Database"], outcomes["Mail"])
        assert "ok" == body["status"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", body["checkedAt"])

    def test_says_that_a_service_failed(self, client: TestClient, backend: Backend) -> None:
        """The reply is 200 whatever the checks found: a load balancer asks without `deep`."""
        shutil.rmtree(backend.settings.data_folder / "objects")
        (backend.settings.data_folder / "objects").write_text("")
        reply = client.get("/api/status", params={"deep": "1"})

        assert (200, "failed") == (reply.status_code, reply.json()["status"])

    def test_is_for_site_administrators(self, client: TestClient, backend: Backend) -> None:
        """Without a token it is 401, and 403 for everyone else."""
        alice = make_client(backend, make_user(backend, "alice", org="acme"))

        assert 403 == alice.get("/api/status", params={"deep": ""}).status_code
        assert 401 == anonymous(client).get("/api/status", params={"deep": ""}).status_code

    def test_makes_no_load(self, client: TestClient, clock: FrozenClock, counter: Counter) -> None:
        """Within ten seconds of an examination no service is called again."""
        client.get("/api/status", params={"deep": ""})
        calls = counter.puts
        client.get("/api/status", params={"deep": ""})
        assert calls == counter.puts

        clock.pass_seconds(11)
        client.get("/api/status", params={"deep": ""})
        assert calls < counter.puts
