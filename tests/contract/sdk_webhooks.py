"""Scenes of webhooks of organizations, of stacks, and of environments by both of their addresses."""

from collections.abc import Callable
from typing import Any

from pulumi_cloud_sdk import models

from tests.contract.sdk_environments import make
from tests.contract.sdk_preview_environments import make as make_preview
from tests.contract.sdk_scene import PROJECT, Scene, refused, scene

# A call of it fails at once: the server calls no private address but the one that its operator allows.
URL = "https://10.0.0.1/hook"


class Hooks:
    """The webhooks of an organization, or of a new stack or environment of it, and the SDK's calls for them."""

    def __init__(self, where: Scene, owner: str) -> None:
        """Make the owner: `organization`, `stack`, or `esc_environments` and `preview_environments`, as the SDK calls them."""
        self._where, self._owner = where, owner
        self._stack = where.stack() if owner == "stack" else ""
        self._at: tuple[str, ...] = ()
        if owner == "esc_environments":
            self._at = make(where)
        elif owner == "preview_environments":
            self._at = make_preview(where)
        self.filters, self.groups = ["update_failed"], ["deployments"]
        if self._at:
            self.filters, self.groups = ["environment_tag_created"], ["change_requests"]

    def call(self, verb: str, *arguments: Any) -> Any:
        """Call an operation, such as `get_{}_webhook`."""
        where = self._where
        if self._at:
            return getattr(where.admin.environments, f"{verb.replace('{}_', '')}_{self._owner}")(*self._at, *arguments)
        if self._stack:
            return getattr(where.admin.stacks, verb.format("stack"))(where.org, PROJECT, self._stack, *arguments)
        return getattr(where.admin.orgs, verb.format("organization"))(where.org, *arguments)

    def body(self, **values: Any) -> Any:
        """Return the request of a webhook."""
        names = {"project_name": PROJECT, "stack_name": self._stack} if self._stack else {}
        if self._at:
            names = {"project_name": self._at[1] if len(self._at) == 3 else "default", "env_name": self._at[-1]}
        return models.Webhook(self._where.org, "Hook", URL, True, name="hook", **names, **values)

    def create(self, **values: Any) -> Any:
        """Create a webhook."""
        return self.call("create_{}_webhook", self.body(**values))


def each(play: Callable[[Hooks], None]) -> Callable[[Hooks], None]:
    """Add a scene for webhooks of organizations, one for those of stacks, and two for those of environments."""

    def add(owner: str, name: str) -> None:
        def one(where: Scene) -> None:
            play(Hooks(where, owner))

        one.__name__ = name
        scene(one)

    for owner in ("organization", "stack"):
        add(owner, play.__name__.replace("owner", owner))
    for owner in ("esc_environments", "preview_environments"):
        add(owner, f"{play.__name__.replace('owner_', '')}_{owner}")
    return play


@each
def create_owner_webhook(hooks: Hooks) -> None:
    """A new webhook has what was sent, but its secret; a second one of its name is refused."""
    webhook = hooks.create(secret="hush", format="slack", filters=hooks.filters, groups=hooks.groups)

    assert ("hook", "Hook", URL, True, True) == (
        webhook.name,
        webhook.display_name,
        webhook.payload_url,
        webhook.active,
        webhook.has_secret,
    )
    assert ("slack", hooks.filters, hooks.groups) == (webhook.format, webhook.filters, webhook.groups)
    assert webhook.secret_ciphertext
    with refused(409):
        hooks.create()


@each
def get_owner_webhook(hooks: Hooks) -> None:
    """A webhook is read by its name."""
    created = hooks.create()

    assert vars(created) == vars(hooks.call("get_{}_webhook", "hook"))
    with refused(404):
        hooks.call("get_{}_webhook", "none")


@each
def list_owner_webhooks(hooks: Hooks) -> None:
    """The owner's webhooks are listed."""
    hooks.create()

    assert ["hook"] == [webhook.name for webhook in hooks.call("list_{}_webhooks")]


@each
def update_owner_webhook(hooks: Hooks) -> None:
    """A change replaces the settings; the secret can be removed."""
    hooks.create(secret="hush")
    webhook = hooks.call("update_{}_webhook", "hook", hooks.body(secret="__remove-secret", format="ms_teams"))

    assert ("ms_teams", False, "") == (webhook.format, webhook.has_secret, webhook.secret_ciphertext)


@each
def delete_owner_webhook(hooks: Hooks) -> None:
    """A webhook that was deleted is gone."""
    hooks.create()
    hooks.call("delete_{}_webhook", "hook")

    assert [] == hooks.call("list_{}_webhooks")


@each
def ping_owner_webhook(hooks: Hooks) -> None:
    """A ping is answered with the delivery, here one that failed."""
    hooks.create()
    delivery = hooks.call("ping_{}_webhook", "hook")

    assert ("ping", URL, 0) == (delivery.kind, delivery.request_url, delivery.response_code)
    assert "not a public address" in delivery.response_body


@each
def get_owner_webhook_deliveries(hooks: Hooks) -> None:
    """Deliveries are listed."""
    hooks.create()
    delivery = hooks.call("ping_{}_webhook", "hook")

    assert [vars(delivery)] == [vars(one) for one in hooks.call("get_{}_webhook_deliveries", "hook")]


@each
def redeliver_owner_webhook_event(hooks: Hooks) -> None:
    """A delivery is sent once more, as a new delivery of the same payload."""
    hooks.create()
    delivery = hooks.call("ping_{}_webhook", "hook")
    again = hooks.call("redeliver_{}_webhook_event", "hook", delivery.id)

    assert (delivery.payload, True) == (again.payload, delivery.id != again.id)
    with refused(404):
        hooks.call("redeliver_{}_webhook_event", "hook", "00000000-0000-7000-8000-000000000000")
