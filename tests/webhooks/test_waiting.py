"""Events that wait for a webhook: how many there may be, and pauses of a receiver that fails again and again."""

import json

import pytest

from common.backend import Backend
from common.outbox import service as outbox
from common.outbox.model import Message
from common.rights.caller import Caller
from common.stacks import events
from common.stacks.model import StackPath
from common.webhooks import delivery, service
from tests.clocks import FrozenClock
from tests.factories.webhooks import (
    ACME,
    deliver_all,
    deliveries,
    make_webhook,
    run_update,
    settings_of,
)
from tests.peers.webhook_receiver import WebhookReceiver


class TestWaiting:
    def test_has_a_limit(self, server: Backend, admin: Caller, stack: StackPath, receiver: WebhookReceiver) -> None:
        """Of a webhook for which too many events wait, the oldest are listed as failed with the reason, and newer ones sent."""
        make_webhook(server, admin, receiver.url)
        handlers = {events.TOPIC: lambda at, message: delivery.queue_for_webhooks(at, message, waiting_limit=3)}
        for _ in range(5):
            run_update(server, admin, stack)
            outbox.deliver_due(server, handlers)
        deliver_all(server)

        dropped = [one for one in deliveries(server, admin) if not one.is_success]
        assert ["3", "4", "5"] == [request.json["updateUrl"].rpartition("/")[2] for request in receiver.take()]
        assert [delivery.TOO_MANY.format(3)] * 2 == [one.problem for one in dropped]
        assert {"1", "2"} == {json.loads(one.payload)["updateUrl"].rpartition("/")[2] for one in dropped}
        assert [delivery.TOO_MANY.format(3)] * 2 == [one.problem for one in outbox.page_failed(server, admin, None)[0]]

    def test_never_drops_a_message_that_is_being_delivered(
        self, server: Backend, admin: Caller, stack: StackPath, receiver: WebhookReceiver
    ) -> None:
        """The oldest event may be on its way: the next one is given up instead."""
        make_webhook(server, admin, receiver.url)
        handlers = {events.TOPIC: lambda at, message: delivery.queue_for_webhooks(at, message, waiting_limit=1)}
        run_update(server, admin, stack)
        outbox.deliver_due(server, handlers)

        def send_while_others_come(at: Backend, message: Message) -> None:
            for _ in range(2):
                run_update(server, admin, stack)
                outbox.deliver_due(server, handlers)
            delivery.deliver(at, message)

        outbox.deliver_due(server, {delivery.TOPIC: send_while_others_come})

        assert "1" == receiver.take()[0].json["updateUrl"].rpartition("/")[2]


class TestPause:
    def test_stops_calls_of_a_receiver_that_fails(
        self, server: Backend, admin: Caller, stack: StackPath, clock: FrozenClock, receiver: WebhookReceiver
    ) -> None:
        """After five failures in a row nothing is sent for a while, whatever comes; the pause doubles up to an hour."""
        make_webhook(server, admin, receiver.url)
        receiver.status = 500
        for _ in range(5):
            service.ping(server, admin, ACME, "hook")
        run_update(server, admin, stack)
        counts = []
        for seconds in (0, 59, 1, 119, 1, 239, 1):
            receiver.take()
            clock.pass_seconds(seconds)
            deliver_all(server)
            counts.append(len(receiver.take()))

        assert [0, 0, 1, 0, 1, 0, 1] == counts

    @pytest.mark.parametrize("how", ["change", "ping"])
    def test_ends_with_a_change_or_a_success(
        self, *, server: Backend, admin: Caller, stack: StackPath, clock: FrozenClock, receiver: WebhookReceiver, how: str
    ) -> None:
        """After a repair nothing waits for its next attempt: everything is sent at once."""
        make_webhook(server, admin, receiver.url)
        receiver.status = 500
        for _ in range(5):
            run_update(server, admin, stack)
            clock.pass_seconds(600)
            deliver_all(server)
        receiver.status = 200
        receiver.take()
        if how == "ping":
            service.ping(server, admin, ACME, "hook")
        else:
            service.update(server, admin, ACME, "hook", settings_of(receiver.url + "/new"))
        deliver_all(server)

        assert 5 == sum(request.kind == "stack_update" for request in receiver.take())

    def test_is_not_for_ever(
        self, server: Backend, admin: Caller, stack: StackPath, clock: FrozenClock, receiver: WebhookReceiver
    ) -> None:
        """An event that a paused webhook did not get within two days is listed as failed, with the reason."""
        make_webhook(server, admin, receiver.url)
        receiver.status = 500
        for _ in range(5):
            service.ping(server, admin, ACME, "hook")
        run_update(server, admin, stack)
        deliver_all(server)
        clock.pass_seconds(86_400 * 2)
        service.ping(server, admin, ACME, "hook")
        clock.pass_seconds(1)
        deliver_all(server)

        assert delivery.TOO_OLD in [one.problem for one in deliveries(server, admin)]

    def test_of_one_webhook_leaves_others(
        self, server: Backend, admin: Caller, stack: StackPath, receiver: WebhookReceiver
    ) -> None:
        """A receiver that is down does not hold up another one."""
        make_webhook(server, admin, "https://127.0.0.1:9/x", "down")
        make_webhook(server, admin, receiver.url)
        for _ in range(7):
            run_update(server, admin, stack)
            deliver_all(server)

        assert 7 == len(receiver.take())
