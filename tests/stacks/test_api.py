from typing import Any

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from common.backend import Backend
from common.db.tables.stacks import stacks
from common.rights.caller import Caller
from tests.clocks import FrozenClock
from tests.factories.environments import make_environment
from tests.factories.people import make_user
from tests.factories.stacks import make_stack
from tests.stacks.engine.builders import make_resource, make_state
from tests.wire import begin, create_stack, error_of, export, import_state

# Shapes, statuses and texts; that both databases do the same, the tests of the services show.
pytestmark = pytest.mark.dialects("sqlite")
S = "/api/stacks/acme/shop/dev"
STATE = {"version": 3, "deployment": {"manifest": {}, "secrets_providers": {"type": "passphrase", "state": {"salt": "v1:x"}}}}


class TestCreate:
    def test_answers_with_an_object(self, client: TestClient) -> None:
        """A created stack is answered with messages, and can be read at once."""
        made = client.post("/api/stacks/acme/shop", json={"stackName": "dev"})

        assert (200, {"messages": []}) == (made.status_code, made.json())
        assert 200 == client.get(S).status_code

    def test_takes_everything_but_the_name_as_optional(self, client: TestClient) -> None:
        """Tags, teams, state and configuration may be left out, null or empty."""
        for name, members in (
            ("a", {}),
            ("b", {"tags": None, "teams": None, "state": None, "config": None}),
            ("c", {"teams": []}),
        ):
            create_stack(client, name, **members)

    def test_keeps_a_given_state(self, client: TestClient) -> None:
        """The state a stack is created with is what it exports; the stack is still at version 0 and counts no update."""
        create_stack(client, state=STATE)
        found = client.get(S).json()

        assert STATE == client.get(f"{S}/export").json()
        assert (0, "") == (found["version"], found["activeUpdate"])
        assert 404 == client.get(f"{S}/updates/latest").status_code

    def test_with_its_configuration_in_an_environment(self, client: TestClient) -> None:
        """`pulumi stack init --remote-config` makes the environment with the stack, or uses one that is there."""
        config = {"config": {"environment": "shop/dev"}}
        assert 200 == client.post("/api/stacks/acme/shop", json={"stackName": "dev", **config}).status_code
        assert 200 == client.get("/api/esc/environments/acme/shop/dev").status_code
        assert {"environment": "shop/dev"} == client.get(S).json()["config"]
        assert 200 == client.post("/api/stacks/acme/shop", json={"stackName": "two", **config}).status_code
        assert 400 == client.post("/api/stacks/acme/shop", json={"stackName": "x", "config": {"environment": "a b"}}).status_code

    def test_that_is_refused_leaves_no_environment(self, client: TestClient) -> None:
        """A stack and its environment are made together or not at all."""
        create_stack(client)
        again = {"stackName": "dev", "config": {"environment": "shop/fresh"}}

        assert 409 == client.post("/api/stacks/acme/shop", json=again).status_code
        assert 404 == client.get("/api/esc/environments/acme/shop/fresh").status_code

    def test_twice_is_a_conflict(self, client: TestClient) -> None:
        """The client looks for `already exists` in the message."""
        create_stack(client)
        again = client.post("/api/stacks/acme/shop", json={"stackName": "dev"})

        assert (409, 409, "Conflict: Stack 'acme/shop/dev' already exists") == error_of(again)

    @pytest.mark.parametrize(
        "body",
        [
            b"[]",
            b'"x"',
            b'{"stackName":5}',
            b"{",
            b"",
            b"{}",
            b"null",
            b"\xff",
            b'{"stackName":"dev","tags":{"a":1}}',
            b'{"stackName":"a b"}',
            b'{"stackName":".."}',
            b'{"stackName":""}',
            b'{"stackName":"dev","tags":{"a b":"1"}}',
            b'{"stackName":"dev","state":[]}',
            b'{"stackName":"dev","state":{"version":9,"deployment":{}}}',
            b'{"stackName":"dev","config":{}}',
            b"[" * 100_000,
        ],
    )
    def test_refuses_a_bad_body(self, client: TestClient, body: bytes) -> None:
        """What is not a request to create a stack is 400, and nothing is made."""
        assert (400, 400) == error_of(client.post("/api/stacks/acme/shop", content=body))[:2]
        assert [] == client.get("/api/user/stacks").json()["stacks"]

    @pytest.mark.parametrize("project", ["a b", "a" * 101, "..", "."])
    def test_refuses_a_bad_project(self, client: TestClient, project: str) -> None:
        """A project's name has the same alphabet as a stack's."""
        found = client.post(f"/api/stacks/acme/{project.replace('.', '%2E')}", json={"stackName": "dev"})

        assert (400, 400) == error_of(found)[:2]

    def test_needs_an_organization_of_the_callers(self, client: TestClient, backend: Backend) -> None:
        """Another user's organization has the same 404 as one that does not exist."""
        make_user(backend, "bob")
        found = [client.post(f"/api/stacks/{org}/shop", json={"stackName": "dev"}) for org in ("bob", "unknown")]

        assert [(404, 404, f"Not Found: Organization '{org}' not found") for org in ("bob", "unknown")] == [*map(error_of, found)]

    def test_refuses_an_unknown_team(self, client: TestClient) -> None:
        """A team that does not exist is refused rather than ignored."""
        team = client.post("/api/stacks/acme/shop", json={"stackName": "dev", "teams": ["ops"]})

        assert (404, 404, "Not Found: Team 'ops' not found") == error_of(team)


class TestGet:
    def test_has_upstreams_shape(self, client: TestClient) -> None:
        """A new stack has names, tags and version 0, and no operation."""
        create_stack(client, tags={"pulumi:project": "shop"})
        found = client.get(S).json()

        assert 36 == len(found.pop("id"))
        assert {
            "orgName": "acme",
            "projectName": "shop",
            "stackName": "dev",
            "activeUpdate": "",
            "version": 0,
            "tags": {"pulumi:project": "shop"},
        } == found

    def test_shows_who_is_at_work_only_meanwhile(self, client: TestClient, clock: FrozenClock) -> None:
        """While an update runs it is the current operation; afterwards only its id stays."""
        create_stack(client)
        update = begin(client, S, "destroy")
        during = client.get(S).json()
        update.complete()
        after = client.get(S).json()

        assert {"kind": "destroy", "author": "admin", "started": int(clock.moment.timestamp())} == during["currentOperation"]
        assert "currentOperation" not in after
        assert (update.id, update.id, 1) == (during["activeUpdate"], after["activeUpdate"], after["version"])

    def test_of_a_missing_one(self, client: TestClient) -> None:
        """A stack that is not there is 404 with upstream's text."""
        assert (404, 404, "Not Found: Stack 'acme/shop/dev' not found") == error_of(client.get(S))


class TestDelete:
    def test_leaves_nothing_to_find(self, client: TestClient) -> None:
        """A deleted stack is 404 at once, and its name is free."""
        create_stack(client)

        assert 204 == client.delete(S).status_code
        assert 404 == client.get(S).status_code == client.delete(S).status_code
        assert create_stack(client)

    def test_whose_only_resource_is_the_stack_itself_needs_none(self, client: TestClient) -> None:
        """The resource that stands for the stack is no reason to keep it; any other one is, and so is one beside it."""
        create_stack(client)
        root = make_resource("dev", type="pulumi:pulumi:Stack", custom=False, id="")
        for resources, status in (([make_resource("a")], 400), ([root, make_resource("a")], 400), ([root], 204)):
            import_state(client, S, make_state(*resources))
            assert status == client.delete(f"{S}?force=false").status_code

    def test_with_resources_needs_force(self, client: TestClient) -> None:
        """The whole refusal is compared by clients; `force` is what removes such a stack."""
        create_stack(client, state={"version": 3, "deployment": {"manifest": {}, "resources": [{"urn": "u", "type": "t"}]}})

        assert (400, 400, "Bad Request: Stack still contains resources.") == error_of(client.delete(f"{S}?force=false"))
        assert 204 == client.delete(f"{S}?force=true").status_code

    def test_during_an_update_is_a_conflict(self, client: TestClient) -> None:
        """An update in progress keeps its stack, with and without force."""
        create_stack(client)
        begin(client, S)

        assert [409, 409] == [client.delete(f"{S}?force={force}").status_code for force in ("true", "false")]

    def test_refuses_a_bad_flag(self, client: TestClient) -> None:
        """A flag that is neither true nor false is 400, never 422."""
        create_stack(client)

        assert (400, 400) == error_of(client.delete(f"{S}?force=perhaps"))[:2]


class TestProject:
    def test_is_there_or_not(self, client: TestClient) -> None:
        """HEAD tells whether a project has a stack, without a body."""
        create_stack(client)

        assert [200, 404, 404] == [client.head(f"/api/stacks/{path}").status_code for path in ("acme/shop", "acme/web", "b/shop")]


class TestTags:
    def test_are_replaced_and_set_one_by_one(self, client: TestClient) -> None:
        """PATCH replaces all, POST sets one, PATCH and DELETE of a name act on it; each answers 204."""
        create_stack(client, tags={"old": "1"})
        calls = [
            client.patch(f"{S}/tags", json={"env": "prod", "empty": ""}),
            client.post(f"{S}/tags", json={"name": "pulumi:x", "value": "😀"}),
            client.patch(f"{S}/tags/env", json={"value": "test"}),
            client.delete(f"{S}/tags/empty"),
        ]

        assert [204] * 4 == [found.status_code for found in calls]
        assert {"env": "test", "pulumi:x": "😀"} == client.get(S).json()["tags"]

    def test_that_are_missing(self, client: TestClient) -> None:
        """A tag that is not there is 404 in the words for it."""
        create_stack(client)
        found = [client.delete(f"{S}/tags/a"), client.patch(f"{S}/tags/a", json={"value": "1"})]

        assert [(404, 404, "Not Found: Stack 'acme/shop/dev' has no tag 'a'")] * 2 == [*map(error_of, found)]

    def test_of_the_provider(self, client: TestClient) -> None:
        """StackTag: made, 400 when it is there, read from the stack, changed, removed, and read as absent."""
        create_stack(client)
        tag = f"{S}/tags/owner"
        made = client.post(f"{S}/tags", json={"name": "owner", "value": "ops"})
        again = client.post(f"{S}/tags", json={"name": "owner", "value": "web"})
        after_make = client.get(S).json()["tags"]
        changed = client.patch(tag, json={"name": "owner", "value": "web"})
        after_change = client.get(S).json()["tags"]
        removed, twice = client.delete(tag), client.delete(tag)

        assert (204, 400, {"owner": "ops"}) == (made.status_code, error_of(again)[0], after_make)
        assert (204, {"owner": "web"}) == (changed.status_code, after_change)
        assert (204, 404) == (removed.status_code, error_of(twice)[0])
        assert {} == client.get(S).json()["tags"]
        assert 400 == error_of(client.patch(tag, json={"name": "other", "value": "x"}))[0]

    @pytest.mark.parametrize("name", ["pulumi:project", "pulumi:runtime", "vcs:kind"])
    def test_that_are_built_in_stay(self, client: TestClient, name: str) -> None:
        """Single calls leave alone what clients set themselves; all at once they may change."""
        create_stack(client, tags={name: "shop"})
        calls = [
            client.patch(f"{S}/tags/{name}", json={"value": "web"}),
            client.delete(f"{S}/tags/{name}"),
            client.post(f"{S}/tags", json={"name": name, "value": "web"}),  # it is there
        ]

        assert [400] * 3 == [error_of(found)[0] for found in calls]
        for tags in ({name: "web"}, {}):
            assert 204 == client.patch(f"{S}/tags", json=tags).status_code

    @pytest.mark.parametrize("body", [{"a": 1}, {"a": None}, [], "x", {"a b": "1"}, {"a": "x" * 257}, {"a": "\ud800"}])
    def test_refuse_a_bad_body(self, client: TestClient, body: Any) -> None:
        """Tags are a map of short texts; anything else is 400 and changes nothing."""
        from json import dumps

        create_stack(client, tags={"env": "dev"})

        assert (400, 400) == error_of(client.patch(f"{S}/tags", content=dumps(body)))[:2]
        assert {"env": "dev"} == client.get(S).json()["tags"]


class TestConfig:
    def test_is_read_and_removed(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """The reference of a stack from before is shown, and can be taken away."""
        make_stack(backend, admin)
        with backend.db.begin() as tx:
            tx.execute(update(stacks).values(config='{"environment":"shop/dev"}'))

        assert {"environment": "shop/dev"} == client.get(f"{S}/config").json() == client.get(S).json()["config"]
        assert 204 == client.delete(f"{S}/config").status_code
        assert 404 == client.get(f"{S}/config").status_code

    def test_names_an_environment_that_the_caller_may_read(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """A reference that nothing could follow is not found."""
        create_stack(client)
        missing = client.put(f"{S}/config", json={"environment": "shop/dev"}).status_code
        make_environment(backend, admin, "shop/dev")

        assert (404, 400) == (missing, client.put(f"{S}/config", json={"environment": "/"}).status_code)
        assert 200 == client.put(f"{S}/config", json={"environment": "shop/dev"}).status_code
        assert {"environment": "shop/dev"} == client.get(f"{S}/config").json()
        assert 404 == client.put(f"{S}/config", json={"environment": "shop/dev@9"}).status_code

    def test_refuses_a_bad_body(self, client: TestClient) -> None:
        """A configuration names an environment."""
        create_stack(client)

        assert (400, 400) == error_of(client.put(f"{S}/config", json={"secretsProvider": "x"}))[:2]


class TestMetadata:
    def test_names_the_owner(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """A stack belongs to the user who created it."""
        make_stack(backend, admin)
        found = client.get(f"{S}/metadata").json()

        assert "admin" == found["ownedBy"]["githubLogin"]
        assert {"notifyUpdateSuccess": False, "notifyUpdateFailure": False} == found["notificationSettings"]


class TestExportOfANewStack:
    def test_is_a_container_that_every_client_opens(self, client: TestClient) -> None:
        """Without `version` and `deployment` every command would fail."""
        create_stack(client)

        assert b'{"version":3,"deployment":{"manifest":{"time":"0001-01-01T00:00:00Z","magic":"","version":""}}}' == export(
            client, S
        )
