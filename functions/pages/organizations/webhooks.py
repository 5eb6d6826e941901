"""Webhooks of an organization: created, changed, tried out, with their deliveries."""

from dataclasses import dataclass

from fastapi import Response

from common.core.errors import BackendError
from common.rights.permissions import Permission
from common.webhooks.model import Address
from functions.pages.organizations.org_request import OrgRequest, OrgRequestDep
from functions.pages.webhook_forms import WebhookPages
from functions.pages.webhook_routes import webhook_router


@dataclass(frozen=True, slots=True)
class OrgWebhookRequest:
    """A request for a page about webhooks of an organization."""

    request: OrgRequest

    @property
    def pages(self) -> WebhookPages:
        """Return the pages about the organization's webhooks."""
        request = self.request
        return WebhookPages(request.backend, request.caller, Address(request.org), request.address("webhooks"))

    def page(self, name: str, content: dict[str, object], error: BackendError | None, done: str) -> Response:
        """Return a page; with an error it says what is wrong with its form."""
        may = {
            "may_create": self.request.may(Permission.ORGANIZATION_WEBHOOK_CREATE),
            "may_update": self.request.may(Permission.ORGANIZATION_WEBHOOK_UPDATE),
            "may_delete": self.request.may(Permission.ORGANIZATION_WEBHOOK_DELETE),
        }
        return self.request.page(name, {**may, **content}, error=error, done=done)


async def get_webhook_request(request: OrgRequestDep) -> OrgWebhookRequest:
    """Return the request."""
    return OrgWebhookRequest(request)


router = webhook_router("/{org}/settings/webhooks", get_webhook_request)
