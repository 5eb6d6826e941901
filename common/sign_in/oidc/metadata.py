"""The metadata of an issuer. Source: OpenID Connect Discovery 1.0, 3 and 4."""

from collections.abc import Mapping
from dataclasses import dataclass

_WELL_KNOWN = "/.well-known/openid-configuration"
_TEXT_LIMIT = 64 * 1_024
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Metadata:
    """What an issuer publishes about itself.

    An endpoint is an empty text where the issuer does not publish it. `auth_methods` are its methods of client
    authentication, empty where it does not list them. `names_issuer`: its redirects name it (RFC 9207).
    """

    issuer: str
    jwks_uri: str
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    auth_methods: tuple[str, ...]
    names_issuer: bool


class InvalidMetadata(Exception):
    """A document is not the metadata of an issuer; the text continues a sentence that begins with the issuer's name."""


class WrongIssuer(InvalidMetadata):
    """The metadata names another issuer."""


def metadata_url(issuer: str) -> str:
    """Return the address of the metadata of an issuer."""
    return f"{issuer.rstrip('/')}{_WELL_KNOWN}"


def read_metadata(document: object, issuer: str) -> Metadata:
    """Return the metadata in a document; raises InvalidMetadata, and WrongIssuer if it is not the issuer's.

    The endpoints are not checked here. The guard of outgoing calls refuses those that may not be called.
    """
    members = document if isinstance(document, Mapping) else {}
    name, jwks_uri = _text(members, "issuer"), _text(members, "jwks_uri")
    if not name or not jwks_uri:
        raise InvalidMetadata("has no issuer and jwks_uri in its configuration")
    # 4.3: the two must be the same. A slash at the end is often forgotten in settings; tokens spell it as the metadata does.
    if name.rstrip("/") != issuer.rstrip("/"):
        raise WrongIssuer(f"says that it is another issuer, {name[:_SHOWN]!a}")
    methods = members.get("token_endpoint_auth_methods_supported")
    return Metadata(
        issuer=name,
        jwks_uri=jwks_uri,
        authorization_endpoint=_text(members, "authorization_endpoint"),
        token_endpoint=_text(members, "token_endpoint"),
        userinfo_endpoint=_text(members, "userinfo_endpoint"),
        auth_methods=tuple(method for method in methods if isinstance(method, str)) if isinstance(methods, list) else (),
        names_issuer=members.get("authorization_response_iss_parameter_supported") is True,
    )


def _text(members: Mapping[str, object], name: str) -> str:
    value = members.get(name)
    return value if isinstance(value, str) and len(value) <= _TEXT_LIMIT else ""
