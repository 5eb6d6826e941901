"""Reads the metadata of an organization's identity provider. What is wrong with it is said, not raised.

A document type, entities and addresses that are not HTTPS are refused; nothing is fetched.
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
    """Says what is wrong with the metadata, for the administrator who set the provider up."""


def parse(text: str, now: datetime, *, refusal_of: Callable[[str], str]) -> Descriptor:
    """Return what metadata says; `refusal_of` tells why an address may not be used, or an empty text."""
    if not text:
        return Descriptor(problem="no identity provider is set up")
    try:
        root = _read(text)
        found = _find(root)
    except _InvalidMetadata as error:
        return Descriptor(problem=str(error))
    return replace(found, problem=_problem(root, found, now, refusal_of))


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


def _find(root: Any) -> Descriptor:  # noqa: ANN401 - as above
    from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser  # noqa: PLC0415 - as above

    if len(_query(root, "//md:IDPSSODescriptor")) != 1:
        raise _InvalidMetadata("the descriptor must describe exactly one identity provider (one IDPSSODescriptor)")
    if len(_query(root, "//md:EntityDescriptor")) != 1:
        raise _InvalidMetadata("the descriptor must describe one entity; leave the others out")
    provider = OneLogin_Saml2_IdPMetadataParser.parse(root)
    told: dict[str, Any] = provider["idp"]
    texts = _query(root, "//md:KeyDescriptor[not(@use) or @use='signing']/ds:KeyInfo/ds:X509Data/ds:X509Certificate/text()")
    return Descriptor(
        entity_id=told.get("entityId") or "",
        sso_url=told.get("singleSignOnService", {}).get("url") or "",
        name_id_format=(provider.get("sp", {}).get("NameIDFormat") or "").strip(),
        valid_until=_valid_until(root),
        certificates=tuple(dict.fromkeys("".join(one.split()) for one in texts)),
    )


def _valid_until(root: Any) -> str:  # noqa: ANN401 - as above
    """Return the earliest moment at which some part of the metadata ends, or an empty text."""
    moments = [_moment(text) for text in _query(root, "//@validUntil")]
    return min(moments).isoformat().replace("+00:00", "Z") if moments else ""


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise _InvalidMetadata("the descriptor's validUntil is not a time") from error
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _problem(root: Any, found: Descriptor, now: datetime, refusal_of: Callable[[str], str]) -> str:  # noqa: ANN401 - as above
    refusal = refusal_of(found.sso_url) if found.sso_url else ""
    checks = (
        (not 0 < len(found.entity_id) <= _ENTITY_LIMIT, f"the entityID must have 1 to {_ENTITY_LIMIT:,} characters"),
        (not found.sso_url, "there is no SingleSignOnService with the binding HTTP-Redirect"),
        (len(found.sso_url) > _URL_LIMIT, f"the address for signing in is longer than {_URL_LIMIT:,} characters"),
        (bool(refusal), f"the address for signing in may not be used: {refusal}"),
        (not _is_address(found.sso_url), "the address for signing in is not an address"),
        (len(found.name_id_format) > _FORMAT_LIMIT, "the NameIDFormat is too long"),
        (_only_transient(root), "people must be named by a lasting NameIDFormat, not by a transient one"),
        (not found.certificates, "there is no certificate for signing"),
        (len(found.certificates) > _CERTIFICATE_LIMIT, f"there are more than {_CERTIFICATE_LIMIT} certificates"),
        (bool(found.valid_until) and datetime.fromisoformat(found.valid_until) <= now, f"it expired at {found.valid_until}"),
    )
    return next((text for is_so, text in checks if is_so), "") or _certificate_problem(found.certificates)


def _is_address(url: str) -> bool:
    """Tell whether the toolkit, which checks it again before each use, will take an address."""
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
            return f"a certificate has an RSA key of {key.key_size} bits; {_RSA_BITS} are the least that is taken"
    return ""


def _query(root: Any, path: str) -> list[Any]:  # noqa: ANN401 - as above
    from onelogin.saml2.constants import OneLogin_Saml2_Constants  # noqa: PLC0415 - as above

    found: list[Any] = root.xpath(path, namespaces=OneLogin_Saml2_Constants.NSMAP)
    return found
