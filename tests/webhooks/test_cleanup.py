"""Old deliveries, messages that were given up, and what belongs to a deleted webhook are deleted."""

from common.backend import Backend
from common.outbox import service as outbox
from common.rights.caller import Caller
from common.stacks.model import StackPath
from common.webhooks import cleanup, service
from tests.clocks import FrozenClock
from tests.factories.webhooks import ACME, deliver_all, deliveries, make_delivery, make_webhook, pass_time, run_update
from tests.peers.webhook_receiver import WebhookReceiver


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
        run_update(server, admin, stack)
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
        run_update(server, admin, stack)
        deliver_all(server)
        service.delete(server, admin, ACME, "hook")
        receiver.take()
        make_webhook(server, admin, receiver.url)
        deliver_all(server)

        assert ([], []) == (deliveries(server, admin), receiver.take())
