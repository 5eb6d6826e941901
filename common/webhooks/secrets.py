"""Secrets of webhooks: encrypted at rest with a key of the organization, and never shown again."""

import base64

from common.backend import Backend
from common.crypto.envelope import Envelope
from common.crypto.service_keys import service_key
from common.webhooks.model import REMOVE_SECRET, Webhook


def seal(backend: Backend, org_id: str, webhook_id: str, secret: str, before: bytes | None = None) -> bytes | None:
    """Return the sealed secret after a change of `before`, None for no secret. The same secret keeps its sealed form."""
    # No permission check in this module: the use case made it.
    if secret == REMOVE_SECRET:
        return None
    if not secret:
        return before
    envelope = _envelope(backend, org_id, webhook_id)
    plain = secret.encode()
    return before if before is not None and envelope.open(before) == plain else envelope.seal(plain)


def open_secret(backend: Backend, webhook: Webhook) -> bytes | None:
    """Return the secret that signs deliveries, or None."""
    if webhook.sealed_secret is None:
        return None
    return _envelope(backend, webhook.org_id, webhook.id).open(webhook.sealed_secret)


def ciphertext(webhook: Webhook) -> str:
    """Return a text that changes with the secret and says nothing of it; empty without a secret."""
    return base64.b64encode(webhook.sealed_secret).decode() if webhook.sealed_secret is not None else ""


def _envelope(backend: Backend, org_id: str, webhook_id: str) -> Envelope:
    return Envelope(service_key(backend, f"webhooks {org_id}"), webhook_id)
