"""Webhooks: requests and replies. `null` equals absent."""

import msgspec
from msgspec import UNSET, UnsetType


class Webhook(msgspec.Struct, rename="camel"):
    """Upstream: Webhook, as clients send it; the names must be those of the address."""

    organization_name: str | None = None
    project_name: str | None = None
    stack_name: str | None = None
    env_name: str | None = None
    name: str | None = None
    display_name: str | None = None
    payload_url: str | None = None
    secret: str | None = None
    active: bool | None = None
    format: str | None = None
    filters: list[str] | None = None
    groups: list[str] | None = None


class WebhookResponse(msgspec.Struct, rename="camel"):
    """Upstream: WebhookResponse."""

    organization_name: str
    name: str
    display_name: str
    payload_url: str
    active: bool
    format: str
    filters: list[str]
    groups: list[str]
    has_secret: bool
    secret_ciphertext: str
    project_name: str | UnsetType = UNSET
    stack_name: str | UnsetType = UNSET
    env_name: str | UnsetType = UNSET


class WebhookDelivery(msgspec.Struct, rename="camel"):
    """Upstream: WebhookDelivery; `timestamp` in seconds, `duration` in milliseconds, headers with CRLF after each."""

    id: str
    kind: str
    payload: str
    timestamp: int
    duration: int
    request_url: str
    request_headers: str
    response_code: int
    response_headers: str
    response_body: str
