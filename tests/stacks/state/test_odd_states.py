"""States that are easy to damage: aliases, spellings of numbers, odd strings, files of other backends."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from starlette.testclient import TestClient

from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.stacks.engine.builders import make_resource
from tests.wire import LiveUpdate, begin, create_stack, export, import_state, resources_of

DATA = Path(__file__).with_name("data")
S = "/api/stacks/acme/shop/dev"
NUMBER = re.compile(rb'"(big|beyond53|neg|float|exp|EXP|tiny|negzero|long|plain)": ?([^,}\s]+)')


def data(name: str) -> bytes:
    """Return a file of this folder's data."""
    return (DATA / name).read_bytes()


def journal(name: str) -> list[bytes]:
    """Return a file's journal entries, each in its own spelling."""
    return [line.strip().rstrip(b",") for line in data(name).splitlines() if line.strip()]


class TestAliasOfAParent:
    ENDS: ClassVar[dict[str, Callable[[TestClient, LiveUpdate, FrozenClock], object]]] = {
        "failed": lambda _client, update, _clock: update.complete("failed"),
        "cancelled": lambda _client, update, _clock: update.cancel(),
        "vanished": lambda _client, _update, clock: clock.pass_seconds(301),
    }

    @pytest.mark.parametrize("end", ENDS)
    def test_children_follow_their_parents_new_type(self, client: TestClient, clock: FrozenClock, end: str) -> None:
        """However the update ends, children and those who refer to them name the URN that exists, and no alias is left."""
        create_stack(client)
        import_state(client, S, data("alias-base.json"))
        update = begin(client, S)
        assert 204 == update.journal(*journal("alias-journal.jsonl")).status_code
        self.ENDS[end](client, update, clock)

        assert json.loads(data("alias-expected.json")) == resources_of(export(client, S))
        assert data("alias-base.json") == export(client, S, 1)


class TestSpellingOfNumbers:
    NUMBERS: ClassVar = dict(NUMBER.findall(data("numbers-resource.json")))

    def container(self) -> bytes:
        """Return a state of the resource with all the numbers."""
        return (
            b'{"version":3,"deployment":{"manifest":{"time":"2026-01-02T03:04:05Z","magic":"","version":""},"resources":[%s]}}'
            % data("numbers-resource.json")
        )

    def imported(self, client: TestClient) -> None:
        """Brings the numbers in by an import."""
        import_state(client, S, self.container())

    def checkpointed(self, client: TestClient) -> None:
        """Brings the numbers in by a whole checkpoint."""
        update = begin(client, S, journal=0)
        assert 204 == update.checkpoint(self.container()).status_code
        update.complete()

    def journaled(self, client: TestClient) -> None:
        """Brings the numbers in by a journal."""
        update = begin(client, S)
        update.journal(
            b'{"version":1,"kind":1,"sequenceID":1,"operationID":1,"removeOld":null,"removeNew":null,"state":%s}'
            % data("numbers-resource.json")
        )
        update.complete()

    @pytest.mark.parametrize("way", [imported, checkpointed, journaled])
    def test_numbers_keep_their_spelling(self, client: TestClient, way: Callable[[Any, TestClient], None]) -> None:
        """Through every way in, another update, a rename and a read of an old version, each number keeps its text."""
        create_stack(client)
        way(self, client)
        texts = [export(client, S)]
        update = begin(client, S)
        update.journal(
            {
                "version": 1,
                "kind": 1,
                "sequenceID": 1,
                "operationID": 1,
                "removeOld": None,
                "removeNew": None,
                "state": make_resource("other"),
            }
        )
        update.complete()
        texts.append(export(client, S))
        client.post(f"{S}/rename", json={"newName": "prod", "newProject": ""})
        texts += [export(client, "/api/stacks/acme/shop/prod"), export(client, "/api/stacks/acme/shop/prod", 1)]

        assert 10 == len(self.NUMBERS)
        for text in texts:
            assert self.NUMBERS == dict(NUMBER.findall(text))


class TestOddStrings:
    def test_import_gives_them_back(self, client: TestClient) -> None:
        """NUL, lone surrogates, marks and odd keys survive an import, and two exports are the same bytes."""
        create_stack(client)
        import_state(client, S, data("strings-deployment.json"))

        assert data("strings-deployment.json") == export(client, S) == export(client, S)

    def test_journal_keeps_the_resource(self, client: TestClient) -> None:
        """The save does not fail after the resource was created, and the state says that it holds byte strings."""
        create_stack(client)
        update = begin(client, S)
        sent = json.loads(data("strings-deployment.json"))["deployment"]["resources"][0]
        entry = {
            "version": 1,
            "kind": 1,
            "sequenceID": 1,
            "operationID": 1,
            "removeOld": None,
            "removeNew": None,
            "requiresByteString": True,
        }
        assert 204 == update.journal(json.dumps({**entry, "state": sent}).encode()).status_code
        assert 204 == update.complete().status_code
        found = json.loads(export(client, S))

        assert (4, ["byteString"]) == (found["version"], found["features"])
        assert sent == found["deployment"]["resources"][0]

    def test_values_of_any_bytes_are_encrypted(self, client: TestClient) -> None:
        """A secret need not be text."""
        create_stack(client)
        ciphertext = client.post(f"{S}/encrypt", json={"plaintext": "AP/+"}).json()["ciphertext"]

        assert "AP/+" == client.post(f"{S}/decrypt", json={"ciphertext": ciphertext}).json()["plaintext"]

    def test_events_take_them(self, client: TestClient) -> None:
        """A message with a NUL and half a character is kept."""
        create_stack(client)
        update = begin(client, S)
        event = rb'{"sequence":0,"timestamp":1,"diagnosticEvent":{"message":"a\u0000b\ud83d","color":"never","severity":"info"}}'
        sent = update.events(event)
        update.complete()

        assert 200 == sent.status_code
        assert event in client.get(f"{update.url}/events").content


class TestStateOfAnotherBackend:
    def test_is_imported_as_it_is(self, client: TestClient, counter: Counter) -> None:
        """A state that names another service is kept whole, its secrets are no one's to open, and it is version 1."""
        create_stack(client)
        counter.reset()
        update_id = import_state(client, S, data("foreign-export.json"))
        keys = counter.keys
        status = client.get(f"{S}/update/{update_id}").json()
        [entry] = client.get(f"{S}/updates").json()["updates"]

        assert ({"status": "succeeded", "events": [], "continuationToken": None}, 0) == (status, keys)
        assert json.loads(data("foreign-export.json")) == json.loads(export(client, S))
        assert ("import", 1) == (entry["kind"], entry["version"])
