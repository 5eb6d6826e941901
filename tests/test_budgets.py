"""What each kind of request may cost, counted through the whole application (docs/decisions; the table is the rule)."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from common.backend import Backend
from common.ports.keys.data_keys import DataKeys
from common.stacks.engine import delta
from tests.counting import Counter
from tests.factories.clients import make_client
from tests.factories.stacks import creation
from tests.stacks.engine.builders import make_resource, make_state
from tests.wire import begin, create_stack, create_update, import_state, program, start_update

S = "/api/stacks/acme/shop/dev"
A, B = make_state(make_resource("a")), make_state(make_resource("b"))
EVENT = {"sequence": 1, "stdoutEvent": {}}
Cost = tuple[int, int, int, int]


@pytest.fixture(autouse=True)
def stack(client: TestClient) -> None:
    """A stack with a state, and a first call of everything that a process does once: groups, the key of leases."""
    create_stack(client, tags={"env": "x"})
    import_state(client, S, A)
    begin(client, S, dry_run=True).renew()


@pytest.fixture
def cost(counter: Counter) -> Callable[[Callable[[], Response]], Cost]:
    """Return (statements, blob reads, blob writes, key calls) of a call that succeeds."""

    def measure(call: Callable[[], Response]) -> Cost:
        counter.reset()
        reply = call()
        assert reply.is_success, reply.text
        return counter.cost

    return measure


Measure = Callable[[Callable[[], Response]], Cost]


class TestReads:
    @pytest.mark.parametrize(
        ("path", "statements"),
        [
            ("/api/user", 1),
            ("/api/capabilities", 0),
            ("/api/status", 1),
            ("/healthz", 0),
            ("/api/cli/version", 0),
            ("/api/user/organizations/default", 1),
            ("/api/user/stacks", 2),
            (S, 2),
            (f"{S}/updates?pageSize=1&page=1", 3),
            (f"{S}/updates/latest", 3),
            (f"{S}/policypacks", 2),
        ],
    )
    def test_without_a_state(self, client: TestClient, cost: Measure, path: str, statements: int) -> None:
        """The caller costs one statement, and the thing that is read one or two more."""
        assert (statements, 0, 0, 0) == cost(lambda: client.get(path))

    @pytest.mark.parametrize(("path", "statements"), [("export", 4), ("outputs", 4), ("resources/latest", 2), ("export/1", 5)])
    def test_of_a_state(self, client: TestClient, cost: Measure, path: str, statements: int) -> None:
        """A state is one read of the store beside the statements that find it; two more record an export, or a read of outputs."""
        assert (statements, 1, 0, 0) == cost(lambda: client.get(f"{S}/{path}"))

    def test_of_a_status(self, client: TestClient, cost: Measure) -> None:
        """Polling an update is the caller and one statement."""
        update_id = create_update(client, S)

        assert (2, 0, 0, 0) == cost(lambda: client.get(f"{S}/update/{update_id}"))


class TestLifeOfAnUpdate:
    def test_create_and_start(self, client: TestClient, cost: Measure) -> None:
        """Creating costs three statements and starting five, with the same tags or none: two of them record the start."""
        update_id = create_update(client, S)

        assert (3, 0, 0, 0) == cost(lambda: client.post(f"{S}/update", json=program()))
        assert (5, 0, 0, 0) == cost(lambda: start_update(client, S, update_id, tags={"env": "x"}))

    def test_begin_in_one_call(self, client: TestClient, cost: Measure) -> None:
        """Four requests in one cost three statements, the read of the base, and two statements that record the start."""
        body = {"updateKind": "update", "program": program(), "tags": {"env": "x"}, "journalVersion": 2}

        assert (5, 1, 0, 0) == cost(lambda: client.post(f"{S}/begin-update", json=body))

    def test_what_a_running_update_sends(self, client: TestClient, cost: Measure) -> None:
        """A journal batch, an event batch and a renewal cost one statement each, however much is in them."""
        update = begin(client, S)
        many = [one for step in range(1, 30) for one in creation(f"r{step}", step)]

        for call in (
            lambda: update.journal(*creation("b", 40)),
            lambda: update.journal(*many),
            update.journal,
            lambda: update.events(EVENT, EVENT),
            update.renew,
        ):
            assert (1, 0, 0, 0) == cost(call)

    def test_a_batch_too_large_for_a_row(self, client: TestClient, cost: Measure) -> None:
        """A large batch is one statement and one write of the store."""
        update = begin(client, S)
        large = [{**EVENT, "stdoutEvent": {"message": "x" * 300_000}}]

        assert (1, 0, 1, 0) == cost(lambda: update.events(*large))

    def test_checkpoints(self, client: TestClient, cost: Measure) -> None:
        """A whole checkpoint is one statement and one write; a delta reads the text before it too."""
        update = begin(client, S, journal=0)

        assert (1, 0, 1, 0) == cost(lambda: update.checkpoint(B))
        assert (1, 0, 1, 0) == cost(lambda: update.verbatim(A, 1))
        assert (2, 1, 1, 0) == cost(lambda: update.delta(delta.digest(B), 2, (0, len(A), B.decode())))

    def test_complete_with_a_journal(self, client: TestClient, cost: Measure) -> None:
        """The end of an update costs at most seven statements, two of them for the audit log, one read and one write."""
        update = begin(client, S)
        update.journal(*creation("b", 1))
        statements, gets, puts, keys = cost(update.complete)

        assert statements <= 7
        assert (1, 1, 0) == (gets, puts, keys)

    def test_complete_without_changes(self, client: TestClient, cost: Measure) -> None:
        """An update that changed nothing writes nothing to the store."""
        update = begin(client, S, journal=0)
        statements, gets, puts, keys = cost(update.complete)

        assert statements <= 6
        assert (0, 0, 0) == (gets, puts, keys)


class TestWithWebhooks:
    @pytest.fixture(autouse=True)
    def webhook(self, client: TestClient, stack: None) -> None:
        """A webhook of the organization that gets every event."""
        body = {
            "displayName": "Hook",
            "payloadUrl": "https://hooks.example.com/x",
            "filters": ["update_started"],
            "groups": ["stacks"],
        }
        assert 201 == client.post("/api/orgs/acme/hooks", json=body).status_code

    def test_a_start_and_an_end_cost_one_statement_more(self, client: TestClient, cost: Measure) -> None:
        """Each queues one event, however many webhooks there are; what a running update sends costs the same."""
        update_id = create_update(client, S)
        assert (6, 0, 0, 0) == cost(lambda: start_update(client, S, update_id, tags={"env": "x"}))
        client.post(f"{S}/update/{update_id}/cancel")
        update = begin(client, S)
        assert (1, 0, 0, 0) == cost(lambda: update.journal(*creation("b", 1)))
        assert cost(update.complete)[0] <= 8


class TestKeys:
    CALLS = (("encrypt", {"plaintext": "eA=="}), ("batch-encrypt", {"plaintexts": ["eA=="] * 50}))

    @pytest.mark.parametrize(("call", "body"), CALLS)
    def test_are_asked_once_by_a_process(self, backend: Backend, cost: Measure, call: str, body: dict[str, object]) -> None:
        """A value, or a batch of them, costs two statements, and one call of the key service in a process that is new."""
        client = make_client(replace(backend, data_keys=DataKeys(backend.keys, backend.clock)))

        assert (2, 0, 0, 1) == cost(lambda: client.post(f"{S}/{call}", json=body))
        assert (2, 0, 0, 0) == cost(lambda: client.post(f"{S}/{call}", json=body))
