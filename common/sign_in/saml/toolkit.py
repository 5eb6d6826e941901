"""The one place that sets the SAML toolkit up, always strict, and asks it for requests and for our own metadata."""

from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from common.backend import Backend
from common.config import saml_certificate
from common.config.public_urls import api_url
from common.sign_in.saml.model import Descriptor

_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
_UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
# The toolkit would let our metadata end after two days; providers keep what they were given for years.
_METADATA_UNTIL = "2099-12-31T00:00:00Z"
_METADATA_CACHE = "P1D"


def entity_id(backend: Backend, org: str) -> str:
    """Return what an organization's provider knows this server by: the address of its metadata."""
    return f"{api_url(backend.settings)}/login/{org}/sso/saml/metadata"


def acs_url(backend: Backend, org: str) -> str:
    """Return where an organization's provider sends people with its answer."""
    return f"{api_url(backend.settings)}/login/{org}/sso/saml/acs"


def make_metadata(backend: Backend, org: str) -> bytes:
    """Return the metadata of this service provider for one organization."""
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
    made: str | bytes = OneLogin_Saml2_Metadata.add_x509_key_descriptors(text, pair.certificate, add_encryption=True)
    return made.encode() if isinstance(made, str) else made


def make_request(backend: Backend, org: str, found: Descriptor, *, request_id: str, state: str, force: bool) -> str:
    """Return the address at the provider that carries a request for a sign-in.

    `state` comes back with the answer; `force` asks for a fresh sign-in even if the provider remembers the browser.
    """
    from onelogin.saml2.auth import OneLogin_Saml2_Auth  # noqa: PLC0415 - as above
    from onelogin.saml2.authn_request import OneLogin_Saml2_Authn_Request  # noqa: PLC0415 - as above

    class Request(OneLogin_Saml2_Authn_Request):  # type: ignore[misc]
        def _generate_request_id(self) -> str:
            return request_id

    # The toolkit writes its values into XML as they are.
    request = Request(make_settings(backend, org, found, written=True), force_authn=force)
    parameters = {"SAMLRequest": request.get_request(), "RelayState": state}
    settings = make_settings(backend, org, found)
    auth = OneLogin_Saml2_Auth({}, settings)
    if settings.get_security_data()["authnRequestsSigned"]:
        auth.add_request_signature(parameters, settings.get_security_data()["signatureAlgorithm"])
    return str(auth.redirect_to(found.sso_url, parameters))


def make_settings(backend: Backend, org: str, found: Descriptor, *, written: bool = False) -> Any:  # noqa: ANN401 - of a library without types
    """Return the toolkit's settings for an organization and its provider; `written`: with values fit to be put into XML."""
    from onelogin.saml2.settings import OneLogin_Saml2_Settings  # noqa: PLC0415 - as above

    as_is = (lambda text: escape(text, {'"': "&quot;"})) if written else str
    pair = saml_certificate.load(backend.settings)
    service = _service(backend, org, as_is(found.name_id_format or _UNSPECIFIED))
    return OneLogin_Saml2_Settings(
        {
            "strict": True,
            "debug": False,
            "sp": {**service, "x509cert": pair.certificate, "privateKey": pair.private_key},
            "idp": {
                "entityId": as_is(found.entity_id),
                "singleSignOnService": {"url": as_is(found.sso_url)},
                "x509certMulti": {"signing": list(found.certificates)},
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
    """Return the request that answers must be meant for, as it is configured: a Host header could say anything."""
    address = urlsplit(acs_url(backend, org))
    https = "on" if address.scheme == "https" else "off"
    return {"https": https, "http_host": address.netloc, "script_name": address.path}


def _service(backend: Backend, org: str, name_id_format: str) -> dict[str, Any]:
    return {
        "entityId": entity_id(backend, org),
        "assertionConsumerService": {"url": acs_url(backend, org), "binding": _POST},
        "NameIDFormat": name_id_format,
    }
