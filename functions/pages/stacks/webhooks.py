"""Webhooks of a stack: created, changed, tried out, with their deliveries."""

from dataclasses import dataclass

from fastapi import Response

from common.backend import Backend
from common.core.errors import BackendError
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks.model import StackPath
from common.stacks.service import listing
from common.webhooks.model import Address
from functions.http.deps import BackendDep, StackPathDep
from functions.pages.failures import reason
from functions.pages.hiding import unless_hidden
from functions.pages.rendering import page
from functions.pages.stacks.head import head_of, may, stack_address
from functions.pages.visitor import PersonDep, Visitor, VisitorDep
from functions.pages.webhook_forms import WebhookPages
from functions.pages.webhook_routes import webhook_router


@dataclass(frozen=True, slots=True)
class StackRequest:
    """Who asks for a page about webhooks of a stack."""

    visitor: Visitor
    backend: Backend
    person: Caller
    path: StackPath

    @property
    def pages(self) -> WebhookPages:
        """Return the stack's pages about webhooks."""
        address = Address(self.path.org, self.path.project, self.path.name)
        return WebhookPages(self.backend, self.person, address, f"{stack_address(self.path)}/webhooks")

    def page(self, name: str, content: dict[str, object], error: BackendError | None, done: str) -> Response:
        """Return a page; with an error it says what is wrong with its form."""
        stack = unless_hidden(lambda: listing.get_stack(self.backend, self.person, self.path))
        around: dict[str, object] = {
            "problem": reason(error) if error is not None else "",
            "done": done,
            "head": head_of(self.backend, self.person, stack),
            "may_create": may(self.person, stack, Permission.STACK_WEBHOOK_CREATE),
            "may_update": may(self.person, stack, Permission.STACK_WEBHOOK_UPDATE),
            "may_delete": may(self.person, stack, Permission.STACK_WEBHOOK_DELETE),
        }
        status = int(error.status) if error is not None else 200
        return page(self.visitor, f"stacks/{name}", {**around, **content}, status=status, org=self.path.org)


async def get_stack_request(visitor: VisitorDep, backend: BackendDep, person: PersonDep, path: StackPathDep) -> StackRequest:
    """Return the request."""
    return StackRequest(visitor, backend, person, path)


router = webhook_router("/{org}/{project}/{stack}/webhooks", get_stack_request)
