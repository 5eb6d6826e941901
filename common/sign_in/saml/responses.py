"""Checks the answers of an organization's provider: the toolkit's strict checks, and those that the toolkit does not make.

Only what the provider signed is decrypted, used or shown. The toolkit accepts an answer without an audience, recipient or
destination, or with one that only begins like ours. Here, each must be present and equal to ours.
"""

import logging
import time
from base64 import b64decode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from common.backend import Backend
from common.core.errors import TooLarge, Unauthorized
from common.sign_in.model import address_of
from common.sign_in.saml import toolkit
from common.sign_in.saml.model import Assertion, Descriptor

LOG = logging.getLogger("stackhold.identity")
LIMIT_CHARACTERS = 512 * 1024
SUBJECT_LIMIT = 255
_REASON_LIMIT = 300
_DS = "http://www.w3.org/2000/09/xmldsig#"
_XENC = "http://www.w3.org/2001/04/xmlenc#"
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_HASHES = ("sha256", "sha384", "sha512")
_SIGNATURES = frozenset(f"{_MORE}{kind}-{name}" for kind in ("rsa", "ecdsa") for name in _HASHES)
_DIGESTS = frozenset((f"{_XENC}sha256", f"{_MORE}sha384", f"{_XENC}sha512"))
# With PKCS #1 v1.5 padding, an attacker who sees which decryptions fail can read the encrypted text.
_BAD_TRANSPORT = f"{_XENC}rsa-1_5"
_EMAIL_FORMAT = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
_TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
_EMAILS = ("email", "mail", "emailAddress", "Email", f"{_CLAIMS}/emailaddress", "urn:oid:0.9.2342.19200300.100.1.3")
_NAMES = (
    "displayName",
    "name",
    "cn",
    "http://schemas.microsoft.com/identity/claims/displayname",
    f"{_CLAIMS}/name",
    "urn:oid:2.16.840.1.113730.3.1.241",
    "urn:oid:2.5.4.3",
)


@dataclass(frozen=True, slots=True)
class _Place:
    backend: Backend
    org: str
    descriptor: Descriptor


def check(backend: Backend, org: str, descriptor: Descriptor, response: str) -> Assertion:
    """Return the assertion of an answer, given as in the form field. Raise Unauthorized with the reason, or TooLarge."""
    if len(response) > LIMIT_CHARACTERS:
        raise TooLarge(f"the answer is longer than {LIMIT_CHARACTERS:,} characters")
    place = _Place(backend, org, descriptor)
    _require_signed(place, _parse(org, response))
    return _assertion(place, _accepted(place, response))


def refusal(org: str, reason: str) -> Unauthorized:
    """Return the error for an invalid answer."""
    return Unauthorized(f"the answer of {org}'s identity provider cannot be used: {reason}")


def _parse(org: str, response: str) -> Any:  # noqa: ANN401 - an element of a library without types
    from lxml.etree import XMLSyntaxError  # noqa: PLC0415 - only SAML needs it, and it takes 50 ms
    from onelogin.saml2.xml_utils import OneLogin_Saml2_XML  # noqa: PLC0415 - as above

    try:
        # Providers break the lines of base64.
        document = OneLogin_Saml2_XML.to_etree(b64decode("".join(response.split()), validate=True))
    except (XMLSyntaxError, ValueError) as error:
        raise refusal(org, "it is not XML, or has a document type or entities") from error
    if document.tag != "{urn:oasis:names:tc:SAML:2.0:protocol}Response":
        raise refusal(org, "it is not a SAML response")
    return document


def _require_signed(place: _Place, document: Any) -> None:  # noqa: ANN401 - as above
    """Raise Unauthorized unless the provider signed the whole document with one of its certificates and a strong algorithm."""
    from onelogin.saml2.utils import OneLogin_Saml2_Utils  # noqa: PLC0415 - as above

    ids = [str(identifier) for identifier in document.xpath("//@ID")]
    if len(ids) != len(set(ids)):
        raise refusal(place.org, "it uses an ID twice")
    references = document.xpath("/*/ds:Signature/ds:SignedInfo/ds:Reference/@URI", namespaces={"ds": _DS})
    if references != [f"#{document.get('ID')}"]:
        raise refusal(place.org, "the response as a whole is not signed")
    _require_strong(place.org, document)
    is_signed = OneLogin_Saml2_Utils.validate_sign(
        document,
        multicerts=_pems(place.descriptor),
        xpath=OneLogin_Saml2_Utils.RESPONSE_SIGNATURE_XPATH,
    )
    if not is_signed:
        raise refusal(place.org, "its signature does not match a certificate in the provider's metadata")
    if document.xpath("//xenc:EncryptionMethod[@Algorithm=$name]", namespaces={"xenc": _XENC}, name=_BAD_TRANSPORT):
        raise refusal(place.org, "it is encrypted with an algorithm that is too weak (rsa-1_5)")


def _require_strong(org: str, document: Any) -> None:  # noqa: ANN401 - as above
    signatures = set(document.xpath("//ds:SignedInfo/ds:SignatureMethod/@Algorithm", namespaces={"ds": _DS}))
    digests = set(document.xpath("//ds:Reference/ds:DigestMethod/@Algorithm", namespaces={"ds": _DS}))
    if signatures - _SIGNATURES or digests - _DIGESTS:
        raise refusal(org, "it is signed with an algorithm that is too weak")


def _pems(descriptor: Descriptor) -> list[str]:
    from onelogin.saml2.utils import OneLogin_Saml2_Utils  # noqa: PLC0415 - as above

    return [str(OneLogin_Saml2_Utils.format_cert(text)) for text in descriptor.certificates]


def _accepted(place: _Place, response: str) -> Any:  # noqa: ANN401 - as above
    """Return the answer as an object of the toolkit, after all checks of the toolkit."""
    from onelogin.saml2.response import OneLogin_Saml2_Response  # noqa: PLC0415 - as above

    settings = toolkit.make_settings(place.backend, place.org, place.descriptor)
    try:
        answer = OneLogin_Saml2_Response(settings, response)
    except _failures() as error:
        raise refusal(place.org, "its assertion cannot be decrypted") from error
    if not answer.is_valid(toolkit.request_data(place.backend, place.org)):
        reason = str(answer.get_error())[:_REASON_LIMIT]
        if "timestamp" in reason:
            reason += _times(answer.document)
            LOG.warning("an answer of the SAML provider of organization %s is refused: %s", place.org, reason)
        raise refusal(place.org, reason)
    return answer


def _times(document: Any) -> str:  # noqa: ANN401 - as above
    """Return how far the clocks of the provider and this server differ, to append to a reason about time."""
    seconds, now = int(time.time()) - _moment(document.get("IssueInstant")), datetime.now(UTC)
    how = f"{abs(seconds)} seconds {'ahead of' if seconds < 0 else 'behind'}"
    return f" (the provider issued it {how} this server's clock, which says {now:%Y-%m-%dT%H:%M:%SZ}: set both clocks)"


def _failures() -> tuple[type[Exception], ...]:
    """Return the exceptions that the toolkit and its libraries raise for an invalid document."""
    import xmlsec  # noqa: PLC0415 - as above
    from lxml.etree import LxmlError  # noqa: PLC0415 - as above
    from onelogin.saml2.errors import OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError  # noqa: PLC0415 - as above

    return (OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError, xmlsec.Error, LxmlError, ValueError, KeyError)


def _assertion(place: _Place, answer: Any) -> Assertion:  # noqa: ANN401 - as above
    _require_ours(place, answer)
    try:
        name_id, attributes = answer.get_nameid_data(), answer.get_attributes()
    except _failures() as error:
        raise refusal(place.org, str(error)[:_REASON_LIMIT] or "its subject cannot be read") from error
    subject, kind = str(name_id["Value"]).strip(), name_id.get("Format", "")
    if kind == _TRANSIENT or not 0 < len(subject) <= SUBJECT_LIMIT or not subject.isprintable():
        raise refusal(place.org, f"it has no persistent NameID of at most {SUBJECT_LIMIT} characters")
    return Assertion(
        assertion_id=str(answer.get_assertion_id()),
        request_id=answer.get_in_response_to() or "",
        subject=subject.lower() if kind == _EMAIL_FORMAT else subject,
        email=address_of(_first(attributes, _EMAILS)) or address_of(subject),
        name=_first(attributes, _NAMES)[:SUBJECT_LIMIT],
        expires_at=_expires_at(place, answer) * 1000,
    )


def _require_ours(place: _Place, answer: Any) -> None:  # noqa: ANN401 - as above
    # An encrypted assertion has its own signature.
    _require_strong(place.org, answer.get_xml_document())
    us = toolkit.entity_id(place.backend, place.org)
    if answer.document.get("Destination") != toolkit.acs_url(place.backend, place.org):
        raise refusal(place.org, "its Destination is not this address")
    restrictions = _within(answer, "/saml:Conditions/saml:AudienceRestriction")
    audiences = [{str(audience.text).strip() for audience in part.iterchildren("{*}Audience")} for part in restrictions]
    if not audiences or not all(us in names for names in audiences):
        raise refusal(place.org, "its Audience is not this service")


def _expires_at(place: _Place, answer: Any) -> int:  # noqa: ANN401 - as above
    """Return when the assertion expires here (unix seconds). Raise Unauthorized if it is not for this server or has expired."""
    request_id, now = answer.get_in_response_to(), int(time.time())
    path = f"/saml:Subject/saml:SubjectConfirmation[@Method='{_BEARER}']/saml:SubjectConfirmationData"
    for data in _within(answer, path):
        is_ours = data.get("Recipient") == toolkit.acs_url(place.backend, place.org)
        is_for_request = data.get("InResponseTo") in ((None, request_id) if request_id else (None,))
        ends = _moment(data.get("NotOnOrAfter"))
        if is_ours and is_for_request and ends > now:
            return ends
    raise refusal(place.org, "it has no SubjectConfirmation for this address and this request that has not expired")


def _moment(text: str | None) -> int:
    try:
        return int(datetime.fromisoformat(text or "").timestamp())
    except (ValueError, OverflowError):
        return 0


def _within(answer: Any, path: str) -> list[Any]:  # noqa: ANN401 - as above
    """Return the elements at a path of the assertion, which is decrypted first if necessary."""
    from onelogin.saml2.constants import OneLogin_Saml2_Constants  # noqa: PLC0415 - as above

    document = answer.get_xml_document()
    nodes: list[Any] = document.xpath(f"/samlp:Response/saml:Assertion{path}", namespaces=OneLogin_Saml2_Constants.NSMAP)
    return nodes


def _first(attributes: dict[str, list[Any]], names: tuple[str, ...]) -> str:
    values = (value for name in names for value in attributes.get(name, []) if isinstance(value, str))
    return next(values, "")
