"""Webhooks of a stack: created, changed, tried out, with their deliveries."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

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
from functions.pages.visitor import Form, FormDep, PersonDep, Visitor, VisitorDep
from functions.pages.webhook_forms import WebhookPages, lead

router = APIRouter()
_LIST = "/{org}/{project}/{stack}/webhooks"
_HOOK = f"{_LIST}/{{hook}}"
_Text = Annotated[str, Query()]


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


StackRequestDep = Annotated[StackRequest, Depends(get_stack_request)]


@router.get(_LIST)
def list_webhooks(request: StackRequestDep, done: _Text = "") -> Response:
    """Show the stack's webhooks, and the form for another."""
    return _list_page(request, done=done)


@router.post(_LIST)
def create_webhook(request: StackRequestDep, form: FormDep) -> Response:
    """Create a webhook."""
    return lead(lambda: request.pages.create(form), lambda error: _list_page(request, form, error=error))


@router.get(_HOOK)
def show_webhook(request: StackRequestDep, hook: str, done: _Text = "") -> Response:
    """Show a webhook, its form and its deliveries."""
    return _hook_page(request, hook, done=done)


@router.post(_HOOK)
def update_webhook(request: StackRequestDep, hook: str, form: FormDep) -> Response:
    """Change a webhook."""
    return lead(lambda: request.pages.update(hook, form), lambda error: _hook_page(request, hook, form, error=error))


@router.post(f"{_HOOK}/delete")
def delete_webhook(request: StackRequestDep, hook: str, form: FormDep) -> Response:
    """Delete a webhook."""
    _ = form
    return lead(lambda: request.pages.delete(hook), lambda error: _hook_page(request, hook, error=error))


@router.post(f"{_HOOK}/ping")
def ping_webhook(request: StackRequestDep, hook: str, form: FormDep) -> Response:
    """Send a ping."""
    _ = form
    return lead(lambda: request.pages.ping(hook), lambda error: _hook_page(request, hook, error=error))


@router.post(f"{_HOOK}/deliveries/{{delivery_id}}/redeliver")
def redeliver(request: StackRequestDep, hook: str, delivery_id: str, form: FormDep) -> Response:
    """Send a delivery once more."""
    _ = form
    return lead(lambda: request.pages.redeliver(hook, delivery_id), lambda error: _hook_page(request, hook, error=error))


def _list_page(request: StackRequest, form: Form | None = None, *, error: BackendError | None = None, done: str = "") -> Response:
    return request.page("webhooks", request.pages.list_content(form), error, done)


def _hook_page(
    request: StackRequest, hook: str, form: Form | None = None, *, error: BackendError | None = None, done: str = ""
) -> Response:
    return request.page("webhook", request.pages.content(hook, form), error, done)
