"""Use cases of relying parties: what an issuer publishes. Anyone may read it."""

from common.backend import Backend
from common.config.public_urls import api_url
from common.oidc_issuer import keys, model
from common.oidc_issuer.model import Issuer


def get_metadata(backend: Backend, issuer: Issuer) -> dict[str, object]:
    """Return the metadata of an issuer."""
    # No permission check: it is public.
    return model.metadata(api_url(backend.settings), issuer)


def get_key_set(backend: Backend, issuer: Issuer) -> dict[str, object]:
    """Return the public keys of an issuer as a JSON Web Key Set."""
    # No permission check: they are public.
    return {"keys": [key.public_key for key in keys.list_published(backend, issuer)]}
