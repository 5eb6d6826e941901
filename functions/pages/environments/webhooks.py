"""Webhooks of an environment: created, changed, tried out, with their deliveries."""

from dataclasses import dataclass

from fastapi import Response

from common.core.errors import BackendError
from common.rights.permissions import Permission
from common.webhooks.model import Address
from functions.pages.environments.environment_request import EnvironmentRequest, EnvironmentRequestDep
from functions.pages.webhook_forms import WebhookPages
from functions.pages.webhook_routes import webhook_router


@dataclass(frozen=True, slots=True)
class EnvironmentWebhookRequest:
    """A request for a page about webhooks of an environment."""

    request: EnvironmentRequest

    @property
    def pages(self) -> WebhookPages:
        """Return the pages about the environment's webhooks."""
        request, path = self.request, self.request.path
        address = Address(path.org, path.project, environment=path.name)
        return WebhookPages(request.backend, request.caller, address, request.address("webhooks"))

    def page(self, name: str, content: dict[str, object], error: BackendError | None, done: str) -> Response:
        """Return a page; with an error it says what is wrong with its form."""
        viewed = self.request.view()
        may = {
            "may_create": Permission.ENVIRONMENT_WEBHOOK_CREATE in viewed.permissions,
            "may_update": Permission.ENVIRONMENT_WEBHOOK_UPDATE in viewed.permissions,
            "may_delete": Permission.ENVIRONMENT_WEBHOOK_DELETE in viewed.permissions,
        }
        return self.request.page(name, viewed, {**may, **content}, error, done)


async def get_webhook_request(request: EnvironmentRequestDep) -> EnvironmentWebhookRequest:
    """Return the request."""
    return EnvironmentWebhookRequest(request)


router = webhook_router("/{org}/esc/{project}/{environment}/webhooks", get_webhook_request)
