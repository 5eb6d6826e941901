"""Sends requests to webhooks, stores what came back, and pauses webhooks that fail again and again."""

import hashlib
import hmac
import time
import uuid
from collections.abc import Iterable
from dataclasses import replace

import msgspec

from common.approvals.events import ChangeRequestEvent
from common.backend import Backend
from common.config.public_urls import base_url
from common.core.clock import unix_millis
from common.core.errors import Unavailable
from common.db.faults import is_race
from common.db.retry import retry
from common.environments import events as environment_events
from common.environments import importers as environments
from common.environments.events import EnvironmentEvent, EventName
from common.outbox import steps as outbox
from common.outbox.model import Message, NewMessage, NotDelivered, Postponed
from common.ports.outbound import CallFailed, Purpose, Reply
from common.stacks import events
from common.stacks.events import StackEvent, UpdateEvent, ViolationEvent
from common.webhooks import payloads, repository
from common.webhooks.model import Delivery, Webhook
from common.webhooks.payloads import Payload
from common.webhooks.secrets import open_secret

TOPIC = "webhook"
# After so many failures in a row nothing is sent for a while; each further failure doubles the pause.
FAILURES_LIMIT = 5
PAUSE_MILLIS, LONGEST_PAUSE_MILLIS = 60_000, 3_600_000
# An event that a paused webhook did not get within this time is listed as failed.
LONGEST_WAIT_MILLIS = 2 * 86_400_000
# While as many requests of an organization are being sent as there may be, its others wait.
BUSY_MILLIS = 2_000
# So many events wait for a webhook. A new one takes the place of the oldest, which is listed as failed.
WAITING_LIMIT = 10_000
# So many at most are given up for each new event, so that a step of the job stays short.
_DROPPED_AT_ONCE = 20
BODY_LIMIT, HEADERS_LIMIT = 4_096, 8_192
TOO_OLD = "not sent: the webhook was paused for too long, since its receiver failed again and again"
TOO_MANY = "not sent: more than {:,} events waited for the webhook, and newer ones took its place"

_decoder = msgspec.json.Decoder(StackEvent | UpdateEvent | ViolationEvent | EnvironmentEvent | ChangeRequestEvent)


def queue_for_webhooks(backend: Backend, message: Message, waiting_limit: int = WAITING_LIMIT) -> None:
    """Queue an event of a stack for each webhook that is subscribed to it; a repeat is harmless.

    Of a webhook for which too many events wait, the oldest ones are given up and listed as failed.
    """
    # No permission check in this module: the use case made it, or the schedule calls.
    event = events.read(message)
    with backend.db.begin() as tx:
        webhooks = repository.list_for_stack(tx, event.stack_id)
        subscribed = [webhook for webhook in webhooks if webhook.is_subscribed(event.name)]
        key = message.dedupe_key
        outbox.queue(tx, backend, [NewMessage(TOPIC, one.id, event.stack_id, message.content, key) for one in subscribed])
    for webhook in subscribed:
        _drop_surplus(backend, webhook, waiting_limit)


def queue_for_change_requests(backend: Backend, message: Message, waiting_limit: int = WAITING_LIMIT) -> None:
    """Queue an event of a change request for each webhook of its organization, and of its environment, that is subscribed."""
    event = msgspec.json.decode(message.content, type=ChangeRequestEvent)
    with backend.db.begin() as tx:
        webhooks = repository.list_for_environments(tx, event.org_id)
        targets = ("", event.target_id)
        subscribed = [webhook for webhook in webhooks if webhook.is_subscribed(event.name) and webhook.owner_id in targets]
        key = message.dedupe_key
        outbox.queue(tx, backend, [NewMessage(TOPIC, one.id, event.request_id, message.content, key) for one in subscribed])
    for webhook in subscribed:
        _drop_surplus(backend, webhook, waiting_limit)


def queue_for_environments(backend: Backend, message: Message, waiting_limit: int = WAITING_LIMIT) -> None:
    """Queue an event of an environment for each webhook that is subscribed to it; a repeat is harmless.

    Webhooks that are told of changed imports get an event for each environment that has the changed revision from now on.
    """
    event = environment_events.read(message)
    with backend.db.begin() as tx:
        webhooks = repository.list_for_environments(tx, event.org_id)
        pairs = [(webhook, event) for webhook in webhooks if _receives(webhook, event)]
        importing = [webhook for webhook in webhooks if webhook.is_subscribed(EventName.IMPORT_CHANGED)]
        if importing:
            events_of_imports = environments.list_import_events(tx, event)
            pairs += [(webhook, one) for one in events_of_imports for webhook in importing if _receives(webhook, one)]
        outbox.queue(tx, backend, [_of_environment(webhook, one, message.dedupe_key) for webhook, one in pairs])
    for webhook in {webhook.id: webhook for webhook, _ in pairs}.values():
        _drop_surplus(backend, webhook, waiting_limit)


def deliver(backend: Backend, message: Message) -> None:
    """Send an event to its webhook; raises NotDelivered or Postponed. Nothing is sent to one that was deleted or turned off."""
    with backend.db.connect() as connection:
        webhook = repository.find_by_id(connection, message.target)
    if webhook is None or not webhook.settings.active:
        return
    now_millis = unix_millis(backend.clock.now())
    is_too_old = message.created_at < now_millis - LONGEST_WAIT_MILLIS
    is_paused = webhook.paused_until is not None and webhook.paused_until > now_millis
    if webhook.paused_until is not None and is_paused and not is_too_old:
        raise Postponed(webhook.paused_until)
    if is_paused:
        _store_unsent(backend, webhook, message, TOO_OLD)
        raise NotDelivered(TOO_OLD, is_final=True)
    payload = _payload(backend, webhook, message)
    text = payloads.body(payload, webhook.settings.format)
    try:
        delivery = send(backend, webhook, _delivery_id(webhook, message), payload.kind, text, purpose=Purpose.DELIVERY)
    except Unavailable as error:
        raise Postponed(now_millis + BUSY_MILLIS) from error
    if not delivery.is_success:
        raise NotDelivered(delivery.problem)


def send(backend: Backend, webhook: Webhook, delivery_id: str, kind: str, text: str, *, purpose: Purpose) -> Delivery:
    """Send a body to a webhook and store the delivery, which may have failed; raises Unavailable for too many at once."""
    body = text.encode()
    headers = {"Content-Type": "application/json", "Pulumi-Webhook-ID": delivery_id, "Pulumi-Webhook-Kind": kind}
    if (secret := open_secret(backend, webhook)) is not None:
        headers["Pulumi-Webhook-Signature"] = hmac.new(secret, body, hashlib.sha256).hexdigest()
    sent_at, began = unix_millis(backend.clock.now()), time.monotonic()
    reply, problem = _call(backend, webhook, headers, body, purpose)
    delivery = replace(
        Delivery.unanswered(delivery_id, webhook, kind, text),
        sent_at=sent_at,
        response_body=problem,
        duration_millis=int((time.monotonic() - began) * 1000),
        request_headers=_block(headers.items()),
    )
    if reply is not None:
        delivery = replace(delivery, response_code=reply.status, response_body="")
    # Every account may name a host of the operator's allow-list, so what such a host answers is not shown.
    if reply is not None and reply.is_public:
        delivery = replace(
            delivery,
            response_headers=_block(reply.headers.items())[:HEADERS_LIMIT],
            response_body=reply.body.decode("utf-8", "replace")[:BODY_LIMIT],
        )
    retry(lambda: _store(backend, webhook, delivery), when=is_race)
    return delivery


def _call(backend: Backend, webhook: Webhook, headers: dict[str, str], body: bytes, purpose: Purpose) -> tuple[Reply | None, str]:
    url, owner = webhook.settings.payload_url, webhook.org_id
    try:
        reply = backend.outbound.call(
            "POST",
            url,
            headers=headers,
            content=body,
            limit_bytes=4 * BODY_LIMIT,
            cuts_off=True,
            purpose=purpose,
            owner=owner,
        )
    except (CallFailed, ValueError) as error:
        # ValueError: an address that the HTTP library does not take.
        return None, str(error)
    return reply, ""


def _store(backend: Backend, webhook: Webhook, delivery: Delivery) -> None:
    with backend.db.begin() as tx:
        repository.store_delivery(tx, delivery)
        if delivery.is_success:
            repository.clear_failures(tx, webhook.id)
            if webhook.failures:
                outbox.resume(tx, backend, TOPIC, webhook.id, webhook.paused_until)
            return
        surplus = repository.count_failure(tx, webhook.id) - FAILURES_LIMIT
        if surplus >= 0:
            pause_millis = min(PAUSE_MILLIS * 2 ** min(surplus, 10), LONGEST_PAUSE_MILLIS)
            repository.pause(tx, webhook.id, unix_millis(backend.clock.now()) + pause_millis)


def _drop_surplus(backend: Backend, webhook: Webhook, waiting_limit: int) -> None:
    problem = TOO_MANY.format(waiting_limit)

    def drop() -> list[Message]:
        with backend.db.begin() as tx:
            return outbox.give_up_surplus(
                tx, backend, TOPIC, webhook.id, kept=waiting_limit, limit=_DROPPED_AT_ONCE, problem=problem
            )

    for message in retry(drop):
        _store_unsent(backend, webhook, message, problem)


def _delivery_id(webhook: Webhook, message: Message) -> str:
    """Return the id of a delivery: each attempt has the same one, so that a receiver can tell a repeat."""
    return str(uuid.uuid5(uuid.UUID(webhook.id), message.dedupe_key))


def _store_unsent(backend: Backend, webhook: Webhook, message: Message, problem: str) -> None:
    """List an event that is not sent as a failed delivery, with the reason."""
    payload = _payload(backend, webhook, message)
    text = payloads.body(payload, webhook.settings.format)
    unanswered = Delivery.unanswered(_delivery_id(webhook, message), webhook, payload.kind, text)
    delivery = replace(unanswered, sent_at=unix_millis(backend.clock.now()), response_body=problem)

    def store() -> None:
        with backend.db.begin() as tx:
            repository.store_delivery(tx, delivery)

    retry(store, when=is_race)


def _receives(webhook: Webhook, event: EnvironmentEvent) -> bool:
    return webhook.is_subscribed(event.name) and webhook.owner_id in ("", event.environment_id)


def _of_environment(webhook: Webhook, event: EnvironmentEvent, dedupe_key: str) -> NewMessage:
    # One change makes an event for each environment that imports what changed.
    key = dedupe_key if event.imported is None else f"{dedupe_key}:{event.environment_id}"
    return NewMessage(TOPIC, webhook.id, event.environment_id, msgspec.json.encode(event).decode(), key)


def _payload(backend: Backend, webhook: Webhook, message: Message) -> Payload:
    event, url = _decoder.decode(message.content), base_url(backend.settings)
    with backend.db.connect() as connection:
        organization = repository.find_organization(connection, webhook.org_id)
        if isinstance(event, ChangeRequestEvent):
            return payloads.change_request(event, repository.find_user(connection, event.user_id), organization, url)
        if isinstance(event, EnvironmentEvent):
            return payloads.environment(event, repository.find_user(connection, event.user_id), organization, url)
        if isinstance(event, StackEvent):
            return payloads.stack(event, repository.find_user(connection, event.user_id), organization, url)
        facts = repository.find_update(connection, event.update_id)
    if isinstance(event, ViolationEvent):
        return payloads.violation(event, facts.user, organization, url)
    return payloads.update(event, facts.user, organization, facts.resource_changes, url)


def _block(headers: Iterable[tuple[str, str]]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers)
