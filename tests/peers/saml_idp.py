"""A SAML identity provider for tests, with a knob for everything that can be wrong with an answer.

It is built with the same toolkit as the service provider under test, so it shows that the two halves of a sign-in fit, and
what is refused; that other products' answers fit is shown by their documents, not by this.
"""

import datetime as dt
import zlib
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4
from xml.sax.saxutils import escape

import xmlsec as _xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from lxml import etree
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Words
from onelogin.saml2.utils import OneLogin_Saml2_Utils as Toolkit

# Its type information leaves out what it makes when it is loaded.
xmlsec: Any = _xmlsec
EMAIL, PERSISTENT, TRANSIENT = (
    "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
)
ENTITY, SSO = "https://idp.example.com/metadata", "https://idp.example.com/sso?tenant=1&app=2"
_PROTOCOL, _ASSERTION = "urn:oasis:names:tc:SAML:2.0:protocol", "urn:oasis:names:tc:SAML:2.0:assertion"


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, PEM."""

    certificate: str
    key: str = field(repr=False)

    @property
    def inner(self) -> str:
        """The certificate as metadata has it."""
        return "".join(self.certificate.strip().splitlines()[1:-1])


@cache
def make_pair(name: str, bits: int = 2048) -> Pair:
    """Make a self-signed certificate, the same one for the same name."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begins = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number()).not_valid_before(begins)
    signed = builder.not_valid_after(begins + dt.timedelta(days=3650)).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    text = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Pair(signed.public_bytes(pem).decode(), text.decode())


@dataclass(frozen=True, slots=True)
class Request:
    """A request for a sign-in as it arrives at the provider."""

    id: str
    state: str
    acs: str
    issuer: str
    destination: str
    forced: bool
    signature: str
    url: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider says; the defaults are good. `raw_subject` is put into the XML as it is."""

    acs: str
    audience: str
    in_response_to: str = ""
    subject: str = "alice@example.com"
    raw_subject: str = ""
    name_format: str = EMAIL
    attributes: dict[str, str] = field(default_factory=dict)
    issuer: str = ENTITY
    destination: str | None = None
    recipient: str | None = None
    confirmed_for: str | None = None
    clock: dt.timedelta = dt.timedelta(0)
    lifetime: dt.timedelta = dt.timedelta(minutes=5)
    status: str = "Success"
    signs_response: bool = True
    signs_assertion: bool = True
    signature: str = Words.RSA_SHA256
    digest: str = Words.SHA256
    encrypts_for: str = ""
    key_transport: Any = xmlsec.Transform.RSA_OAEP
    assertion_id: str = field(default_factory=lambda: f"_{uuid4().hex}")


def metadata(
    *pairs: Pair, sso: str = SSO, entity: str = ENTITY, valid_until: str = "", name_format: str = EMAIL, more: str = ""
) -> str:
    """Return the provider's metadata with the certificates of some pairs."""
    until = f' validUntil="{valid_until}"' if valid_until else ""
    keys = "".join(
        f'<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>'
        f"<ds:X509Certificate>{pair.inner}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        for pair in pairs
    )
    return (
        f'<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{escape(entity)}"{until}>'
        f'<md:IDPSSODescriptor {more} protocolSupportEnumeration="{_PROTOCOL}">{keys}<md:NameIDFormat>{name_format}</md:NameIDFormat>'
        f'<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="{escape(sso)}"/>'
        "</md:IDPSSODescriptor></md:EntityDescriptor>"
    )


def read(url: str) -> Request:
    """Return the request in an address that a browser is sent to."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    root = etree.fromstring(zlib.decompress(b64decode(query["SAMLRequest"]), -15))
    return Request(
        id=root.get("ID"),
        state=query["RelayState"],
        acs=root.get("AssertionConsumerServiceURL"),
        issuer=root.findtext(f"{{{_ASSERTION}}}Issuer"),
        destination=root.get("Destination"),
        forced=root.get("ForceAuthn") == "true",
        signature=query.get("Signature", ""),
        url=url,
    )


def respond(pair: Pair, answer: Answer) -> bytes:
    """Return an answer's XML, signed."""
    assertion = _assertion(answer)
    if answer.signs_assertion:
        assertion = _sign(pair, assertion, answer)
    root = etree.fromstring(_envelope(answer))
    root.append(etree.fromstring(assertion))
    if answer.encrypts_for:
        _encrypt(root, answer)
    text = etree.tostring(root)
    return _sign(pair, text, answer) if answer.signs_response else text


def encode(text: bytes) -> str:
    """Return XML as the form field has it."""
    return b64encode(text).decode()


def _envelope(answer: Answer) -> str:
    destination = answer.acs if answer.destination is None else answer.destination
    asked = f' InResponseTo="{answer.in_response_to}"' if answer.in_response_to else ""
    to = f' Destination="{destination}"' if destination else ""
    return (
        f'<samlp:Response xmlns:samlp="{_PROTOCOL}" xmlns:saml="{_ASSERTION}" ID="_{uuid4().hex}" Version="2.0" '
        f'IssueInstant="{_moment(answer)}"{to}{asked}><saml:Issuer>{escape(answer.issuer)}</saml:Issuer>'
        f'<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:{answer.status}"/></samlp:Status></samlp:Response>'
    )


def _assertion(answer: Answer) -> bytes:
    ends, now = _moment(answer, answer.lifetime), _moment(answer)
    recipient = answer.acs if answer.recipient is None else answer.recipient
    to = f' Recipient="{recipient}"' if recipient else ""
    asked_for = answer.in_response_to if answer.confirmed_for is None else answer.confirmed_for
    asked = f' InResponseTo="{asked_for}"' if asked_for else ""
    audience = f"<saml:AudienceRestriction><saml:Audience>{answer.audience}</saml:Audience></saml:AudienceRestriction>"
    told = "".join(
        f'<saml:Attribute Name="{name}"><saml:AttributeValue>{escape(value)}</saml:AttributeValue></saml:Attribute>'
        for name, value in answer.attributes.items()
    )
    return (
        f'<saml:Assertion xmlns:saml="{_ASSERTION}" ID="{answer.assertion_id}" Version="2.0" IssueInstant="{now}">'
        f"<saml:Issuer>{escape(answer.issuer)}</saml:Issuer><saml:Subject>"
        f'<saml:NameID Format="{answer.name_format}">{answer.raw_subject or escape(answer.subject)}</saml:NameID>'
        '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">'
        f'<saml:SubjectConfirmationData NotOnOrAfter="{ends}"{to}{asked}/></saml:SubjectConfirmation></saml:Subject>'
        f'<saml:Conditions NotBefore="{now}" NotOnOrAfter="{ends}">{audience if answer.audience else ""}</saml:Conditions>'
        f'<saml:AuthnStatement AuthnInstant="{now}"><saml:AuthnContext><saml:AuthnContextClassRef>'
        "urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>"
        f"{f'<saml:AttributeStatement>{told}</saml:AttributeStatement>' if told else ''}</saml:Assertion>"
    ).encode()


def _sign(pair: Pair, text: bytes, answer: Answer) -> bytes:
    signed: bytes | str = Toolkit.add_sign(
        text,
        pair.key,
        pair.certificate,
        sign_algorithm=answer.signature,
        digest_algorithm=answer.digest,
    )
    return signed.encode() if isinstance(signed, str) else signed


def _encrypt(root: Any, answer: Answer) -> None:
    assertion = root.find(f"{{{_ASSERTION}}}Assertion")
    manager = xmlsec.KeysManager()
    manager.add_key(xmlsec.Key.from_memory(answer.encrypts_for, xmlsec.KeyFormat.CERT_PEM, None))
    holder = etree.SubElement(root, f"{{{_ASSERTION}}}EncryptedAssertion")
    wanted = xmlsec.template.encrypted_data_create(holder, xmlsec.Transform.AES256, type=xmlsec.EncryptionType.ELEMENT, ns="xenc")
    holder.append(wanted)
    xmlsec.template.encrypted_data_ensure_cipher_value(wanted)
    info = xmlsec.template.encrypted_data_ensure_key_info(wanted, ns="ds")
    key = xmlsec.template.add_encrypted_key(info, answer.key_transport)
    xmlsec.template.encrypted_data_ensure_cipher_value(key)
    context = xmlsec.EncryptionContext(manager)
    context.key = xmlsec.Key.generate(xmlsec.KeyData.AES, 256, xmlsec.KeyDataType.SESSION)
    encrypted = context.encrypt_xml(wanted, assertion)
    if encrypted.getparent() is not holder:
        holder.append(encrypted)


def _moment(answer: Answer, later: dt.timedelta = dt.timedelta(0)) -> str:
    return f"{dt.datetime.now(dt.UTC) + answer.clock + later:%Y-%m-%dT%H:%M:%SZ}"
