"""Webhooks of organizations, stacks and environments (platform.md 9)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from msgspec import UNSET

from common.core.errors import BadRequest
from common.environments.model import DEFAULT_PROJECT
from common.webhooks import model, secrets
from common.webhooks import service as webhooks
from common.webhooks.model import Address, Settings, parse_format, unique
from common.wire.webhooks import Webhook, WebhookDelivery, WebhookResponse
from functions.http.bodies import BodyDep
from functions.http.deps import BackendDep, CallerDep, empty, reply

router = APIRouter()
_ORG = "/api/orgs/{org}/hooks"
_STACK = "/api/stacks/{org}/{project}/{stack}/hooks"
_ENVIRONMENT = "/api/esc/environments/{org}/{project}/{environment}/hooks"
_CREATED = 201


async def get_address(request: Request) -> Address:
    """Return the organization, the stack or the environment of the address; one from before projects means the default one."""
    path = request.path_params
    environment = path.get("environment", "")
    return Address(path["org"], path.get("project", DEFAULT_PROJECT if environment else ""), path.get("stack", ""), environment)


AddressDep = Annotated[Address, Depends(get_address)]


@router.get(_ORG)
@router.get(_STACK)
@router.get(_ENVIRONMENT)
def list_webhooks(backend: BackendDep, caller: CallerDep, address: AddressDep) -> Response:
    return reply([_webhook(address, webhook) for webhook in webhooks.list_webhooks(backend, caller, address)])


@router.post(_ORG)
@router.post(_STACK)
@router.post(_ENVIRONMENT)
def create_webhook(backend: BackendDep, caller: CallerDep, address: AddressDep, body: BodyDep) -> Response:
    sent = body.decode(Webhook)
    _require_names(address, sent)
    return reply(_webhook(address, webhooks.create(backend, caller, address, sent.name or "", _settings(sent))), _CREATED)


@router.get(f"{_ORG}/{{hook}}")
@router.get(f"{_STACK}/{{hook}}")
@router.get(f"{_ENVIRONMENT}/{{hook}}")
def get_webhook(backend: BackendDep, caller: CallerDep, address: AddressDep, hook: str) -> Response:
    return reply(_webhook(address, webhooks.get_webhook(backend, caller, address, hook)))


@router.patch(f"{_ORG}/{{hook}}")
@router.patch(f"{_STACK}/{{hook}}")
@router.patch(f"{_ENVIRONMENT}/{{hook}}")
def update_webhook(backend: BackendDep, caller: CallerDep, address: AddressDep, hook: str, body: BodyDep) -> Response:
    sent = body.decode(Webhook)
    _require_names(address, sent, hook)
    return reply(_webhook(address, webhooks.update(backend, caller, address, hook, _settings(sent))))


@router.delete(f"{_ORG}/{{hook}}")
@router.delete(f"{_STACK}/{{hook}}")
@router.delete(f"{_ENVIRONMENT}/{{hook}}")
def delete_webhook(backend: BackendDep, caller: CallerDep, address: AddressDep, hook: str) -> Response:
    webhooks.delete(backend, caller, address, hook)
    return empty()


@router.post(f"{_ORG}/{{hook}}/ping")
@router.post(f"{_STACK}/{{hook}}/ping")
@router.post(f"{_ENVIRONMENT}/{{hook}}/ping")
def ping_webhook(backend: BackendDep, caller: CallerDep, address: AddressDep, hook: str) -> Response:
    return reply(_delivery(webhooks.ping(backend, caller, address, hook)))


@router.get(f"{_ORG}/{{hook}}/deliveries")
@router.get(f"{_STACK}/{{hook}}/deliveries")
@router.get(f"{_ENVIRONMENT}/{{hook}}/deliveries")
def list_webhook_deliveries(backend: BackendDep, caller: CallerDep, address: AddressDep, hook: str) -> Response:
    return reply([_delivery(delivery) for delivery in webhooks.list_deliveries(backend, caller, address, hook)])


@router.post(f"{_ORG}/{{hook}}/deliveries/{{event}}/redeliver")
@router.post(f"{_STACK}/{{hook}}/deliveries/{{event}}/redeliver")
@router.post(f"{_ENVIRONMENT}/{{hook}}/deliveries/{{event}}/redeliver")
def redeliver_webhook_event(backend: BackendDep, caller: CallerDep, address: AddressDep, hook: str, event: str) -> Response:
    return reply(_delivery(webhooks.redeliver(backend, caller, address, hook, event)))


def _require_names(address: Address, sent: Webhook, hook: str = "") -> None:
    """Raise BadRequest if a body names something else than the address; a new webhook has any name."""
    names = [
        (sent.organization_name, address.org),
        (sent.project_name, address.project),
        (sent.stack_name, address.stack),
        (sent.env_name, address.environment),
    ]
    if hook:
        names.append((sent.name, hook))
    for name, expected in names:
        if name and name != expected:
            raise BadRequest(f"the body names {name[:100]!a}, which is not in the address")


def _settings(sent: Webhook) -> Settings:
    """Return the settings of a body, which has all of them: what is left out of a change is not kept, but for the secret."""
    if sent.display_name is None or sent.payload_url is None:
        raise BadRequest("the body must be a whole webhook, with displayName and payloadUrl")
    return Settings(
        display_name=sent.display_name,
        payload_url=sent.payload_url,
        format=parse_format(sent.format or ""),
        filters=unique(sent.filters or ()),
        groups=unique(sent.groups or ()),
        active=sent.active is not False,
        secret=sent.secret or "",
    )


def _webhook(address: Address, webhook: model.Webhook) -> WebhookResponse:
    settings = webhook.settings
    return WebhookResponse(
        organization_name=address.org,
        name=webhook.name,
        display_name=settings.display_name,
        payload_url=settings.payload_url,
        active=settings.active,
        format=settings.format,
        filters=list(settings.filters),
        groups=list(settings.groups),
        has_secret=webhook.sealed_secret is not None,
        secret_ciphertext=secrets.ciphertext(webhook),
        project_name=address.project or UNSET,
        stack_name=address.stack or UNSET,
        env_name=address.environment or UNSET,
    )


def _delivery(delivery: model.Delivery) -> WebhookDelivery:
    return WebhookDelivery(
        id=delivery.id,
        kind=delivery.kind,
        payload=delivery.payload,
        timestamp=delivery.sent_at // 1000,
        duration=delivery.duration_millis,
        request_url=delivery.request_url,
        request_headers=delivery.request_headers,
        response_code=delivery.response_code,
        response_headers=delivery.response_headers,
        response_body=delivery.response_body,
    )
