"""An organization's provider as it is now, for those who sign in."""

from importlib.util import find_spec

from common.backend import Backend
from common.core.errors import Forbidden, NotFound, Unavailable
from common.ports.outbound import CallFailed
from common.sign_in.saml import metadata, repository
from common.sign_in.saml.model import Descriptor, StoredProvider

_MISSING = "no organization of this name has an identity provider of its own here"


def read(backend: Backend, text: str) -> Descriptor:
    """Return what metadata says at this moment; raises Unavailable where the libraries for it are not installed."""
    if find_spec("onelogin") is None:
        raise Unavailable("SAML needs the extra libraries `saml`, which are not installed here")
    return metadata.parse(text, backend.clock.now(), refusal_of=lambda url: _refusal_of(backend, url))


def require_usable(backend: Backend, org: str) -> tuple[StoredProvider, Descriptor]:
    """Return the provider that people sign in through; NotFound without one, Forbidden while it cannot be used."""
    with backend.db.connect() as connection:
        stored = repository.find_provider_of(connection, org)
    if stored is None:
        raise NotFound(_MISSING)
    found = read(backend, stored.text)
    if not found.is_usable:
        raise Forbidden(f"the identity provider of {org} cannot be used ({found.problem}); ask an administrator of {org}")
    return stored, found


def identity_name(org_id: str) -> str:
    """Return what `identities` call an organization's provider."""
    return f"saml:{org_id}"


def _refusal_of(backend: Backend, url: str) -> str:
    """Return why an address may not be used, as for calls: browsers are not sent to it over plain HTTP either."""
    try:
        backend.outbound.require_url(url)
    except CallFailed as error:
        return str(error)
    except ValueError:
        return "it is not an address"
    return ""
