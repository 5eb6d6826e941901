"""Lines of an update's log, as the oldest clients send them."""

import random
from base64 import b64encode
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from tests.stacks.engine.builders import dump
from tests.wire import LiveUpdate, begin, create_stack

S = "/api/stacks/acme/shop/dev"


@pytest.fixture
def update(client: TestClient) -> LiveUpdate:
    """A running update."""
    return begin(client, create_stack(client))


def send(update: LiveUpdate, text: str, kind: str = "stdout", **fields: str) -> Response:
    """Send a line of the log."""
    return update.send("POST", "log", dump({"kind": kind, "fields": {"text": text, **fields}}))


def events_of(client: TestClient, update: LiveUpdate) -> list[dict[str, Any]]:
    """Return the events of the update, without their times and types."""
    events = client.get(f"{update.url}/events").json()["events"]
    return [{name: value for name, value in event.items() if name not in ("timestamp", "type")} for event in events]


def test_a_line_is_an_event(client: TestClient, update: LiveUpdate) -> None:
    """Lines get the numbers 0, 1, 2; what is printed as an error or has a severity is a diagnostic."""
    assert 204 == send(update, "one", colorize="raw").status_code
    send(update, "two", "stderr")
    send(update, "three", severity="warning")

    assert [
        {"sequence": 0, "stdoutEvent": {"message": "one", "color": "raw"}},
        {"sequence": 1, "diagnosticEvent": {"message": "two", "color": "always", "severity": "error"}},
        {"sequence": 2, "diagnosticEvent": {"message": "three", "color": "always", "severity": "warning"}},
    ] == events_of(client, update)


def test_a_line_follows_the_events_before_it(client: TestClient, update: LiveUpdate) -> None:
    """A line gets the number after the largest one that the update has recorded."""
    update.events({"sequence": 0, "cancelEvent": {}}, {"sequence": 1, "cancelEvent": {}})
    send(update, "next")

    assert [0, 1, 2] == [event["sequence"] for event in events_of(client, update)]


def test_an_empty_line_is_not_kept(client: TestClient, update: LiveUpdate) -> None:
    """A line without text is accepted and adds no event."""
    assert 204 == send(update, "").status_code
    assert [] == events_of(client, update)


def test_a_long_line_is_kept_in_the_object_store(client: TestClient, update: LiveUpdate) -> None:
    """A line that is too large for a row comes back whole."""
    text = b64encode(random.Random(1).randbytes(1 << 19)).decode()
    send(update, text)

    assert text == events_of(client, update)[0]["stdoutEvent"]["message"]


@pytest.mark.parametrize("body", [{"kind": "other"}, {"fields": {}}, {"kind": "stdout", "fields": {"text": 1}}, []])
def test_other_forms_are_refused(update: LiveUpdate, body: Any) -> None:
    """A kind that is not known, or a text that is a number, is a bad request."""
    assert 400 == update.send("POST", "log", dump(body)).status_code


def test_a_line_needs_the_lease(client: TestClient, update: LiveUpdate) -> None:
    """After the end of the update no line is accepted, not even an empty one."""
    update.complete()

    assert [403, 403] == [send(update, text).status_code for text in ("late", "")]
