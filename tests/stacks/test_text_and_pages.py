"""Lists of stacks over several pages, histories, and text beyond ASCII."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.rights.caller import Caller
from tests.counting import Counter
from tests.factories.people import make_user
from tests.factories.stacks import make_stack
from tests.stacks.engine.builders import make_state
from tests.wire import LiveUpdate, begin, create_stack, error_of, export, import_state

S = "/api/stacks/acme/shop/dev"
LIST = "/api/user/stacks"


class TestEmojiInTheCommitMessage:
    MESSAGE = "fix: 👍🏽 日本語 " + "x" * 5000
    URN = "urn:pulumi:dev::shop::test:index:Pet::😸"

    def test_survives_everywhere(self, client: TestClient) -> None:
        """Message, environment, configuration, URN, event and tag come back as they were sent."""
        create_stack(client, tags={"mood": "😀"})
        environment = {"git.author": "Ægir 🧊", "git.headName": "feature/日本"}
        config = {"shop:k": {"string": "🐰", "secret": False, "object": False}}
        update = begin(
            client, S, description="🦉 ünï", config=config, metadata={"message": self.MESSAGE, "environment": environment}
        )
        made = {"urn": self.URN, "custom": True, "id": "1", "type": "test:index:Pet"}
        update.journal(
            {"version": 1, "kind": 1, "sequenceID": 1, "operationID": 1, "removeOld": None, "removeNew": None, "state": made}
        )
        update.events({"sequence": 0, "timestamp": 1, "resourcePreEvent": {"metadata": {"urn": self.URN, "op": "create"}}})
        update.complete()
        [entry] = client.get(f"{S}/updates?pageSize=1&page=1").json()["updates"]

        assert (self.MESSAGE, environment, config) == (entry["message"], entry["environment"], entry["config"])
        assert made == json.loads(export(client, S))["deployment"]["resources"][0]
        assert 1 == len(client.get(f"{update.url}/events", params={"urn": self.URN}).json()["events"])
        assert {"mood": "😀"} == client.get(S).json()["tags"]
        assert ["dev"] == [
            one["stackName"] for one in client.get(LIST, params={"tagName": "mood", "tagValue": "😀"}).json()["stacks"]
        ]
        found = client.get(f"{S}/resources/latest/{self.URN}").json()["resource"]["resource"]
        assert {"delete": False, "dependencies": []} | made == found


class TestSeveralPagesOfStacks:
    COUNT, TAGGED = 65, 20

    @pytest.fixture(autouse=True)
    def many(self, backend: Backend, admin: Caller) -> None:
        """Stacks in 13 projects, the last of them by name tagged, and some of another organization."""
        for number in range(self.COUNT):
            tags = {"env": "prod"} if number >= self.COUNT - self.TAGGED else {}
            make_stack(backend, admin, f"s{number:03}", project=f"p{number % 13:02}", tags=tags)
        make_stack(backend, admin, "own", org="admin", tags={"env": "prod"})

    def walk(self, client: TestClient, headers: dict[str, str] | None = None, **query: Any) -> list[str]:
        """Return the names that a listing gives, page by page, each page but the last one full."""
        found: list[str] = []
        token = None
        while True:
            page = client.get(LIST, params={**query, **({"continuationToken": token} if token else {})}, headers=headers).json()
            assert all(one["projectName"] and one["stackName"] for one in page["stacks"])
            found += [f"{one['projectName']}/{one['stackName']}" for one in page["stacks"]]
            token = page["continuationToken"]
            assert token != ""
            if token is None:
                return found
            assert len(page["stacks"]) == int(query.get("maxResults", 100))

    def test_all_are_found_once(self, client: TestClient, backend: Backend) -> None:
        """Whatever the page, anyone who asks, each visible stack is there exactly once."""
        bob = {"Authorization": f"token {make_user(backend, 'bob', org='acme')}"}
        expected = sorted(f"p{number % 13:02}/s{number:03}" for number in range(self.COUNT))

        for size in (7, 30, 500):
            assert expected == self.walk(client, organization="acme", maxResults=size)
        assert expected == self.walk(client, bob, maxResults=20)
        assert self.COUNT + 1 == len(self.walk(client, maxResults=11))

    def test_filters_apply_before_the_page_is_cut(self, client: TestClient) -> None:
        """A filter hides no match that lies behind the first page."""
        assert self.TAGGED == len(self.walk(client, organization="acme", tagName="env", maxResults=9))
        assert self.TAGGED == len(self.walk(client, organization="acme", tagName="env", tagValue="prod", maxResults=6))
        assert 5 == len(self.walk(client, organization="acme", project="p07", maxResults=2))
        assert [] == self.walk(client, tagName="env", tagValue="Prod")

    def test_a_change_between_two_pages_loses_nothing_else(self, client: TestClient) -> None:
        """What is deleted or created meanwhile moves no other stack over the edge of a page."""
        first = client.get(LIST, params={"organization": "acme", "maxResults": 25}).json()
        last = first["stacks"][-1]
        client.delete(f"/api/stacks/acme/{last['projectName']}/{last['stackName']}")
        create_stack(client, "a", project="p00")
        rest = self.walk(client, organization="acme", maxResults=25, continuationToken=first["continuationToken"])

        assert (
            self.COUNT
            == len({f"{one['projectName']}/{one['stackName']}" for one in first["stacks"]} | set(rest))
            == 25 + len(rest)
        )

    def test_old_clients_get_everything_at_once(self, client: TestClient) -> None:
        """Clients that know no pages would take the first one for all."""
        found = client.get(LIST, headers={"Accept": "application/vnd.pulumi+7"}).json()

        assert (self.COUNT + 1, None) == (len(found["stacks"]), found["continuationToken"])

    def test_foreign_tokens_are_refused(self, client: TestClient, backend: Backend) -> None:
        """Rubbish, another user's token and a token of another filter are 400."""
        bob = {"Authorization": f"token {make_user(backend, 'bob', org='acme')}"}
        token = client.get(LIST, params={"maxResults": 1}).json()["continuationToken"]
        found = [
            client.get(LIST, params={"continuationToken": "garbage"}),
            client.get(LIST, params={"continuationToken": token}, headers=bob),
            client.get(LIST, params={"continuationToken": token, "project": "p01"}),
        ]

        assert [(400, 400)] * 3 == [error_of(one)[:2] for one in found]

    def test_a_page_costs_the_same_anywhere(self, client: TestClient, counter: Counter) -> None:
        """The number of statements depends neither on the page nor on how many stacks there are."""
        costs, token = set(), None
        for _ in range(5):
            counter.reset()
            query = {"maxResults": 12, **({"continuationToken": token} if token else {})}
            token = client.get(LIST, params=query).json()["continuationToken"]
            costs.add(counter.cost)

        assert {(2, 0, 0, 0)} == costs


class TestConfigInTheHistory:
    CONFIG = (
        '{"shop:plain":{"string":"","secret":false,"object":false},"shop:o":{"string":"{\\"a\\":{\\"secure\\":\\"djE6QUFB\\"},\\"n\\":1.0,\\"e\\":{}}",'
        '"secret":true,"object":true},"shop:pw":{"string":"djE6QkJC","secret":true,"object":false}}'
    )

    @pytest.fixture(autouse=True)
    def four(self, client: TestClient) -> None:
        """An update with configuration, an import, an update that failed, one that did not, and a preview."""
        create_stack(client)
        body = f'{{"name":"shop","runtime":"yaml","options":{{"dryRun":false}},"config":{self.CONFIG},"metadata":{{"message":"","environment":{{}}}}}}'
        update_id = client.post(f"{S}/update", content=body).json()["updateID"]
        started = client.post(f"{S}/update/{update_id}", json={"tags": None, "journalVersion": 1}).json()
        first = LiveUpdate(client, S, update_id, started, token=started["token"])
        first.events({"sequence": 1, "summaryEvent": {"resourceChanges": {"create": 1}}})
        first.complete()
        import_state(client, S, make_state())
        begin(client, S).complete("failed")
        begin(client, S, "preview", dry_run=True).complete()
        begin(client, S).complete()

    def updates(self, client: TestClient, query: str) -> list[Any]:
        """Return a page of the history."""
        return list(client.get(f"{S}/updates{query}").json()["updates"])

    def test_config_is_what_was_sent(self, client: TestClient) -> None:
        """Empty members, nested secrets and ciphertexts of any provider come back character for character."""
        assert self.CONFIG.encode() in client.get(f"{S}/updates").content
        assert self.CONFIG.encode() in client.get(f"{S}/updates/1").content

    def test_newest_first_without_previews(self, client: TestClient) -> None:
        """Pages hold the versions in falling order; one beyond the end is empty."""
        assert [[4], [2, 1], [], [4, 3, 2, 1]] == [
            [one["version"] for one in self.updates(client, query)]
            for query in ("?pageSize=1&page=1", "?pageSize=2&page=2", "?page=99&pageSize=10", "")
        ]
        assert ["update", "update", "import", "update"] == [one["kind"] for one in self.updates(client, "")]

    def test_an_entry_is_final_when_complete_has_answered(self, client: TestClient) -> None:
        """Result, end and changes are there at once, in the list and as the latest."""
        first = self.updates(client, "")[-1]
        latest = client.get(f"{S}/updates/latest").json()

        assert ("succeeded", {"create": 1}, True) == (first["result"], first["resourceChanges"], first["endTime"] > 0)
        assert ("failed", 4) == (self.updates(client, "")[1]["result"], latest["version"])
        assert self.updates(client, "")[0] == latest["info"]
