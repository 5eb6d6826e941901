"""What the pages about webhooks share, of an organization, a stack or an environment: their content, and settings of forms."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import Response

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BackendError
from common.rights.caller import Caller
from common.webhooks import service as webhooks
from common.webhooks.model import (
    OWN_FILTERS,
    REMOVE_SECRET,
    Address,
    Format,
    Owner,
    Settings,
    Webhook,
    allowed_filters,
    allowed_groups,
    parse_format,
    unique,
)
from functions.pages.form_errors import attempt
from functions.pages.hiding import unless_hidden
from functions.pages.rendering import see_other
from functions.pages.visitor import Form

SHOWN_DELIVERIES = 50
_FORMATS = {Format.RAW: "JSON", Format.SLACK: "Slack", Format.TEAMS: "Microsoft Teams", Format.DEPLOYMENTS: "Pulumi Deployments"}
_NEW = Settings("", "", Format.RAW, (), (), active=True)


@dataclass(frozen=True, slots=True)
class WebhookPages:
    """The pages of the webhooks of one owner, which begin at `base`."""

    backend: Backend
    caller: Caller
    address: Address
    base: str

    def path(self, name: str) -> str:
        """Return the address of the page of a webhook."""
        return f"{self.base}/{quote(name, safe='')}"

    def list_content(self, form: Form | None = None) -> dict[str, object]:
        """Return what the list shows, and the form for another webhook as it was sent."""
        rows = unless_hidden(lambda: webhooks.list_webhooks(self.backend, self.caller, self.address))
        entered = _NEW if form is None else _entered(form, _NEW)
        return {"webhooks": rows, "name": form.text("name") if form is not None else "", **self._form_content(entered)}

    def content(self, name: str, form: Form | None = None) -> dict[str, object]:
        """Return what the page of a webhook shows, and its form as it was sent."""
        backend, caller, address = self.backend, self.caller, self.address
        webhook, deliveries = unless_hidden(
            lambda: webhooks.get_with_deliveries(backend, caller, address, name, SHOWN_DELIVERIES)
        )
        entered = webhook.settings if form is None else _entered(form, webhook.settings)
        around = {"webhook": webhook, "deliveries": deliveries, "path": self.path(name), "is_sending": _is_sending(webhook)}
        return {**around, **self._form_content(entered)}

    def create(self, form: Form) -> str:
        """Create a webhook, and return the address of its page."""
        webhook = webhooks.create(self.backend, self.caller, self.address, form.text("name"), settings_of(form))
        return f"{self.path(webhook.name)}?done=created"

    def update(self, name: str, form: Form) -> str:
        """Change a webhook, and return the address to go on at."""
        webhooks.update(self.backend, self.caller, self.address, name, settings_of(form))
        return f"{self.path(name)}?done=changed"

    def delete(self, name: str) -> str:
        """Delete a webhook, and return the address to go on at."""
        webhooks.delete(self.backend, self.caller, self.address, name)
        return f"{self.base}?done=deleted"

    def ping(self, name: str) -> str:
        """Send a ping, and return the address to go on at."""
        delivery = webhooks.ping(self.backend, self.caller, self.address, name)
        return f"{self.path(name)}?done={'sent' if delivery.is_success else 'failed'}"

    def redeliver(self, name: str, delivery_id: str) -> str:
        """Send a delivery once more, and return the address to go on at."""
        delivery = webhooks.redeliver(self.backend, self.caller, self.address, name, delivery_id)
        return f"{self.path(name)}?done={'sent' if delivery.is_success else 'failed'}"

    def _form_content(self, entered: Settings) -> dict[str, object]:
        owner = self.address.owner
        formats = [
            (form, text) for form, text in _FORMATS.items() if owner is not Owner.ORGANIZATION or form is not Format.DEPLOYMENTS
        ]
        return {
            "hooks_base": self.base,
            "now_millis": unix_millis(self.backend.clock.now()),
            "entered": entered,
            "formats": formats,
            "format_names": _FORMATS,
            "groups": allowed_groups(owner),
            "filters": allowed_filters(owner),
            "own_filters": [name for name in OWN_FILTERS if name in allowed_filters(owner)],
        }


def lead(act: Callable[[], str], again: Callable[[BackendError], Response]) -> Response:
    """Return the way on after a change; what is hidden from the visitor is a page that is missing."""
    return attempt(lambda: see_other(act()), again)


def settings_of(form: Form) -> Settings:
    """Return the settings of a form; raises BadRequest for an unknown format."""
    return Settings(
        display_name=form.text("display_name"),
        payload_url=form.text("payload_url"),
        format=parse_format(form.text("format")),
        filters=unique(form.texts("filter")),
        groups=unique(form.texts("group")),
        active=form.text("active") == "yes",
        secret=REMOVE_SECRET if form.text("remove_secret") == "yes" else form.exact("secret"),
    )


def _entered(form: Form, before: Settings) -> Settings:
    try:
        return settings_of(form)
    except BackendError:
        return before


def _is_sending(webhook: Webhook) -> bool:
    return webhook.settings.format is not Format.DEPLOYMENTS
