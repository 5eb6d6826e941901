"""Scenes of webhooks of organizations and of stacks."""

from collections.abc import Callable
from typing import Any

from pulumi_cloud_sdk import models

from tests.contract.sdk_scene import PROJECT, Scene, refused, scene

# A call of it fails at once: the server calls no private address but the one that its operator allows.
URL = "https://10.0.0.1/hook"


class Hooks:
    """The webhooks of an organization, or of a new stack of it, and the SDK's calls for them."""

    def __init__(self, where: Scene, *, of_stack: bool) -> None:
        """Make the stack."""
        self._where, self._of_stack = where, of_stack
        self._stack = where.stack() if of_stack else ""

    def call(self, verb: str, *arguments: Any) -> Any:
        """Call an operation, such as `get_{}_webhook`."""
        where = self._where
        if self._of_stack:
            return getattr(where.admin.stacks, verb.format("stack"))(where.org, PROJECT, self._stack, *arguments)
        return getattr(where.admin.orgs, verb.format("organization"))(where.org, *arguments)

    def body(self, **values: Any) -> Any:
        """Return the request of a webhook."""
        stack = {"project_name": PROJECT, "stack_name": self._stack} if self._of_stack else {}
        return models.Webhook(self._where.org, "Hook", URL, True, name="hook", **stack, **values)

    def create(self, **values: Any) -> Any:
        """Create a webhook."""
        return self.call("create_{}_webhook", self.body(**values))


def both(play: Callable[[Hooks], None]) -> tuple[Callable[[Scene], None], Callable[[Scene], None]]:
    """Return a scene for webhooks of organizations and one for those of stacks."""

    def of_organization(where: Scene) -> None:
        play(Hooks(where, of_stack=False))

    def of_stack(where: Scene) -> None:
        play(Hooks(where, of_stack=True))

    for one, name in ((of_organization, "organization"), (of_stack, "stack")):
        one.__name__ = play.__name__.replace("owner", name)
        scene(one)
    return of_organization, of_stack


@both
def create_owner_webhook(hooks: Hooks) -> None:
    """A new webhook has what was sent, but its secret; a second one of its name is refused."""
    webhook = hooks.create(secret="hush", format="slack", filters=["update_failed"], groups=["deployments"])

    assert ("hook", "Hook", URL, True, True) == (
        webhook.name,
        webhook.display_name,
        webhook.payload_url,
        webhook.active,
        webhook.has_secret,
    )
    assert ("slack", ["update_failed"], ["deployments"]) == (webhook.format, webhook.filters, webhook.groups)
    assert webhook.secret_ciphertext
    with refused(409):
        hooks.create()


@both
def get_owner_webhook(hooks: Hooks) -> None:
    """A webhook is read by its name."""
    created = hooks.create()

    assert vars(created) == vars(hooks.call("get_{}_webhook", "hook"))
    with refused(404):
        hooks.call("get_{}_webhook", "none")


@both
def list_owner_webhooks(hooks: Hooks) -> None:
    """The owner's webhooks are listed."""
    hooks.create()

    assert ["hook"] == [webhook.name for webhook in hooks.call("list_{}_webhooks")]


@both
def update_owner_webhook(hooks: Hooks) -> None:
    """A change replaces the settings; the secret can be removed."""
    hooks.create(secret="hush")
    webhook = hooks.call("update_{}_webhook", "hook", hooks.body(secret="__remove-secret", format="ms_teams"))

    assert ("ms_teams", False, "") == (webhook.format, webhook.has_secret, webhook.secret_ciphertext)


@both
def delete_owner_webhook(hooks: Hooks) -> None:
    """A webhook that was deleted is gone."""
    hooks.create()
    hooks.call("delete_{}_webhook", "hook")

    assert [] == hooks.call("list_{}_webhooks")


@both
def ping_owner_webhook(hooks: Hooks) -> None:
    """A ping is answered with the delivery, here one that failed."""
    hooks.create()
    delivery = hooks.call("ping_{}_webhook", "hook")

    assert ("ping", URL, 0) == (delivery.kind, delivery.request_url, delivery.response_code)
    assert "not a public address" in delivery.response_body


@both
def get_owner_webhook_deliveries(hooks: Hooks) -> None:
    """Deliveries are listed."""
    hooks.create()
    delivery = hooks.call("ping_{}_webhook", "hook")

    assert [vars(delivery)] == [vars(one) for one in hooks.call("get_{}_webhook_deliveries", "hook")]


@both
def redeliver_owner_webhook_event(hooks: Hooks) -> None:
    """A delivery is sent once more, as a new delivery of the same payload."""
    hooks.create()
    delivery = hooks.call("ping_{}_webhook", "hook")
    again = hooks.call("redeliver_{}_webhook_event", "hook", delivery.id)

    assert (delivery.payload, True) == (again.payload, delivery.id != again.id)
    with refused(404):
        hooks.call("redeliver_{}_webhook_event", "hook", "00000000-0000-7000-8000-000000000000")
