"""Checking and opening environments over HTTP."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.environments.sessions import seconds_of, text_of
from common.people.orgs import steps as orgs
from common.rights.caller import Caller
from common.rights.permissions import Permission
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.environments import ENVIRONMENTS, make_environment, opened_values
from tests.factories.people import make_user
from tests.factories.teams import make_team
from tests.factories.tokens import signed

YAML, E = f"{ENVIRONMENTS}/yaml", f"{ENVIRONMENTS}/app/dev"
EMPTY = [b"", b"{}", b'{"imports": [], "values": {}}', b'"{}"', b'""', b"description: x\n"]


def post(client: TestClient, call: str, document: bytes, **headers: str) -> Any:
    """Return the reply to a document."""
    return client.post(f"{YAML}/{call}", content=document, headers=headers)


def ranges(value: object) -> Iterator[dict[str, Any]]:
    """Yield every range in a reply."""
    if isinstance(value, dict):
        if "begin" in value and "end" in value:
            yield value
        for part in value.values():
            yield from ranges(part)
    for part in value if isinstance(value, list) else ():
        yield from ranges(part)


def grant(client: TestClient, team: str, project: str, name: str, level: str) -> None:
    """Give a team a level on an environment."""
    change = {"addEnvironmentPermission": {"projectName": project, "envName": name, "permission": level}}
    assert 204 == client.patch(f"/api/orgs/acme/teams/{team}", json=change).status_code


class TestCheckYaml:
    @pytest.mark.parametrize("document", EMPTY)
    def test_of_nothing_is_nothing(self, client: TestClient, document: bytes) -> None:
        """A document without imports and values evaluates to an environment without members, and uses no functions."""
        found = post(client, "check", document)

        assert (200, {"environmentFunctionSummary": {"funcCounts": {}, "rotationPaths": []}}) == (found.status_code, found.json())

    def test_names_every_import_that_does_not_exist(self, client: TestClient) -> None:
        """Each missing import is an error at its place; status and code are both 400, or clients ignore the list."""
        found = post(client, "check", b'{"imports": ["app/dev", {"base@stable": {"merge": false}}]}')

        assert 400 == found.status_code == found.json()["code"]
        assert "Bad Request: the environment has 2 errors" == found.json()["message"]
        assert [("environment 'app/dev' not found", "imports[0]"), ("environment 'base@stable' not found", "imports[1]")] == [
            (problem["summary"], problem["path"].partition('["')[0].partition(".")[0]) for problem in found.json()["diagnostics"]
        ]

    @pytest.mark.parametrize(
        ("document", "summary"),
        [
            (b"# only a comment\n", "environment must be an object"),
            (b"null", "environment must be an object"),
            (b"5", "environment must be an object"),
            (b'{"imports": {}}', "imports must be a list"),
            (b"values: [", "yaml: line 1: did not find expected node content"),
        ],
    )
    def test_says_what_is_wrong_with_the_form(self, client: TestClient, document: bytes, summary: str) -> None:
        """A document of another form has the language's own diagnostic."""
        assert [summary] == [item["summary"] for item in post(client, "check", document).json()["diagnostics"]]

    def test_leaves_foreign_ciphertexts_alone(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """The command line checks what it read: a ciphertext is a secret that is not known, and no error. An open refuses it."""
        make_environment(backend, admin, "app/dev", "values: {pw: {fn::secret: hunter2}, a: '${pw}!'}\n")
        stored = client.get(E).content

        found = post(client, "check", stored)
        assert (200, True) == (found.status_code, found.json()["properties"]["pw"]["secret"])
        assert "hunter2" not in found.text
        refused = post(client, "open", stored)
        assert (400, True) == (refused.status_code, "encrypted secret" in refused.json()["diagnostics"][0]["summary"])

    def test_is_for_members(self, client: TestClient, backend: Backend) -> None:
        """In an organization of others nothing is evaluated."""
        stranger = f"token {make_user(backend, 'mallory')}"

        assert 404 == post(client, "check", b"{}", Authorization=stranger).status_code
        assert 404 == post(client, "open", b"{}", Authorization=stranger).status_code

    def test_survives_a_nested_bomb(self, client: TestClient) -> None:
        """A document nested beyond reason is refused, not crashed on."""
        assert 400 == post(client, "check", b'{"imports": ' + b"[" * 100_000).status_code


class TestOpenYaml:
    def test_merges_what_it_imports(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """A stack lists several environments, one of which imports another: all values are there, later imports win."""
        make_environment(backend, admin, "default/env-a", "values: {pulumiConfig: {foo: env-a-config}}\n")
        make_environment(backend, admin, "default/env-c", "values: {password: 12345}\n")
        text = "imports: [default/env-c]\nvalues: {pulumiConfig: {bar: env-b-config}}\n"
        make_environment(backend, admin, "default/env-b", text)

        for names in (("env-a", "env-b"), ("env-b", "env-a"), ("env-a", "env-a", "env-b")):
            document = json.dumps({"imports": [f"default/{name}" for name in names]}).encode()
            session = post(client, "open?duration=2h0m0s", document).json()["id"]
            found = client.get(f"{YAML}/open/{session}").json()["properties"]
            assert {"foo", "bar"} == set(found["pulumiConfig"]["value"])
            assert 12345 == found["password"]["value"]

    def test_reads_other_environments_on_request(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """An override is read in place of an import, anywhere in the graph, and keeps the written name."""
        make_environment(backend, admin, "app/base", "values: {a: base}\n")
        make_environment(backend, admin, "app/other", "values: {a: other}\n")
        make_environment(backend, admin, "app/dev", "imports: [app/base]\nvalues: {b: '${a}'}\n")
        overrides = urlsafe_b64encode(b'{"app/base": "app/other"}').decode().rstrip("=")
        call = f"{YAML}/open?environmentOverrides={overrides}"
        session = client.post(call, content=b"imports: [app/dev]\n").json()["id"]

        assert "other" == client.get(f"{YAML}/open/{session}?property=b").json()["value"]
        assert 400 == client.post(f"{YAML}/open?environmentOverrides=!", content=b"{}").status_code

    def test_signs_no_token_for_other_environments(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """With an override no environment signs a token for an audience, also one that was not replaced."""
        inputs = "{audience: https://registry.example.com, identityToken: {version: v2}}"
        make_environment(backend, admin, "app/dev", f"values: {{token: {{'fn::open::oidc': {inputs}}}}}\n")
        overrides = urlsafe_b64encode(b'{"app/base": "app/other"}').decode()
        replies = [
            client.post(f"{YAML}/open{query}", content=b"imports: [app/dev]\n")
            for query in ("", f"?environmentOverrides={overrides}")
        ]

        assert [200, 400] == [reply.status_code for reply in replies]
        assert "environmentOverrides" in replies[1].json()["diagnostics"][0]["summary"]

    @pytest.mark.parametrize("duration", ["x", "2", "-1h", "1d", "h", "1h 2m"])
    def test_refuses_a_bad_duration(self, client: TestClient, duration: str) -> None:
        """A text that is no duration is a bad request."""
        assert 400 == client.post(f"{YAML}/open", params={"duration": duration}, content=b"{}").status_code


class TestSessions:
    def test_belong_to_one_user(self, client: TestClient, backend: Backend) -> None:
        """No one else reads a session, nor is it one of another organization or of an environment."""
        session = post(client, "open", b"values: {a: 1}\n").json()["id"]
        colleague = signed(make_user(backend, "alice", org="acme"))

        assert 200 == client.get(f"{YAML}/open/{session}").status_code
        assert 200 == client.get(f"{YAML}/open//{session}").status_code
        assert 404 == client.get(f"{YAML}/open/{session}", headers=colleague).status_code
        assert 404 == client.get(f"/api/esc/environments/admin/yaml/open/{session}").status_code

    def test_belong_to_one_environment(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """A session of one environment is not found at another, and not among documents."""
        for name in ("app/dev", "app/other"):
            make_environment(backend, admin, name, "values: {a: 1}\n")
        session = client.post(f"{E}/open").json()["id"]

        assert 200 == client.get(f"{E}/open/{session}").status_code
        assert 404 == client.get(f"{ENVIRONMENTS}/app/other/open/{session}").status_code
        assert 404 == client.get(f"{YAML}/open/{session}").status_code

    def test_end_with_their_duration(self, client: TestClient, clock: FrozenClock) -> None:
        """A session ends when its time is over."""
        session = post(client, "open?duration=90m", b"{}").json()["id"]
        clock.pass_seconds(90 * 60 - 1)
        before = client.get(f"{YAML}/open/{session}").status_code
        clock.pass_seconds(1)

        assert (200, 404) == (before, client.get(f"{YAML}/open/{session}").status_code)

    @pytest.mark.parametrize("session", ["x", "AAAA", "%C3%A9", "a" * 64, "A" * 5000])
    def test_of_an_unknown_id(self, client: TestClient, session: str) -> None:
        """An id that was never given out is not found."""
        assert 404 == client.get(f"{YAML}/open/{session}").status_code

    @pytest.mark.parametrize(
        ("duration", "seconds", "text"),
        [
            (None, 7200, "2h0m0s"),
            ("90m", 5400, "1h30m0s"),
            ("1.5s", 1, "1s"),
            ("61s", 61, "1m1s"),
            ("999h", 86400, "24h0m0s"),
        ],
    )
    def test_last_as_long_as_go_writes_it(self, duration: str | None, seconds: int, text: str) -> None:
        """Two hours are the default and a day is the most."""
        assert (seconds, text) == (seconds_of(duration), text_of(seconds))


class TestOpen:
    def test_returns_values_with_their_places(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """Every range names an environment, no diagnostics are there, and expressions are left out."""
        make_environment(backend, admin, "app/base", "values: {a: {x: 1}, s: {fn::secret: hunter2}}\n")
        make_environment(backend, admin, "app/more", "values: {a: {y: 1.50}}\n")
        make_environment(backend, admin, "app/dev", "imports: [app/base, app/more]\nvalues: {l: [1, '${s}'], e: ''}\n")
        session = client.post(f"{E}/open").json()
        reply = client.get(f"{E}/open/{session['id']}")
        found = reply.json()

        assert {"id"} == set(session)
        assert {"properties", "schema", "executionContext"} == set(found)
        assert all(isinstance(place["environment"], str) for place in ranges(found))
        assert len(list(ranges(found))) > 10
        assert {"x", "y"} == set(found["properties"]["a"]["value"])
        assert "json" in reply.headers["content-type"]

    @pytest.mark.parametrize(
        ("path", "value"), [("a", 1), ("l[1].b", "c"), ('["x y"]', "z"), ("l", None), ("s", "hunter2"), ("n", None)]
    )
    def test_reads_single_values(self, client: TestClient, backend: Backend, admin: Caller, path: str, value: object) -> None:
        """A path selects a value of the stored result."""
        text = "values: {a: 1, l: [1, {b: c}], 'x y': z, s: {fn::secret: hunter2}, n: null}\n"
        make_environment(backend, admin, "app/dev", text)
        session = client.post(f"{E}/open").json()["id"]
        found = client.get(f"{E}/open/{session}", params={"property": path}).json()

        assert {"value", "trace"} <= set(found)
        assert isinstance(found["value"], list) if path == "l" else found["value"] == value

    @pytest.mark.parametrize("path", ["b", "l[2]", "l.x", "a.b", "l[-1]", "[", "[0]", "a..b"])
    def test_knows_no_other_paths(self, client: TestClient, backend: Backend, admin: Caller, path: str) -> None:
        """A path that leads nowhere is not found."""
        make_environment(backend, admin, "app/dev", "values: {a: 1, l: [1, 2]}\n")
        session = client.post(f"{E}/open").json()["id"]

        assert 404 == client.get(f"{E}/open/{session}", params={"property": path}).status_code

    def test_of_a_revision_or_a_tag(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """A number or a tag selects what is opened, and what is imported."""
        make_environment(backend, admin, "app/dev", "values: {a: one}\n")
        client.patch(E, content=b"values: {a: two}\n")
        client.post(f"{E}/versions/tags", json={"name": "stable", "revision": 2})
        make_environment(backend, admin, "app/user", "imports: [app/dev@stable]\n")

        for version, value in (("2", "one"), ("stable", "one"), ("3", "two"), ("latest", "two")):
            session = client.post(f"{E}/versions/{version}/open").json()["id"]
            assert value == client.get(f"{E}/open/{session}?property=a").json()["value"]
        session = client.post(f"{ENVIRONMENTS}/app/user/open").json()["id"]
        assert "one" == client.get(f"{ENVIRONMENTS}/app/user/open/{session}?property=a").json()["value"]
        assert 404 == client.post(f"{E}/versions/9/open").status_code
        assert 404 == client.post(f"{E}/versions/none/open").status_code

    def test_tells_who_opens(self, backend: Backend, admin: Caller) -> None:
        """The reserved name `context` has the user, the organization, the token, and the environments."""
        text = (
            "values:\n"
            "  user: ${context.pulumi.user.login}\n"
            "  org: ${context.pulumi.organization.login}\n"
            "  kind: ${context.pulumi.token.type}\n"
            "  time: ${context.pulumi.openDuration}\n"
            "  name: ${context.currentEnvironment.name}\n"
        )
        path = make_environment(backend, admin, "app/dev", text)

        assert {"user": "admin", "org": "acme", "kind": "personal", "time": "2h0m0s", "name": "app/dev"} == opened_values(
            backend, admin, path
        )

    def test_costs_one_statement_for_an_import(
        self, client: TestClient, backend: Backend, admin: Caller, counter: Counter
    ) -> None:
        """An open takes at most six statements, and two more for each import."""
        imports = [f"app/base{number}" for number in range(5)]
        for name in imports:
            make_environment(backend, admin, name, "values: {a: 1}\n")
        make_environment(backend, admin, "app/dev", f"imports: [{', '.join(imports)}]\nvalues: {{s: {{fn::secret: x}}}}\n")
        client.post(f"{E}/open")
        counter.reset()

        assert 200 == client.post(f"{E}/open").status_code
        assert counter.statements == 6 + len(imports)

    def test_is_recorded(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """Opens, reads and decryptions are in the audit log."""
        make_environment(backend, admin, "app/dev", "values: {s: {fn::secret: hunter2}}\n")
        session = client.post(f"{E}/open").json()["id"]
        client.get(f"{E}/open/{session}?property=s")
        client.get(f"{E}/decrypt")
        client.get(E)
        events = client.get("/api/orgs/acme/auditlogs/v2").json()["auditLogEvents"]

        assert ["environment-read", "environment-decrypted", "environment-read-open", "environment-open"] == [
            event["event"] for event in events[:4]
        ]
        assert "hunter2" not in json.dumps(events)


class TestRights:
    def test_levels_of_teams_are_enforced(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """Read shows the definition, open opens it, write saves it, and admin deletes it; each includes those before."""
        make_environment(backend, admin, "app/dev", "values: {s: {fn::secret: hunter2}}\n")
        alice = signed(make_user(backend, "alice", org="acme"))
        make_team(backend, "ops", members=["alice"])
        levels = ("read", "open", "write", "admin")

        def statuses() -> list[int]:
            replies = (
                client.get(E, headers=alice),
                client.get(f"{E}/decrypt", headers=alice),
                client.patch(E, content=b"values: {}\n", headers=alice),
                client.delete(E, headers=alice),
            )
            return [reply.status_code for reply in replies]

        assert [404] * 4 == statuses()
        for position, level in enumerate(levels):
            grant(client, "ops", "app", "dev", level)
            assert [200 if number <= position else 403 for number in range(4)] == statuses()

    def test_names_in_other_projects_are_other_environments(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """Two environments of one name in two projects have levels of their own."""
        for name in ("p1/Default", "p2/Default"):
            make_environment(backend, admin, name)
        alice = signed(make_user(backend, "alice", org="acme"))
        make_team(backend, "ops", members=["alice"])
        grant(client, "ops", "p1", "Default", "open")
        grant(client, "ops", "p2", "Default", "admin")
        listed = client.get("/api/orgs/acme/teams/ops").json()["environments"]

        assert [("p1", "open"), ("p2", "admin")] == [(entry["projectName"], entry["permission"]) for entry in listed]
        assert 403 == client.delete(f"{ENVIRONMENTS}/p1/Default", headers=alice).status_code
        client.post(f"{ENVIRONMENTS}/p2/Default/clone", json={"project": "p3", "name": "Default"})
        assert 404 == client.get(f"{ENVIRONMENTS}/p3/Default", headers=alice).status_code
        keep = {"project": "p4", "name": "Default", "preserveAccess": True}
        client.post(f"{ENVIRONMENTS}/p2/Default/clone", json=keep)
        assert 200 == client.get(f"{ENVIRONMENTS}/p4/Default", headers=alice).status_code

    def test_do_not_return_with_the_name(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """A new environment of a deleted one's name has none of its levels."""
        make_environment(backend, admin, "app/dev")
        alice = signed(make_user(backend, "alice", org="acme"))
        make_team(backend, "ops", members=["alice"])
        grant(client, "ops", "app", "dev", "admin")
        client.delete(E)
        make_environment(backend, admin, "app/dev")

        assert 404 == client.get(E, headers=alice).status_code

    def test_are_needed_on_every_import(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """An import is opened with the caller's own rights, however deep it is; what is missing is a diagnostic."""
        make_environment(backend, admin, "app/secret", "values: {s: {fn::secret: hunter2}}\n")
        make_environment(backend, admin, "app/base", "imports: [app/secret]\n")
        make_environment(backend, admin, "app/dev", "imports: [app/base]\n")
        alice = signed(make_user(backend, "alice", org="acme"))
        make_team(backend, "ops", members=["alice"])
        for name in ("base", "dev"):
            grant(client, "ops", "app", name, "open")
        hidden = client.post(f"{E}/open", headers=alice)
        grant(client, "ops", "app", "secret", "read")
        readable = client.post(f"{E}/open", headers=alice)
        checked = client.post(f"{E}/check", headers=alice)
        grant(client, "ops", "app", "secret", "open")
        opened = client.post(f"{E}/open", headers=alice)

        assert [400, 400, 200, 200] == [reply.status_code for reply in (hidden, readable, checked, opened)]
        assert "environment 'app/secret' not found" == hidden.json()["diagnostics"][0]["summary"]
        assert Permission.ENVIRONMENT_OPEN in readable.json()["diagnostics"][0]["summary"]
        assert "hunter2" not in hidden.text + readable.text + checked.text

    def test_last_as_long_as_the_team_says(self, client: TestClient, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """The longest time of an open by a team's level holds for what is opened and for what is imported."""
        for name in ("base", "dev"):
            make_environment(
                backend, admin, f"app/{name}", "imports: [app/base]\nvalues: {a: 1}\n" if name == "dev" else "values: {}\n"
            )
        alice = signed(make_user(backend, "alice", org="acme"))
        make_team(backend, "ops", members=["alice"])
        for name, longest in (("dev", "1h"), ("base", "10m")):
            change = {"projectName": "app", "envName": name, "permission": "open", "maxOpenDuration": longest}
            client.patch("/api/orgs/acme/teams/ops", json={"addEnvironmentPermission": change})
        sessions = [client.post(f"{E}/open?duration=2h", headers=who).json()["id"] for who in (alice, {})]
        clock.pass_seconds(601)

        assert [404, 200] == [
            client.get(f"{E}/open/{session}", headers=who).status_code for session, who in zip(sessions, (alice, {}), strict=True)
        ]

    def test_of_members_are_the_organizations_setting(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """The level that an organization gives its members holds on every environment."""
        make_environment(backend, admin, "app/dev", "values: {a: 1}\n")
        alice = signed(make_user(backend, "alice", org="acme"))
        with backend.db.begin() as tx:
            org_id = orgs.find_id(tx, "acme") or ""
            orgs.update_settings(tx, org_id, lambda old: type(old)(default_environment_permission="read"))

        assert 200 == client.get(E, headers=alice).status_code
        assert 403 == client.post(f"{E}/open", headers=alice).status_code
        assert ["dev"] == [entry["name"] for entry in client.get(ENVIRONMENTS, headers=alice).json()["environments"]]


class TestCatalogues:
    def test_list_what_can_be_opened(self, client: TestClient) -> None:
        """Each provider and rotator of a list has its schemas."""
        for kind in ("providers", "rotators"):
            for name in client.get(f"/api/esc/{kind}").json()[kind]:
                found = client.get(f"/api/esc/{kind}/{name}/schema").json()
                assert {"name", "description", "inputs", "outputs"} == set(found)
            assert 404 == client.get(f"/api/esc/{kind}/nope/schema").status_code

    def test_describe_the_context(self, client: TestClient) -> None:
        """The schema of `context` has the members that an evaluation has."""
        members = client.get("/api/esc/context/schema").json()["schema"]["properties"]

        assert {"currentEnvironment", "rootEnvironment", "pulumi"} == set(members)
