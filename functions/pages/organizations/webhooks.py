"""Webhooks of an organization: created, changed, tried out, with their deliveries."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.core.errors import BackendError
from common.rights.permissions import Permission
from common.webhooks.model import Address
from functions.pages.organizations.org_request import OrgRequest, OrgRequestDep
from functions.pages.visitor import Form, FormDep
from functions.pages.webhook_forms import WebhookPages, lead

router = APIRouter()
_LIST = "/{org}/settings/webhooks"
_HOOK = f"{_LIST}/{{hook}}"
_Text = Annotated[str, Query()]


@router.get(_LIST)
def list_webhooks(request: OrgRequestDep, done: _Text = "") -> Response:
    """Show the organization's webhooks, and the form for another."""
    return _list_page(request, done=done)


@router.post(_LIST)
def create_webhook(request: OrgRequestDep, form: FormDep) -> Response:
    """Create a webhook."""
    return lead(lambda: _pages(request).create(form), lambda error: _list_page(request, form, error=error))


@router.get(_HOOK)
def show_webhook(request: OrgRequestDep, hook: str, done: _Text = "") -> Response:
    """Show a webhook, its form and its deliveries."""
    return _hook_page(request, hook, done=done)


@router.post(_HOOK)
def update_webhook(request: OrgRequestDep, hook: str, form: FormDep) -> Response:
    """Change a webhook."""
    return lead(lambda: _pages(request).update(hook, form), lambda error: _hook_page(request, hook, form, error=error))


@router.post(f"{_HOOK}/delete")
def delete_webhook(request: OrgRequestDep, hook: str, form: FormDep) -> Response:
    """Delete a webhook."""
    _ = form
    return lead(lambda: _pages(request).delete(hook), lambda error: _hook_page(request, hook, error=error))


@router.post(f"{_HOOK}/ping")
def ping_webhook(request: OrgRequestDep, hook: str, form: FormDep) -> Response:
    """Send a ping."""
    _ = form
    return lead(lambda: _pages(request).ping(hook), lambda error: _hook_page(request, hook, error=error))


@router.post(f"{_HOOK}/deliveries/{{delivery_id}}/redeliver")
def redeliver(request: OrgRequestDep, hook: str, delivery_id: str, form: FormDep) -> Response:
    """Send a delivery once more."""
    _ = form
    return lead(lambda: _pages(request).redeliver(hook, delivery_id), lambda error: _hook_page(request, hook, error=error))


def _pages(request: OrgRequest) -> WebhookPages:
    return WebhookPages(request.backend, request.caller, Address(request.org), request.address("webhooks"))


def _list_page(request: OrgRequest, form: Form | None = None, *, error: BackendError | None = None, done: str = "") -> Response:
    content = {**_pages(request).list_content(form), "may_create": request.may(Permission.ORGANIZATION_WEBHOOK_CREATE)}
    return request.page("webhooks", content, error=error, done=done)


def _hook_page(
    request: OrgRequest, hook: str, form: Form | None = None, *, error: BackendError | None = None, done: str = ""
) -> Response:
    content = {
        **_pages(request).content(hook, form),
        "may_update": request.may(Permission.ORGANIZATION_WEBHOOK_UPDATE),
        "may_delete": request.may(Permission.ORGANIZATION_WEBHOOK_DELETE),
    }
    return request.page("webhook", content, error=error, done=done)
