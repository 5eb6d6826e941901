"""Parses the metadata of an organization's identity provider. A problem is returned in the descriptor, not raised.

A document type, entities and addresses without HTTPS are refused. Nothing is fetched.
"""

from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from common.sign_in.saml.model import Descriptor

LIMIT_CHARACTERS = 256 * 1024
_ENTITY_LIMIT, _URL_LIMIT, _FORMAT_LIMIT, _CERTIFICATE_LIMIT = 1024, 2048, 255, 10
_RSA_BITS = 2048
_TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"


class _InvalidMetadata(Exception):
    """The metadata is invalid; the message is shown to the administrator who set up the provider."""


def parse(text: str, now: datetime, *, refusal_of: Callable[[str], str]) -> Descriptor:
    """Return the content of metadata. `refusal_of` returns why an address may not be used, or an empty text."""
    if not text:
        return Descriptor(problem="no identity provider is set up")
    try:
        root = _read(text)
        descriptor = _describe(root)
    except _InvalidMetadata as error:
        return Descriptor(problem=str(error))
    return replace(descriptor, problem=_problem(root, descriptor, now, refusal_of))


def _read(text: str) -> Any:  # noqa: ANN401 - an element of a library without types
    from lxml.etree import XMLSyntaxError  # noqa: PLC0415 - only SAML needs it, and it takes 50 ms
    from onelogin.saml2.xml_utils import OneLogin_Saml2_XML  # noqa: PLC0415 - as above

    if len(text) > LIMIT_CHARACTERS:
        raise _InvalidMetadata(f"the descriptor is longer than {LIMIT_CHARACTERS:,} characters")
    try:
        return OneLogin_Saml2_XML.to_etree(text)
    except XMLSyntaxError as error:
        raise _InvalidMetadata(f"the descriptor is not well-formed XML (line {error.lineno})") from error
    except ValueError as error:
        raise _InvalidMetadata("the descriptor has a document type or entities, or characters that XML cannot have") from error


def _describe(root: Any) -> Descriptor:  # noqa: ANN401 - as above
    from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser  # noqa: PLC0415 - as above

    if len(_query(root, "//md:IDPSSODescriptor")) != 1:
        raise _InvalidMetadata("the descriptor must describe exactly one identity provider (one IDPSSODescriptor)")
    if len(_query(root, "//md:EntityDescriptor")) != 1:
        raise _InvalidMetadata("the descriptor must describe one entity; remove the others")
    provider = OneLogin_Saml2_IdPMetadataParser.parse(root)
    idp: dict[str, Any] = provider["idp"]
    texts = _query(root, "//md:KeyDescriptor[not(@use) or @use='signing']/ds:KeyInfo/ds:X509Data/ds:X509Certificate/text()")
    return Descriptor(
        entity_id=idp.get("entityId") or "",
        sso_url=idp.get("singleSignOnService", {}).get("url") or "",
        name_id_format=(provider.get("sp", {}).get("NameIDFormat") or "").strip(),
        valid_until=_valid_until(root),
        certificates=tuple(dict.fromkeys("".join(text.split()) for text in texts)),
    )


def _valid_until(root: Any) -> str:  # noqa: ANN401 - as above
    """Return when the first part of the metadata expires, or an empty text."""
    moments = [_moment(text) for text in _query(root, "//@validUntil")]
    return min(moments).isoformat().replace("+00:00", "Z") if moments else ""


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise _InvalidMetadata("the descriptor's validUntil is not a time") from error
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _problem(root: Any, descriptor: Descriptor, now: datetime, refusal_of: Callable[[str], str]) -> str:  # noqa: ANN401 - as above
    refusal = refusal_of(descriptor.sso_url) if descriptor.sso_url else ""
    checks = (
        (not 0 < len(descriptor.entity_id) <= _ENTITY_LIMIT, f"the entityID must have 1 to {_ENTITY_LIMIT:,} characters"),
        (not descriptor.sso_url, "there is no SingleSignOnService with the binding HTTP-Redirect"),
        (len(descriptor.sso_url) > _URL_LIMIT, f"the sign-in address is longer than {_URL_LIMIT:,} characters"),
        (bool(refusal), f"the sign-in address may not be used: {refusal}"),
        (not _is_address(descriptor.sso_url), "the sign-in address is not a valid address"),
        (len(descriptor.name_id_format) > _FORMAT_LIMIT, "the NameIDFormat is too long"),
        (
            _only_transient(root),
            "the only NameIDFormat is transient; offer one that stays the same, such as persistent or emailAddress",
        ),
        (not descriptor.certificates, "there is no signing certificate"),
        (len(descriptor.certificates) > _CERTIFICATE_LIMIT, f"there are more than {_CERTIFICATE_LIMIT} certificates"),
        (
            bool(descriptor.valid_until) and datetime.fromisoformat(descriptor.valid_until) <= now,
            f"it expired at {descriptor.valid_until}",
        ),
    )
    return next((text for is_so, text in checks if is_so), "") or _certificate_problem(descriptor.certificates)


def _is_address(url: str) -> bool:
    """Tell whether the toolkit accepts an address. It checks the address again before each use."""
    from onelogin.saml2.settings import validate_url  # noqa: PLC0415 - as above

    return url.isprintable() and bool(validate_url(url, allow_single_label_domain=True))


def _only_transient(root: Any) -> bool:  # noqa: ANN401 - as above
    formats = [text.strip() for text in _query(root, "//md:IDPSSODescriptor/md:NameIDFormat/text()")]
    return bool(formats) and set(formats) == {_TRANSIENT}


def _certificate_problem(certificates: tuple[str, ...]) -> str:
    from cryptography import x509  # noqa: PLC0415 - it takes 40 ms, and only this needs it
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415 - as above

    for text in certificates:
        try:
            key = x509.load_der_x509_certificate(b64decode(text, validate=True)).public_key()
        except ValueError:
            return "a certificate cannot be read"
        if isinstance(key, RSAPublicKey) and key.key_size < _RSA_BITS:
            return f"a certificate has an RSA key of {key.key_size} bits; it needs at least {_RSA_BITS}"
    return ""


def _query(root: Any, path: str) -> list[Any]:  # noqa: ANN401 - as above
    from onelogin.saml2.constants import OneLogin_Saml2_Constants  # noqa: PLC0415 - as above

    nodes: list[Any] = root.xpath(path, namespaces=OneLogin_Saml2_Constants.NSMAP)
    return nodes
