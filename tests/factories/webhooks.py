"""Makes webhooks, and servers that may call a receiver on loopback."""

from dataclasses import replace
from typing import Any

from common.backend import Backend
from common.core.ids import new_id
from common.ports.outbound import Outbound, Reply
from common.rights.caller import Caller
from common.stacks.model import Kind, StackPath
from common.stacks.updates.model import Completion
from common.webhooks import repository, service
from common.webhooks.model import Address, Delivery, Format, Settings, Webhook
from functions.jobs import deliver_messages
from tests.clocks import FrozenClock
from tests.factories.people import ORG
from tests.factories.stacks import complete, creation, make_running, record

ACME = Address(ORG)


class PublicOutbound(Outbound):
    """Calls out as ever, and takes each server that answers for a public one."""

    def call(self, method: str, url: str, **content: Any) -> Reply:
        return replace(super().call(method, url, **content), is_public=True)


def calling(backend: Backend, seconds: float = 5.0, allowed: str = "127.0.0.1") -> Backend:
    """Return a server that may call loopback, or what is allowed, for at most so many seconds."""
    return replace(backend, outbound=Outbound(allowed, seconds=seconds))


def settings_of(url: str, **values: Any) -> Settings:
    """Return the settings of a webhook for all events."""
    chosen = {"display_name": "Hook", "format": Format.RAW, "filters": (), "groups": (), "active": True, **values}
    return Settings(payload_url=url, **chosen)


def make_webhook(
    backend: Backend, caller: Caller, url: str, name: str = "hook", address: Address = ACME, **values: Any
) -> Webhook:
    """Make a webhook of acme, or of another address."""
    return service.create(backend, caller, address, name, settings_of(url, **values))


def deliver_all(backend: Backend) -> int:
    """Deliver everything that is due, and return how many attempts there were."""
    return sum(iter(lambda: deliver_messages(backend), 0))


def make_delivery(backend: Backend, webhook: Webhook, text: str = "{}", **values: Any) -> Delivery:
    """Store a delivery of a webhook that has not been answered."""
    moment = int(backend.clock.now().timestamp() * 1000)
    delivery = replace(Delivery.unanswered(new_id(), webhook, "stack_update", text), **{"sent_at": moment, **values})
    with backend.db.begin() as tx:
        repository.store_delivery(tx, delivery)
    return delivery


def make_texts(backend: Backend, caller: Caller, address: Address, text: str) -> Webhook:
    """Make a webhook `announce` with a delivery, which say a text wherever they can."""
    url = f"https://hooks.example.com/{text}"[:2048]
    webhook = make_webhook(backend, caller, url, "announce", address, display_name=text[:255])
    make_delivery(backend, webhook, text, request_headers=text, response_headers=text, response_body=text)
    return webhook


def run_update(
    server: Backend, admin: Caller, stack: StackPath, kind: Kind = Kind.UPDATE, *, ok: bool = True, dry: bool = False
) -> None:
    """Run an update that creates a resource, another one each time: a resource that is there twice breaks the state."""
    running = make_running(server, admin, stack, kind=kind, dry_run=dry)
    if not dry:
        record(server, running, *creation(f"b-{running.id}", 1))
    complete(server, running, Completion.SUCCEEDED if ok else Completion.FAILED)


def deliveries(server: Backend, admin: Caller, name: str = "hook") -> list[Delivery]:
    """Return the deliveries of a webhook of acme, the newest first."""
    return service.list_deliveries(server, admin, ACME, name)


def pass_time(clock: FrozenClock, server: Backend, hours: int = 3) -> None:
    """Deliver what comes due within some hours."""
    for _ in range(hours * 60):
        clock.pass_seconds(60)
        deliver_all(server)
