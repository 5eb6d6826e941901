"""Configures the SAML toolkit, always in strict mode, and uses it to create requests and our own metadata."""

from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from common.backend import Backend
from common.config import saml_certificate
from common.config.public_urls import api_url
from common.sign_in.saml.model import Descriptor

_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
_UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
# By default, the toolkit lets our metadata expire after two days, but providers keep it for years.
_METADATA_UNTIL = "2099-12-31T00:00:00Z"
_METADATA_CACHE = "P1D"


def entity_id(backend: Backend, org: str) -> str:
    """Return the entity ID of this server for an organization's provider: the address of our metadata."""
    return f"{api_url(backend.settings)}/login/{org}/sso/saml/metadata"


def acs_url(backend: Backend, org: str) -> str:
    """Return the address to which an organization's provider sends its answers."""
    return f"{api_url(backend.settings)}/login/{org}/sso/saml/acs"


def create_metadata(backend: Backend, org: str) -> bytes:
    """Return our metadata as a service provider for one organization."""
    from onelogin.saml2.metadata import OneLogin_Saml2_Metadata  # noqa: PLC0415 - only SAML needs it, and it takes 50 ms

    pair = saml_certificate.load(backend.settings)
    service = {**_service(backend, org, _UNSPECIFIED), "singleLogoutService": {}}
    text = OneLogin_Saml2_Metadata.builder(
        service,
        authnsign=bool(pair),
        wsign=True,
        valid_until=_METADATA_UNTIL,
        cache_duration=_METADATA_CACHE,
    )
    document: str | bytes = OneLogin_Saml2_Metadata.add_x509_key_descriptors(text, pair.certificate, add_encryption=True)
    return document.encode() if isinstance(document, str) else document


def create_request(backend: Backend, org: str, descriptor: Descriptor, *, request_id: str, state: str, force: bool) -> str:
    """Return the address of the provider with a sign-in request in its query.

    The provider returns `state` with its answer. `force` asks for a new sign-in even if the user is signed in at the provider.
    """
    from onelogin.saml2.auth import OneLogin_Saml2_Auth  # noqa: PLC0415 - as above
    from onelogin.saml2.authn_request import OneLogin_Saml2_Authn_Request  # noqa: PLC0415 - as above

    class Request(OneLogin_Saml2_Authn_Request):  # type: ignore[misc]
        def _generate_request_id(self) -> str:
            return request_id

    # The toolkit does not escape the values that it writes into XML.
    request = Request(make_settings(backend, org, descriptor, escaped=True), force_authn=force)
    parameters = {"SAMLRequest": request.get_request(), "RelayState": state}
    settings = make_settings(backend, org, descriptor)
    auth = OneLogin_Saml2_Auth({}, settings)
    if settings.get_security_data()["authnRequestsSigned"]:
        auth.add_request_signature(parameters, settings.get_security_data()["signatureAlgorithm"])
    return str(auth.redirect_to(descriptor.sso_url, parameters))


def make_settings(backend: Backend, org: str, descriptor: Descriptor, *, escaped: bool = False) -> Any:  # noqa: ANN401 - of a library without types
    """Return the toolkit's settings for an organization and its provider. `escaped`: escape the values for XML."""
    from onelogin.saml2.settings import OneLogin_Saml2_Settings  # noqa: PLC0415 - as above

    encode = (lambda text: escape(text, {'"': "&quot;"})) if escaped else str
    pair = saml_certificate.load(backend.settings)
    service = _service(backend, org, encode(descriptor.name_id_format or _UNSPECIFIED))
    return OneLogin_Saml2_Settings(
        {
            "strict": True,
            "debug": False,
            "sp": {**service, "x509cert": pair.certificate, "privateKey": pair.private_key},
            "idp": {
                "entityId": encode(descriptor.entity_id),
                "singleSignOnService": {"url": encode(descriptor.sso_url)},
                "x509certMulti": {"signing": list(descriptor.certificates)},
            },
            "security": {
                "authnRequestsSigned": bool(pair),
                "wantMessagesSigned": True,
                "wantAssertionsSigned": True,
                "wantAttributeStatement": False,
                "allowRepeatAttributeName": True,
                "allowSingleLabelDomains": True,
                "rejectDeprecatedAlgorithm": True,
                "requestedAuthnContext": False,
            },
        },
    )


def request_data(backend: Backend, org: str) -> dict[str, str]:
    """Return the address that answers must be for, from the settings: a client can forge the Host header."""
    address = urlsplit(acs_url(backend, org))
    https = "on" if address.scheme == "https" else "off"
    return {"https": https, "http_host": address.netloc, "script_name": address.path}


def _service(backend: Backend, org: str, name_id_format: str) -> dict[str, Any]:
    return {
        "entityId": entity_id(backend, org),
        "assertionConsumerService": {"url": acs_url(backend, org), "binding": _POST},
        "NameIDFormat": name_id_format,
    }
