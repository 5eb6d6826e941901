"""Events of stacks reach the webhooks that are subscribed to them, signed, once, and in order; receivers may misbehave."""

import hashlib
import hmac
import json
import time
from dataclasses import replace
from typing import Any

import pytest

from common.backend import Backend
from common.outbox import service as outbox
from common.ports.outbound import Outbound, Purpose, Reply
from common.rights.caller import Caller
from common.stacks.model import Kind, StackPath
from common.stacks.service import lifecycle
from common.webhooks import service
from common.webhooks.model import Address, Format
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.people import ORG
from tests.factories.sign_in import at_once
from tests.factories.stacks import complete, import_state, make_running, make_stack
from tests.factories.webhooks import (
    ACME,
    PublicOutbound,
    calling,
    deliver_all,
    deliveries,
    make_webhook,
    pass_time,
    run_update,
    settings_of,
)
from tests.interleaving import Crash, interleaved
from tests.peers.webhook_receiver import Received, WebhookReceiver
from tests.stacks.engine.builders import make_resource, make_state

DEV = Address(ORG, "shop", "dev")
STATE = make_state(make_resource("a"))


def names(requests: list[Received]) -> list[str]:
    """Return kind and result of requests."""
    return [
        f"{request.kind} {request.json.get('kind', '')} {request.json.get('result', request.json.get('action'))}"
        for request in requests
    ]


class CountedOutbound(Outbound):
    """Calls out as ever, and counts."""

    calls = 0

    def call(self, method: str, url: str, **content: Any) -> Reply:
        self.calls += 1
        return super().call(method, url, **content)


def _misbehave(receiver: WebhookReceiver, how: str) -> None:
    match how:
        case "slow":
            receiver.delay_seconds = 3.0
        case "redirects":
            receiver.status, receiver.headers = 302, {"Location": receiver.url}
        case "fails":
            receiver.status = 500
        case "drops":
            receiver.drops = True


class TestEvents:
    def test_of_updates(self, server: Backend, admin: Caller, stack: StackPath, receiver: WebhookReceiver) -> None:
        """Every kind of update tells how it ended, with its changes and a link; a preview is an event of its own."""
        make_webhook(server, admin, receiver.url)
        run_update(server, admin, stack)
        run_update(server, admin, stack, ok=False)
        run_update(server, admin, stack, Kind.DESTROY)
        run_update(server, admin, stack, Kind.REFRESH)
        run_update(server, admin, stack, dry=True)
        import_state(server, admin, stack, STATE)
        deliver_all(server)
        requests = receiver.take()

        assert [
            "stack_update update succeeded",
            "stack_update update failed",
            "stack_update destroy succeeded",
            "stack_update refresh succeeded",
            "stack_preview update succeeded",
            "stack_update import succeeded",
        ] == names(requests)
        user = {"name": "Administrator", "githubLogin": "admin", "avatarUrl": ""}
        first = requests[0].json
        assert user == first["user"]
        assert ("acme", "shop", "dev", False) == (
            first["organization"]["githubLogin"],
            first["projectName"],
            first["stackName"],
            first["isPreview"],
        )
        assert first["updateUrl"].endswith("/acme/shop/dev/updates/1")
        assert isinstance(first["resourceChanges"], dict)
        assert "/acme/shop/dev/previews/" in requests[4].json["updateUrl"]
        assert requests[4].json["isPreview"] is True

    def test_of_stacks(self, server: Backend, admin: Caller, receiver: WebhookReceiver) -> None:
        """The organization's webhook tells that a stack was created and deleted."""
        make_webhook(server, admin, receiver.url)
        path = make_stack(server, admin)
        lifecycle.delete(server, admin, path, force=True)
        deliver_all(server)
        requests = receiver.take()

        assert ["stack  created", "stack  deleted"] == names(requests)
        assert [("shop", "dev", "admin")] * 2 == [
            (one.json["projectName"], one.json["stackName"], one.json["user"]["githubLogin"]) for one in requests
        ]

    def test_of_a_start_go_to_those_who_name_it(
        self, server: Backend, admin: Caller, stack: StackPath, receiver: WebhookReceiver
    ) -> None:
        """`update_started` is our own event, and in no group."""
        make_webhook(server, admin, receiver.url, filters=("update_started",), groups=("stacks",))
        make_webhook(server, admin, receiver.url + "/all", "all")
        run_update(server, admin, stack)
        deliver_all(server)
        requests = receiver.take()

        assert ["stack_update update started", "stack_update update succeeded"] == names(
            [r for r in requests if r.path == "/hook"]
        )
        assert ["stack_update update succeeded"] == names([r for r in requests if r.path == "/hook/all"])

    def test_go_to_webhooks_that_want_them(
        self, server: Backend, admin: Caller, stack: StackPath, receiver: WebhookReceiver, clock: FrozenClock
    ) -> None:
        """Webhooks of the stack and of the organization get an event by their filters; those turned off and of others do not."""
        make_stack(server, admin, "other")
        for name, address, values in (
            ("org", ACME, {}),
            ("stack", DEV, {}),
            ("failed", ACME, {"filters": ("update_failed",)}),
            ("policies", ACME, {"groups": ("policies",)}),
            ("off", ACME, {"active": False}),
            ("foreign", Address(ORG, "shop", "other"), {}),
        ):
            make_webhook(server, admin, f"{receiver.url}/{name}", name, address, **values)
        make_webhook(server, admin, "shop/other", "deployments", DEV, format=Format.DEPLOYMENTS)
        deliver_all(server)
        receiver.take()
        run_update(server, admin, stack)
        deliver_all(server)
        assert ["/hook/org", "/hook/stack"] == sorted(request.path for request in receiver.take())
        run_update(server, admin, stack, ok=False)
        deliver_all(server)
        # An organization has two deliveries at once; the third one may have been postponed.
        clock.pass_seconds(5)
        deliver_all(server)
        assert ["/hook/failed", "/hook/org", "/hook/stack"] == sorted(request.path for request in receiver.take())

    def test_of_an_update_that_was_given_up(
        self, server: Backend, admin: Caller, stack: StackPath, receiver: WebhookReceiver
    ) -> None:
        """A change that is rolled back sends nothing, and a repeat of the same end sends one event."""
        make_webhook(server, admin, receiver.url)
        running = make_running(server, admin, stack)

        def end() -> None:
            raise Crash

        with pytest.raises(Crash), interleaved(server, "INSERT INTO outbox", end):
            complete(server, running)
        deliver_all(server)
        assert [] == receiver.take()
        complete(server, running)
        complete(server, running)
        deliver_all(server)
        assert ["stack_update update succeeded"] == names(receiver.take())


class TestRequest:
    def test_is_signed(self, server: Backend, admin: Caller, stack: StackPath, receiver: WebhookReceiver) -> None:
        """The signature is the HMAC of the very bytes; a webhook without a secret sends no signature."""
        make_webhook(server, admin, receiver.url, secret="hush")
        make_webhook(server, admin, receiver.url + "/bare", "bare")
        run_update(server, admin, stack)
        deliver_all(server)
        by_path = {request.path: request for request in receiver.take()}
        signed = by_path["/hook"]

        assert hmac.new(b"hush", signed.body, hashlib.sha256).hexdigest() == signed.headers["pulumi-webhook-signature"]
        assert ("application/json", "stack_update", 36) == (signed.headers["content-type"], signed.kind, len(signed.id))
        assert "pulumi-webhook-signature" not in by_path["/hook/bare"].headers

    def test_of_slack(self, server: Backend, admin: Caller, stack: StackPath, receiver: WebhookReceiver) -> None:
        """Slack gets a text and an attachment; texts of users make no links or mentions."""
        make_webhook(server, admin, receiver.url, format=Format.SLACK)
        run_update(server, admin, stack, ok=False)
        deliver_all(server)
        [request] = receiver.take()

        assert "Update of stack acme/shop/dev failed, by admin" == request.json["text"]
        assert request.json["attachments"][0]["title_link"].endswith("/acme/shop/dev/updates/1")

    def test_of_teams(self, server: Backend, admin: Caller, stack: StackPath, receiver: WebhookReceiver) -> None:
        """Microsoft Teams gets an Adaptive Card in a message, as its workflows take it."""
        make_webhook(server, admin, receiver.url, format=Format.TEAMS)
        run_update(server, admin, stack)
        deliver_all(server)
        [request] = receiver.take()
        [attachment] = request.json["attachments"]
        card = attachment["content"]

        assert ("message", "application/vnd.microsoft.card.adaptive") == (request.json["type"], attachment["contentType"])
        assert ("AdaptiveCard", "Update of stack acme/shop/dev succeeded, by admin") == (card["type"], card["body"][0]["text"])
        assert card["actions"][0]["url"].endswith("/acme/shop/dev/updates/1")


class TestHostileReceivers:
    """The update is never slowed, and every event is delivered once or listed as failed with its reason."""

    @pytest.mark.parametrize(
        ("behaviour", "reason"),
        [
            ({"status": 500, "body": b"broken"}, "the receiver answers with status 500"),
            ({"status": 302, "headers": {"Location": "http://127.0.0.1:1/elsewhere"}}, "the receiver answers with status 302"),
            ({"status": 404}, "the receiver answers with status 404"),
            ({"drops": True}, "127.0.0.1 cannot be reached"),
            ({"delay_seconds": 3.0}, "127.0.0.1 cannot be reached"),
        ],
    )
    def test_are_tried_again_with_the_same_id(
        self,
        *,
        backend: Backend,
        admin: Caller,
        clock: FrozenClock,
        receiver: WebhookReceiver,
        behaviour: dict[str, Any],
        reason: str,
    ) -> None:
        """A receiver that is slow, redirects, fails or hangs up gets the event again when it is well; it can tell the repeat."""
        server = calling(backend, seconds=1.0)
        stack = make_stack(server, admin)
        deliver_all(server)
        make_webhook(server, admin, receiver.url)
        for name, value in behaviour.items():
            setattr(receiver, name, value)
        run_update(server, admin, stack)
        deliver_all(server)
        [failed] = deliveries(server, admin)
        receiver.status, receiver.drops, receiver.delay_seconds, receiver.headers = 200, False, 0.0, {}
        clock.pass_seconds(60)
        deliver_all(server)
        [delivered] = deliveries(server, admin)
        requests = receiver.wait(2)

        assert reason in failed.problem
        assert (True, failed.id) == (delivered.is_success, delivered.id)
        assert (2, {failed.id}, {"/hook"}) == (len(requests), {one.id for one in requests}, {one.path for one in requests})
        clock.pass_seconds(86_400)
        assert 0 == deliver_all(server)

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("https://10.0.0.1/x", "is not a public address"),
            ("https://localhost/x", "is not a public address"),
            ("https://169.254.169.254/latest/meta-data", "metadata service, which is never called"),
            ("https://[::ffff:169.254.169.254]/x", "metadata service, which is never called"),
            ("https://no-such-host.invalid/x", "no such host"),
        ],
    )
    def test_of_addresses_that_are_not_called(
        self, *, backend: Backend, admin: Caller, stack: StackPath, clock: FrozenClock, url: str, reason: str
    ) -> None:
        """A receiver on a private address, on a metadata address even if it is allowed, or without one gets nothing, and the list says why."""
        server = calling(backend, allowed="169.254.0.0/16")
        make_webhook(server, admin, url)
        run_update(server, admin, stack)
        pass_time(clock, server)
        [failed] = deliveries(server, admin)
        [message], _ = outbox.page_failed(server, admin, None)

        assert reason in failed.problem
        assert (failed.response_code, message.problem) == (0, failed.problem)

    def test_of_a_receiver_that_is_down(
        self, server: Backend, admin: Caller, stack: StackPath, clock: FrozenClock, receiver: WebhookReceiver
    ) -> None:
        """Events wait for a receiver that comes back within the hour, and arrive once each and in their order."""
        make_webhook(server, admin, receiver.url)
        receiver.status = 503
        for _ in range(6):
            run_update(server, admin, stack)
            deliver_all(server)
        pass_time(clock, server, hours=1)
        receiver.status = 200
        receiver.take()
        pass_time(clock, server, hours=4)
        arrived = [request.json["updateUrl"].rpartition("/")[2] for request in receiver.take()]
        given_up = [one for one in deliveries(server, admin) if not one.is_success]

        assert arrived == [str(number) for number in range(1, 7)][-len(arrived) :]
        assert 6 == len(arrived) + len(given_up)
        assert {"the receiver answers with status 503"} >= {one.problem for one in given_up}

    def test_of_a_long_body(self, server: Backend, admin: Caller, stack: StackPath, receiver: WebhookReceiver) -> None:
        """A receiver that accepts with a very long body has accepted; the beginning of the body is stored."""
        public = replace(server, outbound=PublicOutbound("127.0.0.1"))
        make_webhook(server, admin, receiver.url)
        receiver.body = b"x" * 3_000_000
        run_update(server, admin, stack)
        deliver_all(public)
        [delivery] = deliveries(server, admin)

        assert (True, 4_096) == (delivery.is_success, len(delivery.response_body))
        assert "Content-Length: 3000000\r\n".lower() in delivery.response_headers.lower()

    @pytest.mark.parametrize("status", [200, 500])
    def test_of_an_address_that_only_the_allow_list_has(
        self, *, server: Backend, admin: Caller, receiver: WebhookReceiver, status: int
    ) -> None:
        """The delivery shows the status of a host that is not public, and neither headers nor body."""
        make_webhook(server, admin, receiver.url)
        receiver.status, receiver.body, receiver.headers = status, b"inside", {"X-Inside": "yes"}
        service.ping(server, admin, ACME, "hook")
        [delivery] = deliveries(server, admin)

        assert (status, "", "") == (delivery.response_code, delivery.response_headers, delivery.response_body)

    def test_leave_places_to_other_organizations(
        self, server: Backend, admin: Caller, stack: StackPath, clock: FrozenClock, receiver: WebhookReceiver
    ) -> None:
        """While an organization has two requests under way its others wait, in their order and without an attempt."""
        webhook = make_webhook(server, admin, receiver.url)
        run_update(server, admin, stack)
        run_update(server, admin, stack)
        slots = server.outbound.slots
        with slots.taken(Purpose.DELIVERY, webhook.org_id), slots.taken(Purpose.DELIVERY, webhook.org_id):
            deliver_all(server)
        assert [] == [*receiver.take(), *deliveries(server, admin)]
        clock.pass_seconds(2)
        deliver_all(server)

        assert ["1", "2"] == [request.json["updateUrl"].rpartition("/")[2] for request in receiver.take()]

    def test_do_not_slow_an_update(self, backend: Backend, admin: Caller, receiver: WebhookReceiver) -> None:
        """An update makes no call: it ends while its receiver hangs."""
        server = calling(backend, seconds=5.0)
        stack = make_stack(server, admin)
        make_webhook(server, admin, receiver.url)
        receiver.delay_seconds = 5.0
        began = time.monotonic()
        run_update(server, admin, stack)

        assert time.monotonic() - began < 3.0
        assert [] == receiver.take()

    @pytest.mark.parametrize("how", ["slow", "down", "redirects", "fails", "drops", "private"])
    def test_cost_an_update_nothing(
        self, *, backend: Backend, admin: Caller, counter: Counter, receiver: WebhookReceiver, how: str
    ) -> None:
        """An update makes no call and as many statements as with a receiver that takes everything, whatever happened before."""
        outbound = CountedOutbound("127.0.0.1", seconds=2.0)
        server = replace(backend, outbound=outbound)
        stack = make_stack(server, admin)
        deliver_all(server)
        make_webhook(server, admin, receiver.url)

        def cost_of_update() -> tuple[int, int]:
            calls = outbound.calls
            counter.reset()
            run_update(server, admin, stack)
            return counter.statements, outbound.calls - calls

        cost_of_update()  # The first one of a stack costs more.
        with_good_receiver = cost_of_update()
        deliver_all(server)
        assert 2 == len([request for request in receiver.take() if request.kind == "stack_update"])
        _misbehave(receiver, how)
        if how in ("down", "private"):
            url = {"down": "https://127.0.0.1:9/x", "private": "https://10.0.0.7/x"}[how]
            service.update(server, admin, ACME, "hook", settings_of(url))
        cost_of_update()
        deliver_all(server)

        assert 0 == with_good_receiver[1]
        assert with_good_receiver == cost_of_update()


class TestCrash:
    def test_between_sending_and_storing_repeats_the_id(
        self, server: Backend, admin: Caller, stack: StackPath, clock: FrozenClock, receiver: WebhookReceiver
    ) -> None:
        """A process that ends after it sent an event and before it stored that sends it again, with the same id."""
        make_webhook(server, admin, receiver.url)
        run_update(server, admin, stack)

        def end() -> None:
            raise Crash

        with pytest.raises(Crash), interleaved(server, "UPDATE webhook_deliveries", end):
            deliver_all(server)
        clock.pass_seconds(61)
        deliver_all(server)
        requests = receiver.take()

        assert (2, 1) == (len(requests), len({request.id for request in requests}))
        assert 1 == len(deliveries(server, admin))

    def test_two_processes_send_once(self, server: Backend, admin: Caller, stack: StackPath, receiver: WebhookReceiver) -> None:
        """Two processes that deliver at once send each event once, and in order."""
        make_webhook(server, admin, receiver.url)
        for _ in range(5):
            run_update(server, admin, stack)
        at_once(*[lambda: deliver_all(server)] * 2)
        deliver_all(server)

        assert ["1", "2", "3", "4", "5"] == [request.json["updateUrl"].rpartition("/")[2] for request in receiver.take()]


def test_payloads_are_json_text(server: Backend, admin: Caller, stack: StackPath, receiver: WebhookReceiver) -> None:
    """What is stored of a delivery is what was sent, byte for byte."""
    make_webhook(server, admin, receiver.url)
    run_update(server, admin, stack)
    deliver_all(server)
    [request] = receiver.take()
    [one] = deliveries(server, admin)

    assert request.body == one.payload.encode()
    assert json.loads(one.payload)["result"] == "succeeded"
