"""Old deliveries, messages that were given up, and what belongs to a deleted webhook are deleted."""

from collections.abc import Iterator

import pytest

from common.backend import Backend
from common.outbox import service as outbox
from common.rights.caller import Caller
from common.stacks.model import Kind, StackPath
from common.stacks.updates.model import Completion
from common.webhooks import cleanup, service
from common.webhooks.model import Address, Delivery
from tests.clocks import FrozenClock
from tests.factories.people import ORG
from tests.factories.stacks import complete, creation, make_running, make_stack, record
from tests.factories.webhooks import ACME, calling, deliver_all, make_delivery, make_webhook
from tests.peers.webhook_receiver import WebhookReceiver
from tests.stacks.engine.builders import make_resource, make_state

DEV = Address(ORG, "shop", "dev")
STATE = make_state(make_resource("a"))


@pytest.fixture
def server(backend: Backend) -> Backend:
    """A server that may call loopback."""
    return calling(backend)


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    """A receiver that takes everything."""
    with WebhookReceiver() as running:
        yield running


@pytest.fixture
def stack(server: Backend, admin: Caller) -> StackPath:
    """Stack acme/shop/dev, with nothing left to deliver."""
    path = make_stack(server, admin)
    deliver_all(server)
    return path


def run(
    server: Backend, admin: Caller, stack: StackPath, kind: Kind = Kind.UPDATE, *, ok: bool = True, dry: bool = False
) -> None:
    """Run an update that creates a resource."""
    running = make_running(server, admin, stack, kind=kind, dry_run=dry)
    if not dry:
        record(server, running, *creation("b", 1))
    complete(server, running, Completion.SUCCEEDED if ok else Completion.FAILED)


def deliveries(server: Backend, admin: Caller, name: str = "hook") -> list[Delivery]:
    """Return the deliveries of a webhook of acme, the newest first."""
    return service.list_deliveries(server, admin, ACME, name)


def pass_time(clock: FrozenClock, server: Backend, hours: int = 3) -> None:
    """Deliver what comes due within some hours."""
    for _ in range(hours * 60):
        clock.pass_seconds(60)
        deliver_all(server)


class TestCleanup:
    def test_keeps_thirty_days(self, server: Backend, admin: Caller, clock: FrozenClock) -> None:
        """Deliveries older than 30 days are deleted."""
        webhook = make_webhook(server, admin, "https://hooks.example.com/x")
        make_delivery(server, webhook)
        clock.pass_seconds(86_400 * 30)
        kept = make_delivery(server, webhook)
        clock.pass_seconds(1)

        assert 1 == cleanup.delete_expired(server)
        assert [kept.id] == [one.id for one in deliveries(server, admin)]

    def test_keeps_failed_messages_a_day(self, server: Backend, admin: Caller, stack: StackPath, clock: FrozenClock) -> None:
        """The outbox keeps an event that was given up for a day; the webhook's list of deliveries has it for longer."""
        make_webhook(server, admin, "https://10.0.0.1/x")
        run(server, admin, stack)
        pass_time(clock, server)
        [_], _ = outbox.page_failed(server, admin, None)
        clock.pass_seconds(86_400)

        assert (1, 0) == (cleanup.delete_expired(server), cleanup.delete_expired(server))
        assert ([], None) == outbox.page_failed(server, admin, None)
        assert 1 == len(deliveries(server, admin))

    def test_keeps_a_number_of_each_webhook(self, server: Backend, admin: Caller, clock: FrozenClock) -> None:
        """Of the deliveries of one webhook the newest are kept; another one's do not count."""
        webhooks = [make_webhook(server, admin, "https://hooks.example.com/x", name) for name in ("hook", "other")]
        for webhook in webhooks:
            for _ in range(3):
                clock.pass_seconds(1)
                make_delivery(server, webhook)
        newest = [one.id for one in deliveries(server, admin)][:2]
        counts = [cleanup.delete_expired(server, 2) for _ in range(3)]

        assert (2, 0) == (sum(counts), counts[-1])
        assert newest == [one.id for one in deliveries(server, admin)]

    def test_deletes_what_belongs_to_a_deleted_webhook(
        self, server: Backend, admin: Caller, stack: StackPath, receiver: WebhookReceiver
    ) -> None:
        """Deliveries and waiting events go with their webhook; one of the same name begins anew."""
        make_webhook(server, admin, receiver.url)
        service.ping(server, admin, ACME, "hook")
        receiver.status = 500
        run(server, admin, stack)
        deliver_all(server)
        service.delete(server, admin, ACME, "hook")
        receiver.take()
        make_webhook(server, admin, receiver.url)
        deliver_all(server)

        assert ([], []) == (deliveries(server, admin), receiver.take())
