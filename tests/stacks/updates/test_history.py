import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.clocks import FrozenClock
from tests.stacks.engine.builders import make_resource, make_state
from tests.wire import LiveUpdate, begin, create_stack, create_update, error_of, import_state

S = "/api/stacks/acme/shop/dev"
SUMMARY = {"sequence": 9, "summaryEvent": {"isPreview": False, "resourceChanges": {"create": 2, "same": 1}}}


@pytest.fixture(autouse=True)
def stack(client: TestClient) -> None:
    """The stack acme/shop/dev."""
    create_stack(client)


@pytest.fixture
def several(client: TestClient, clock: FrozenClock) -> list[LiveUpdate]:
    """Four versions, a second apart: an update, an import, a failed refresh, a destroy that runs."""
    first = begin(client, S, metadata={"message": "one", "environment": {"git.head": "abc"}}, config={"shop:k": {"string": "v"}})
    clock.pass_seconds(1)
    first.events(SUMMARY)
    first.complete()
    clock.pass_seconds(1)
    import_state(client, S, make_state(make_resource("a"), make_resource("b")))
    clock.pass_seconds(1)
    failed = begin(client, S, "refresh")
    clock.pass_seconds(1)
    failed.complete("failed")
    clock.pass_seconds(1)
    return [first, failed, begin(client, S, "destroy")]


def updates(client: TestClient, **query: Any) -> list[dict[str, Any]]:
    """Return the stack's history."""
    found: list[dict[str, Any]] = client.get(f"{S}/updates", params=query).json()["updates"]
    return found


class TestList:
    def test_is_newest_first(self, client: TestClient, several: list[LiveUpdate], clock: FrozenClock) -> None:
        """Every version but the creation is listed with its kind, result and times."""
        start = int(clock.moment.timestamp()) - 5

        assert [
            (4, "destroy", "in-progress", start + 5, start + 5),
            (3, "refresh", "failed", start + 3, start + 4),
            (2, "import", "succeeded", start + 2, start + 2),
            (1, "update", "succeeded", start, start + 1),
        ] == [(one["version"], one["kind"], one["result"], one["startTime"], one["endTime"]) for one in updates(client)]

    def test_has_upstreams_shape(self, client: TestClient, several: list[LiveUpdate], clock: FrozenClock) -> None:
        """An entry repeats message, environment and configuration, and counts what changed."""
        start = int(clock.moment.timestamp()) - 5

        assert {
            "kind": "update",
            "startTime": start,
            "message": "one",
            "environment": {"git.head": "abc"},
            "config": {"shop:k": {"string": "v"}},
            "result": "succeeded",
            "endTime": start + 1,
            "version": 1,
            "resourceCount": 0,
            "resourceChanges": {"create": 2, "same": 1},
        } == updates(client)[-1]

    def test_of_what_has_no_program(self, client: TestClient, several: list[LiveUpdate]) -> None:
        """An import has no message and no configuration: both are there and empty."""
        found = updates(client)[2]

        assert ("", {}, {}, 2) == (found["message"], found["environment"], found["config"], found["resourceCount"])
        assert "resourceChanges" not in found

    @pytest.mark.parametrize(
        ("query", "versions"),
        [
            ({}, [4, 3, 2, 1]),
            ({"pageSize": 1, "page": 1}, [4]),
            ({"pageSize": 2, "page": 2}, [2, 1]),
            ({"pageSize": 3}, [4, 3, 2]),
            ({"pageSize": 2, "page": 3}, []),
            ({"pageSize": 10, "page": 99}, []),
        ],
    )
    def test_has_pages(self, client: TestClient, several: list[LiveUpdate], query: dict[str, int], versions: list[int]) -> None:
        """Pages count from 1, one beyond the end is empty, and without a size everything comes at once."""
        assert versions == [one["version"] for one in updates(client, **query)]

    @pytest.mark.parametrize("query", [{"page": 0}, {"pageSize": 0}, {"pageSize": "x"}, {"page": -1}, {"pageSize": 10**9}])
    def test_refuses_a_bad_page(self, client: TestClient, query: dict[str, Any]) -> None:
        """A page that cannot be is 400, never 422."""
        assert (400, 400) == error_of(client.get(f"{S}/updates", params=query))[:2]

    def test_does_not_list_previews(self, client: TestClient) -> None:
        """A dry run of any kind is no version, and neither is an update that never started."""
        begin(client, S, dry_run=True).complete()
        create_update(client, S)

        assert [] == updates(client)

    def test_in_the_services_own_shape(self, client: TestClient, several: list[LiveUpdate]) -> None:
        """`output-type=service` wraps each entry with its id and who asked for it, and counts all."""
        found = client.get(f"{S}/updates", params={"output-type": "service", "pageSize": 2, "page": 1}).json()

        assert (2, 4, [4, 3]) == (found["itemsPerPage"], found["total"], [one["version"] for one in found["updates"]])
        assert several[2].id == found["updates"][0]["updateID"]
        assert "admin" == found["updates"][0]["requestedBy"]["githubLogin"]
        assert found["updates"][1]["info"] == updates(client)[1]


class TestOne:
    def test_is_the_latest_or_a_version(self, client: TestClient, several: list[LiveUpdate]) -> None:
        """The latest and any version come with id, number and the newest number."""
        latest, first = client.get(f"{S}/updates/latest").json(), client.get(f"{S}/updates/1").json()

        assert (several[2].id, 4, 4) == (latest["updateID"], latest["version"], latest["latestVersion"])
        assert (several[0].id, 1, 4) == (first["updateID"], first["version"], first["latestVersion"])
        assert updates(client)[-1] == first["info"]

    def test_of_a_stack_without_updates(self, client: TestClient) -> None:
        """Before the first update `latest` is 404, which clients take for "no previous deployment"."""
        assert (404, 404, "Not Found: Stack 'acme/shop/dev' has no updates") == error_of(client.get(f"{S}/updates/latest"))

    @pytest.mark.parametrize("version", ["0", "9", "-1", "99999999999999999999"])
    def test_of_a_version_that_is_not_there(self, client: TestClient, several: list[LiveUpdate], version: str) -> None:
        """An unknown version is 404; the creation is not an update."""
        assert (404, 404) == error_of(client.get(f"{S}/updates/{version}"))[:2]

    def test_has_a_summary(self, client: TestClient, several: list[LiveUpdate]) -> None:
        """The summary has result, times and the number of resources."""
        found, entry = client.get(f"{S}/updates/2/summary").json(), updates(client)[2]

        assert {name: entry[name] for name in ("result", "startTime", "endTime", "resourceCount")} == found


class TestPreviews:
    @pytest.fixture
    def previews(self, client: TestClient, clock: FrozenClock) -> list[LiveUpdate]:
        """Two previews before version 1, one of which has not ended, and one after it."""
        found = []
        for number in range(3):
            clock.pass_seconds(1)
            found.append(begin(client, S, "update" if number else "destroy", dry_run=True))
            if number:
                found[-1].complete()
            if number == 1:
                begin(client, S).complete()
        create_update(client, S, dry_run=True)
        return found

    def ids(self, client: TestClient, version: str, **query: Any) -> list[str]:
        """Return the ids of the previews that are listed for a version."""
        return [one["updateID"] for one in client.get(f"{S}/updates/{version}/previews", params=query).json()["updates"]]

    def test_are_those_since_the_latest_update(self, client: TestClient, previews: list[LiveUpdate]) -> None:
        """Previews belong to the version after which they ran; one that never started is not shown."""
        assert [previews[2].id] == self.ids(client, "latest") == self.ids(client, "1")

    def test_come_in_both_orders_and_pages(self, client: TestClient, previews: list[LiveUpdate]) -> None:
        """Oldest first, unless asked otherwise."""
        first, second = previews[0].id, previews[1].id

        assert [first, second] == self.ids(client, "0")
        assert [second, first] == self.ids(client, "0", asc="false")
        assert [first] == self.ids(client, "0", asc="false", pageSize=1, page=2)

    def test_can_be_read_one_by_one(self, client: TestClient, previews: list[LiveUpdate]) -> None:
        """A preview has an entry of its own, without a number; a real update is not found there."""
        found = client.get(f"{S}/previews/{previews[0].id}").json()
        real = client.get(f"{S}/updates/1").json()["updateID"]

        assert ("destroy", "in-progress", 0) == (found["info"]["kind"], found["info"]["result"], found["version"])
        assert "in-progress" == client.get(f"{S}/previews/{previews[0].id}/summary").json()["result"]
        assert [404, 404, 404] == [client.get(f"{S}/previews/{one}").status_code for one in (real, "none", "0" * 36)]

    def test_are_in_the_timeline_of_the_next_version(self, client: TestClient, previews: list[LiveUpdate]) -> None:
        """The timeline of a version has the previews that ran before it."""
        for path in ("1", "latest"):
            found = client.get(f"{S}/updates/{path}/timeline").json()
            assert [previews[0].id, previews[1].id] == [one["updateID"] for one in found["previews"]]


class TestActivity:
    def test_lists_updates(self, client: TestClient, several: list[LiveUpdate]) -> None:
        """Activity is the history in the service's shape, page by page."""
        found = client.get(f"{S}/activity", params={"pageSize": 3, "page": 2}).json()

        assert ([1], 3, 4) == ([one["update"]["version"] for one in found["activity"]], found["itemsPerPage"], found["total"])


class TestExactness:
    @pytest.mark.parametrize(
        "text",
        [
            '{"name":"shop","config":{"b":{"string":"","secret":false},"a":{"n":1.0,"big":18446744073709551615}},"metadata":{"message":"\\ud83d x","environment":{"e":"é"}}}',
            '{"config":null,"metadata":null}',
            '{"metadata":{"message":"","environment":null}}',
            "{}",
        ],
        ids=["odd", "null", "null-inside", "empty"],
    )
    def test_of_what_the_client_sent(self, client: TestClient, text: str) -> None:
        """Configuration and message are repeated in the client's own spelling; what was not sent is empty."""
        sent = json.loads(text)
        made = client.post(f"{S}/update", content=text)
        client.post(f"{S}/update/{made.json()['updateID']}", json={})
        found = client.get(f"{S}/updates").content

        assert 200 == made.status_code
        for part in (
            '"config":{"b":{"string":"","secret":false},"a":{"n":1.0,"big":18446744073709551615}}',
            '"message":"\\ud83d x"',
        ):
            assert (part.encode() in found) == (part in text)
        assert (sent.get("config") or {}) == json.loads(found)["updates"][0]["config"]
