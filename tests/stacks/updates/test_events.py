from typing import Any

import pytest
from starlette.testclient import TestClient

from common.stacks.updates.service import events
from tests.stacks.engine.builders import dump
from tests.wire import LiveUpdate, begin, create_stack, create_update, error_of, import_state

S = "/api/stacks/acme/shop/dev"


@pytest.fixture
def update(client: TestClient) -> LiveUpdate:
    """A running update."""
    return begin(client, create_stack(client))


def message(number: int, text: str = "") -> dict[str, Any]:
    """Return an event."""
    return {"sequence": number, "timestamp": 1_800_000_000, "stdoutEvent": {"message": text or f"m{number}", "color": "never"}}


def page(client: TestClient, update: LiveUpdate, token: str | None = None, **query: Any) -> tuple[list[int], str | None]:
    """Return (sequence numbers, token) of a page."""
    found = client.get(f"{update.url}/events", params={**({"continuationToken": token} if token else {}), **query}).json()
    return [one["sequence"] for one in found["events"]], found["continuationToken"]


class TestPages:
    def test_are_in_order_of_sequence(self, client: TestClient, update: LiveUpdate) -> None:
        """Three posters run at once, so batches arrive in any order; events come out in theirs, each once."""
        for numbers in ((2, 3), (0, 1), (2, 3), (1, 2, 4)):
            assert 200 == update.events(*map(message, numbers)).status_code
        update.complete()

        assert ([0, 1, 2, 3, 4], None) == page(client, update)

    def test_name_the_payload(self, client: TestClient, update: LiveUpdate) -> None:
        """Each event has the member `type`, which names the member with its payload, unless its client sent a type."""
        update.events(message(0), {"sequence": 1, "futureEvent": {}}, {"sequence": 2, "type": "mine", "cancelEvent": {}})
        events = client.get(f"{update.url}/events").json()["events"]

        assert ["stdoutEvent", None, "mine"] == [event.get("type") for event in events]
        assert "m0" == events[0][events[0]["type"]]["message"]

    def test_stop_at_a_gap_while_the_update_runs(self, client: TestClient, update: LiveUpdate) -> None:
        """What is missing may still arrive: a reader waits for it, and never sees an event after it before."""
        update.events(message(0), message(1))
        update.events(message(3))
        first = page(client, update)
        waiting = page(client, update, first[1])
        update.events(message(2))

        assert (([0, 1], "2"), ([], "2")) == (first, waiting)
        assert ([2, 3], "4") == page(client, update, "2")

    def test_go_on_over_a_gap_at_the_end(self, client: TestClient, update: LiveUpdate) -> None:
        """Once the update has ended, what is missing stays missing."""
        update.events(message(0), message(3))
        update.complete()

        assert ([0, 3], None) == page(client, update)

    def test_end_only_when_the_update_does(self, client: TestClient, update: LiveUpdate) -> None:
        """The token is null only when everything was given and nothing can come any more; it fits a URL as it is."""
        empty = page(client, update)
        update.events(message(0))
        running = page(client, update, empty[1])
        update.complete()

        assert (([], "0"), ([0], "1")) == (empty, running)
        assert ([], None) == page(client, update, running[1])

    def test_are_bounded(self, client: TestClient, update: LiveUpdate) -> None:
        """A long stream comes in pages, whether batches overlap or not, and each event once."""
        for start in range(0, 2 * events.EVENT_BATCHES_PER_PAGE + 2, 2):
            update.events(*map(message, range(start, start + 3)))
        update.complete()
        found, token, pages = [], None, 0
        while pages == 0 or token is not None:
            numbers, token = page(client, update, token)
            found += numbers
            pages += 1
            assert pages < 20

        assert list(range(2 * events.EVENT_BATCHES_PER_PAGE + 3)) == found
        assert pages > 1

    def test_are_bounded_by_size(self, client: TestClient, update: LiveUpdate) -> None:
        """Large batches make short pages."""
        for number in range(3):
            update.events(message(number, "x" * events.EVENT_BYTES_PER_PAGE))
        update.complete()

        assert ([0], "1") == page(client, update)
        assert ([1], "2") == page(client, update, "1")
        assert ([2], None) == page(client, update, "2")

    def test_have_large_batches_too(self, client: TestClient, update: LiveUpdate) -> None:
        """A batch in the object store is read as one in a row."""
        update.events(message(0, "x" * 20_000))
        update.events(message(1))
        update.complete()

        assert ([0, 1], None) == page(client, update)

    def test_keep_the_text(self, client: TestClient, update: LiveUpdate) -> None:
        """An event is given as it was sent, lone surrogates and unknown kinds included."""
        odd = rb'{"sequence":0,"timestamp":1, "futureEvent":{"n":1E5,"m":"\u0000\ud83d"}}'
        update.events(odd)

        assert odd in client.get(f"{update.url}/events").content

    @pytest.mark.parametrize("token", ["x", "-1", "1.5", str(1 << 63), "9" * 40, " "])
    def test_refuse_a_bad_token(self, client: TestClient, update: LiveUpdate, token: str) -> None:
        """A token that is not ours is 400."""
        assert (400, 400) == error_of(client.get(f"{update.url}/events", params={"continuationToken": token}))[:2]


class TestFilters:
    @pytest.fixture
    def mixed(self, update: LiveUpdate) -> LiveUpdate:
        """Events of several kinds about two resources."""
        update.events(
            message(0),
            {"sequence": 1, "diagnosticEvent": {"urn": "a", "message": ""}},
            {"sequence": 2, "resourcePreEvent": {"metadata": {"urn": "b", "op": "create"}}},
            {"sequence": 3, "policyEvent": {"resourceUrn": "a", "policyName": "p"}},
            {"sequence": 4, "resOutputsEvent": {"metadata": {"urn": "a"}}},
            {"sequence": 5, "summaryEvent": {"resourceChanges": {}}},
        )
        return update

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"type": "9"}, [3]),
            ({"type": ["2", "9"]}, [0, 3]),
            ({"urn": "a"}, [1, 3, 4]),
            ({"urn": ["a", "b"]}, [1, 2, 3, 4]),
            ({"urn": "a", "type": "7"}, [4]),
            ({"type": "99"}, []),
            ({"urn": ""}, [0, 5]),
            ({"include_non_activated": "true"}, [0, 1, 2, 3, 4, 5]),
        ],
    )
    def test_narrow_what_is_shown(
        self, client: TestClient, mixed: LiveUpdate, query: dict[str, Any], expected: list[int]
    ) -> None:
        """Types and resources narrow the events, and the place to go on is counted over all of them."""
        assert (expected, "6") == page(client, mixed, **query)

    @pytest.mark.parametrize("code", ["policyEvent", "9" * 4301, "²", "-1"])
    def test_refuse_a_type_that_is_no_number(self, client: TestClient, mixed: LiveUpdate, code: str) -> None:
        """Types are codes, none of which has thousands of digits."""
        assert (400, 400) == error_of(client.get(f"{mixed.url}/events", params={"type": code}))[:2]

    def test_pass_over_an_event_of_millions_of_members(self, client: TestClient, update: LiveUpdate) -> None:
        """One event may be as large as a batch; a filter does not open it, and finds the others."""
        large = {**message(1), **{f"name{number:>060}": 1 for number in range(20_000)}}
        assert 200 == update.events(message(0), large).status_code
        update.events(message(2))
        update.complete()

        assert ([0, 2], None) == page(client, update, type=["2"])


class TestWhose:
    def test_may_be_named_by_version(self, client: TestClient, update: LiveUpdate) -> None:
        """A reader may give a version's number in place of the id, or a preview's id."""
        update.events(message(0))
        update.complete()
        import_state(client, S, b'{"version":3,"deployment":{"manifest":{}}}')
        preview = begin(client, S, dry_run=True)
        preview.events(message(0), message(1))

        assert [0] == [one["sequence"] for one in client.get(f"{S}/update/1/events").json()["events"]]
        assert {"events": [], "continuationToken": None} == client.get(f"{S}/update/2/events").json()
        assert ([0, 1], "2") == page(client, preview)
        assert 404 == client.get(f"{S}/update/3/events").status_code

    def test_of_an_update_that_waits(self, client: TestClient, update: LiveUpdate) -> None:
        """An update that has not started has no events yet, and its readers wait."""
        waiting = create_update(client, S)

        assert {"events": [], "continuationToken": "0"} == client.get(f"{S}/update/{waiting}/events").json()

    @pytest.mark.parametrize("update_id", ["none", "0", "0190b7a8-0000-7000-8000-000000000000"])
    def test_of_nothing_known(self, client: TestClient, update: LiveUpdate, update_id: str) -> None:
        """Unknown updates are 404."""
        assert (404, 404) == error_of(client.get(f"{S}/update/{update_id}/events"))[:2]


class TestRecording:
    @pytest.mark.parametrize("body", [b"", b"[]", b'{"events":7}', b'{"events":[7]}', b"{"])
    def test_refuses_what_is_no_batch(self, update: LiveUpdate, body: bytes) -> None:
        """A body that is no batch is 400."""
        assert (400, 400) == error_of(update.send("POST", "events/batch", body))[:2]

    def test_takes_single_events(self, client: TestClient, update: LiveUpdate) -> None:
        """Old clients send them one by one."""
        assert 200 == update.send("POST", "events", dump(message(0))).status_code
        assert ([0], "1") == page(client, update)

    def test_refuses_a_batch_of_millions_of_escapes(self, update: LiveUpdate) -> None:
        """Each lone surrogate takes twenty times its text when it is read."""
        text = b'{"events":[{"sequence":1,"stdoutEvent":{"message":"%b"}}]}' % (rb"\ud83d" * 1_100_000)

        status, _code, reason = error_of(update.send("POST", "events/batch", text))
        assert 400 == status
        assert "more than 1,000,000 surrogate escapes" in reason
