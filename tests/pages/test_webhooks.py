"""Pages about webhooks of organizations, stacks and environments."""

from collections.abc import Iterator

import pytest

from common.backend import Backend
from common.rights.caller import Caller
from common.webhooks import service
from common.webhooks.model import Address
from tests.counting import Counter
from tests.factories.environments import make_environment
from tests.factories.stacks import make_stack
from tests.factories.webhooks import calling, make_texts
from tests.pages.visiting import Visit, location, shown, values
from tests.peers.webhook_receiver import WebhookReceiver

pytestmark = pytest.mark.dialects("sqlite")
OWNERS = {
    "/acme/settings/webhooks": Address("acme"),
    "/acme/shop/dev/webhooks": Address("acme", "shop", "dev"),
    "/acme/esc/shop/dev/webhooks": Address("acme", "shop", environment="dev"),
}
# A group and an event of each owner.
CHOICES = {
    owner: ("environments", "environment_tag_created") if address.environment else ("stacks", "update_started")
    for owner, address in OWNERS.items()
}
FIELDS = {"display_name": "Hook", "format": "raw", "active": "yes", "name": "hook"}


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    """A receiver that takes everything."""
    with WebhookReceiver() as running:
        yield running


@pytest.fixture
def visit(backend: Backend, admin: Caller) -> Visit:
    """The administrator, at a server that may call loopback, with stack and environment acme/shop/dev."""
    make_stack(backend, admin)
    make_environment(backend, admin, "shop/dev", "values: {}\n")
    visit = Visit(calling(backend))
    visit.sign_in()
    return visit


@pytest.mark.parametrize("base", OWNERS)
class TestLife:
    def test_of_a_webhook(self, *, backend: Backend, admin: Caller, visit: Visit, receiver: WebhookReceiver, base: str) -> None:
        """A webhook is created, tried out, changed, read with its deliveries, redelivered and deleted on its pages."""
        hook, owner, (group, event) = f"{base}/hook", OWNERS[base], CHOICES[base]
        made = visit.submit(
            base,
            on=base,
            headers=None,
            payload_url=receiver.url,
            secret="hush",
            group=group,
            filter=event,
            **FIELDS,
        )
        assert f"{hook}?done=created" == location(made)
        assert "The webhook was created." in shown(visit.open(hook, done="created"))
        webhook = service.get_webhook(backend, admin, owner, "hook")
        assert ((group,), (event,)) == (webhook.settings.groups, webhook.settings.filters)
        assert webhook.sealed_secret is not None
        assert f"{hook}?done=sent" == location(visit.submit(f"{hook}/ping", on=hook))
        receiver.status = 500
        delivery = service.list_deliveries(backend, admin, owner, "hook")[0]
        again = visit.submit(f"{hook}/deliveries/{delivery.id}/redeliver", on=hook)
        assert f"{hook}?done=failed" == location(again)
        page = visit.open(hook)
        assert all(text in shown(page) for text in ("200", "500", "friendly ping"))
        assert "hush" not in page.text
        other = {"display_name": "Other", "format": "raw", "payload_url": receiver.url}
        changed = visit.submit(hook, on=hook, headers=None, remove_secret="yes", **other)
        assert f"{hook}?done=changed" == location(changed)
        webhook = service.get_webhook(backend, admin, owner, "hook")
        assert ("Other", False, None) == (webhook.settings.display_name, webhook.settings.active, webhook.sealed_secret)
        assert f"{base}?done=deleted" == location(visit.submit(f"{hook}/delete", on=hook))
        assert "No webhooks yet" in shown(visit.open(base))
        assert 404 == visit.open(hook).status_code

    def test_comes_back_with_what_is_wrong(self, visit: Visit, base: str) -> None:
        """A form with a mistake comes back with what was typed, but the secret, and what is wrong."""
        sent = visit.submit(
            base, on=base, headers=None, payload_url="http://hooks.example.com/x", secret="hush", group=CHOICES[base][0], **FIELDS
        )

        assert (400, True) == (sent.status_code, "only https addresses are called" in shown(sent))
        assert ["http://hooks.example.com/x"] == [*values(sent, r'name="payload_url"[^>]* value="([^"]*)"')]
        assert "hush" not in sent.text
        assert f'value="{CHOICES[base][0]}" checked' in sent.text

    def test_costs_few_statements(self, *, backend: Backend, admin: Caller, visit: Visit, counter: Counter, base: str) -> None:
        """Each page costs at most six statements, however many deliveries it shows."""
        make_texts(backend, admin, OWNERS[base], "hello")
        for address in (base, f"{base}/announce"):
            visit.open(address)
            counter.reset()
            assert 200 == visit.open(address).status_code
            assert counter.statements <= 6
