"""The routes of pages about webhooks, the same for organizations, stacks and environments: what is around them differs."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Query, Response

from common.core.errors import BackendError
from functions.pages.visitor import Form, FormDep
from functions.pages.webhook_forms import WebhookPages, lead

_Text = Annotated[str, Query()]


class WebhookRequest(Protocol):
    """A request for a page about the webhooks of one owner."""

    @property
    def pages(self) -> WebhookPages:
        """Return the pages about the owner's webhooks."""

    def page(self, name: str, content: dict[str, object], error: BackendError | None, done: str) -> Response:
        """Return a page with what is around it, and whether the visitor may create, change and delete webhooks."""


def webhook_router(base: str, get_request: Callable[..., Awaitable[WebhookRequest]]) -> APIRouter:
    """Return the routes below an address, for requests that a dependency returns."""
    router, hook_path = APIRouter(), f"{base}/{{hook}}"
    RequestDep = Annotated[WebhookRequest, Depends(get_request)]  # noqa: N806 - a type

    @router.get(base)
    def list_webhooks(request: RequestDep, done: _Text = "") -> Response:
        return _list_page(request, done=done)

    @router.post(base)
    def create_webhook(request: RequestDep, form: FormDep) -> Response:
        return lead(lambda: request.pages.create(form), lambda error: _list_page(request, form, error=error))

    @router.get(hook_path)
    def show_webhook(request: RequestDep, hook: str, done: _Text = "") -> Response:
        return _hook_page(request, hook, done=done)

    @router.post(hook_path)
    def update_webhook(request: RequestDep, hook: str, form: FormDep) -> Response:
        return lead(lambda: request.pages.update(hook, form), lambda error: _hook_page(request, hook, form, error=error))

    @router.post(f"{hook_path}/delete")
    def delete_webhook(request: RequestDep, hook: str, form: FormDep) -> Response:
        _ = form
        return lead(lambda: request.pages.delete(hook), lambda error: _hook_page(request, hook, error=error))

    @router.post(f"{hook_path}/ping")
    def ping_webhook(request: RequestDep, hook: str, form: FormDep) -> Response:
        _ = form
        return lead(lambda: request.pages.ping(hook), lambda error: _hook_page(request, hook, error=error))

    @router.post(f"{hook_path}/deliveries/{{delivery_id}}/redeliver")
    def redeliver(request: RequestDep, hook: str, delivery_id: str, form: FormDep) -> Response:
        _ = form
        return lead(lambda: request.pages.redeliver(hook, delivery_id), lambda error: _hook_page(request, hook, error=error))

    return router


def _list_page(
    request: WebhookRequest, form: Form | None = None, *, error: BackendError | None = None, done: str = ""
) -> Response:
    return request.page("webhooks", request.pages.list_content(form), error, done)


def _hook_page(
    request: WebhookRequest, hook: str, form: Form | None = None, *, error: BackendError | None = None, done: str = ""
) -> Response:
    return request.page("webhook", request.pages.content(hook, form), error, done)
