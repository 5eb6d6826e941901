"""Gets an organization's identity provider for a sign-in."""

from importlib.util import find_spec

from common.backend import Backend
from common.core.errors import Forbidden, NotFound, Unavailable
from common.ports.outbound import CallFailed
from common.sign_in.saml import metadata, repository
from common.sign_in.saml.model import Descriptor, StoredProvider

_MISSING = "there is no organization of this name with its own identity provider"


def read(backend: Backend, text: str) -> Descriptor:
    """Return the content of metadata as of now. Raise Unavailable if the SAML libraries are not installed."""
    if find_spec("onelogin") is None:
        raise Unavailable("SAML needs the package python3-saml, which is not installed")
    return metadata.parse(text, backend.clock.now(), refusal_of=lambda url: _refusal_of(backend, url))


def require_usable(backend: Backend, org: str) -> tuple[StoredProvider, Descriptor]:
    """Return an organization's provider. Raise NotFound if it has none, Forbidden if the provider cannot be used."""
    with backend.db.connect() as connection:
        stored = repository.find_provider_of(connection, org)
    if stored is None:
        raise NotFound(_MISSING)
    descriptor = read(backend, stored.text)
    if not descriptor.is_usable:
        raise Forbidden(f"the identity provider of {org} cannot be used ({descriptor.problem}); ask an administrator of {org}")
    return stored, descriptor


def identity_name(org_id: str) -> str:
    """Return the name of an organization's provider in the table `identities`."""
    return f"saml:{org_id}"


def _refusal_of(backend: Backend, url: str) -> str:
    """Return why an address may not be used, or an empty text. The rules for outgoing calls apply, so plain HTTP is refused."""
    try:
        backend.outbound.require_url(url)
    except CallFailed as error:
        return str(error)
    except ValueError:
        return "it is not an address"
    return ""
