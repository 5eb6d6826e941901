"""What is wrong with an answer, and that no one is signed in by it: a row for each case in docs/sign-in-saml.md."""

import base64
import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from httpx2 import Response
from lxml import etree
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Words

from common.backend import Backend
from common.rights.caller import Caller
from tests.factories.people import make_org, make_user
from tests.factories.saml import linked_to, set_provider
from tests.peers import saml_idp
from tests.peers.saml_idp import PERSISTENT, TRANSIENT, Pair, make_pair, metadata, xmlsec
from tests.sign_in.saml.browser import BASE, Browser, acs, good

NewBrowser = Callable[[], Browser]
NS = {
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
}
NOBODY: dict[str, str] = {}


def refused(reply: Response, words: str, status: int = 401) -> None:
    """Expect a page that refuses and says why."""
    assert (status, True) == (reply.status_code, words in reply.text.replace("&#39;", "'")), reply.text


def minutes(number: float) -> timedelta:
    """Return a time."""
    return timedelta(minutes=number)


class TestKnobs:
    @pytest.mark.parametrize(
        ("knobs", "words"),
        [
            ({"signs_response": False}, "the response as a whole is not signed"),
            ({"signs_assertion": False}, "The Assertion of the Response is not signed"),
            ({"signs_response": False, "signs_assertion": False}, "the response as a whole is not signed"),
            ({"signature": Words.RSA_SHA1}, "too weak"),
            ({"digest": Words.SHA1}, "too weak"),
            ({"audience": "https://other.example.com"}, "is not a valid audience"),
            ({"audience": ""}, "its Audience is not this service"),
            ({"destination": "https://other.example.com/acs"}, "instead of https://other.example.com/acs"),
            ({"destination": f"{acs()}/more"}, "its Destination is not this address"),
            ({"destination": ""}, "its Destination is not this address"),
            ({"recipient": "https://other.example.com/acs"}, "A valid SubjectConfirmation was not found"),
            ({"recipient": f"{acs()}/more"}, "no SubjectConfirmation for this address"),
            ({"recipient": ""}, "no SubjectConfirmation for this address"),
            ({"issuer": "https://other.example.com"}, "Invalid issuer"),
            ({"status": "Responder"}, "The status code of the Response was not Success"),
            ({"name_format": TRANSIENT}, "has no persistent NameID"),
            ({"subject": "x" * 256, "name_format": PERSISTENT}, "has no persistent NameID"),
            ({"subject": "", "name_format": PERSISTENT}, "An empty NameID value found"),
            ({"clock": -minutes(6)}, "A valid SubjectConfirmation was not found"),
            ({"clock": -minutes(60)}, "seconds behind this server"),
            ({"clock": minutes(6)}, "seconds ahead of this server"),
        ],
    )
    def test_refused(self, browser: Browser, knobs: dict[str, Any], words: str) -> None:
        """An answer with one thing wrong is refused where it arrives, with the reason, asked for or not."""
        asked = browser.begin()

        refused(browser.answer(good(in_response_to=asked.id, **knobs), asked.state), words)
        refused(browser.answer(good(**knobs)), words)
        assert not browser.is_signed_in

    @pytest.mark.parametrize("shift", [minutes(4), -minutes(4), minutes(0)])
    def test_clocks_may_differ(self, browser: Browser, shift: timedelta) -> None:
        """A provider whose clock is some minutes off is understood."""
        assert 303 == browser.sign_in(clock=shift).status_code
        assert browser.is_signed_in

    @pytest.mark.parametrize(
        ("knobs", "subject"),
        [
            ({"signature": Words.RSA_SHA512, "digest": Words.SHA512}, "alice@example.com"),
            ({"name_format": PERSISTENT, "subject": "AbC"}, "AbC"),
            ({"attributes": {"email": "a@example.com", "mail": "b@example.com"}, "subject": "x", "name_format": PERSISTENT}, "x"),
        ],
    )
    def test_accepted(self, backend: Backend, browser: Browser, knobs: dict[str, Any], subject: str) -> None:
        """What providers do in various ways is understood; a lasting name keeps its case."""
        browser.sign_in(**knobs)

        assert browser.is_signed_in
        assert [subject] == list(linked_to(backend))


class TestRequest:
    def test_of_another(self, browser: Browser) -> None:
        """An answer to another request than the one that it comes back to is refused."""
        one, other = browser.begin(), browser.begin()

        arrived = browser.answer(good(in_response_to=one.id), other.state)

        refused(browser.follow(arrived), "it answers another request")
        assert not browser.is_signed_in

    @pytest.mark.parametrize("asked", ["_never-asked", "x" * 65])
    def test_that_nobody_made(self, browser: Browser, asked: str) -> None:
        """An answer to a request that was never made is refused."""
        for state in ("made-up", "x" * 65, "/settings"):
            arrived = browser.answer(good(in_response_to=asked), state)
            found = browser.follow(arrived) if arrived.status_code == 303 else arrived
            assert 400 == found.status_code
        assert not browser.is_signed_in

    def test_with_a_state_alone(self, browser: Browser) -> None:
        """An answer that names no request is one that no one asked for, whatever it comes back to: a user must agree to it."""
        asked = browser.begin()

        found = browser.follow(browser.answer(good(), asked.state))

        assert "Sign in?" in found.text
        assert not browser.is_signed_in

    def test_confirmed_for_another(self, browser: Browser) -> None:
        """The subject's confirmation must be for the same request as the response."""
        asked = browser.begin()

        for knobs in ({"in_response_to": asked.id, "confirmed_for": "_other"}, {"confirmed_for": asked.id}):
            answer = browser.answer(good(**knobs), asked.state)
            assert 401 == answer.status_code

    def test_in_another_browser(self, new_browser: NewBrowser) -> None:
        """Who has another user's answer, or the address that it leads to, is not signed in by it."""
        victim, thief = new_browser(), new_browser()
        asked = victim.begin()
        arrived = victim.answer(good(in_response_to=asked.id), asked.state)
        thief.begin()

        refused(thief.follow(arrived), "started in another browser", 400)
        assert not thief.is_signed_in
        assert 303 == victim.follow(arrived).status_code
        assert victim.is_signed_in

    def test_too_late(self, backend: Backend, clock: Any, browser: Browser) -> None:
        """A sign-in that lies about for long is over."""
        asked = browser.begin()
        arrived = browser.answer(good(in_response_to=asked.id), asked.state)
        clock.pass_seconds(301)

        refused(browser.follow(arrived), "has ended or expired", 400)
        assert NOBODY == linked_to(backend)


class TestReplay:
    def test_of_an_answer(self, browser: Browser, pair: Pair, new_browser: NewBrowser) -> None:
        """An answer is good once, asked for or not, in this browser and every other."""
        asked = browser.begin()
        answers = [
            (saml_idp.respond(pair, good(in_response_to=asked.id)), asked.state),
            (saml_idp.respond(pair, good()), ""),
        ]

        for text, relay in answers:
            assert 303 == browser.post(text, relay).status_code
            refused(browser.post(text, relay), "it was used before")
            refused(new_browser().post(text, relay), "it was used before")

    def test_of_an_assertion(self, browser: Browser) -> None:
        """The assertion counts, not the response around it."""
        browser.answer(good(assertion_id="_same"))

        refused(browser.answer(good(assertion_id="_same")), "it was used before")

    def test_of_the_last_step(self, browser: Browser) -> None:
        """The address that an answer leads to is good once."""
        asked = browser.begin()
        arrived = browser.answer(good(in_response_to=asked.id), asked.state)
        browser.follow(arrived)

        refused(browser.follow(arrived), "has ended or expired", 400)

    def test_at_another_organization(self, backend: Backend, admin: Caller, browser: Browser, pair: Pair) -> None:
        """An answer for one organization is refused by another, even with the same provider."""
        _annex(backend, admin, pair)

        refused(browser.answer(good(), org="annex"), "instead of")
        refused(browser.answer(good(acs=acs("annex")), org="annex"), "is not a valid audience")

    def test_through_another_organization(self, backend: Backend, admin: Caller, browser: Browser, pair: Pair) -> None:
        """What arrived for one organization is not fetched at another."""
        _annex(backend, admin, pair)
        led = browser.answer(good()).headers["Location"].replace("/acme/", "/annex/").removeprefix(BASE)

        refused(browser.client.get(led), "has ended or expired", 400)


def _annex(backend: Backend, admin: Caller, pair: Pair) -> None:
    make_org(backend, "annex", admin)
    set_provider(backend, admin, metadata(pair), "annex")


class TestSignature:
    def test_by_another_key(self, browser: Browser) -> None:
        """A signature by a key that is not in the metadata is refused, whatever certificate it brings along."""
        browser.pair = make_pair("somebody else")

        refused(browser.answer(good()), "its signature does not match a certificate in the provider's metadata")

    def test_of_each_certificate(self, backend: Backend, admin: Caller, browser: Browser, pair: Pair) -> None:
        """While a provider changes its certificate, both are good; the one that is taken out of the metadata is not."""
        following = make_pair("following")
        set_provider(backend, admin, metadata(pair, following))
        both = []
        for each in (pair, following):
            browser.pair = each
            both.append(browser.answer(good()).status_code)
        set_provider(backend, admin, metadata(following))
        browser.pair = pair

        assert [303, 303] == both
        refused(browser.answer(good()), "its signature does not match a certificate")

    def test_by_the_certificate_as_a_secret(self, browser: Browser, pair: Pair) -> None:
        """The public key is not taken for the secret of a symmetric signature."""
        root = etree.fromstring(saml_idp.respond(pair, good(signs_response=False)))
        signature = xmlsec.template.create(root, xmlsec.Transform.EXCL_C14N, xmlsec.Transform.HMAC_SHA256, ns="ds")
        root.insert(1, signature)
        reference = xmlsec.template.add_reference(signature, xmlsec.Transform.SHA256, uri=f"#{root.get('ID')}")
        xmlsec.template.add_transform(reference, xmlsec.Transform.ENVELOPED)
        xmlsec.template.add_transform(reference, xmlsec.Transform.EXCL_C14N)
        xmlsec.tree.add_ids(root, ["ID"])
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_binary_data(xmlsec.KeyData.HMAC, pair.certificate.encode())
        context.sign(signature)

        refused(browser.post(etree.tostring(root)), "too weak")

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b">alice@example.com<", b">admin@example.com<"),
            (b"<saml:Audience>", b"<saml:Audience>x"),
            (b'Value="urn:oasis', b'Value="urn:x:oasis'),
        ],
    )
    def test_of_something_else(self, browser: Browser, pair: Pair, old: bytes, new: bytes) -> None:
        """What was changed after it was signed is refused."""
        text = saml_idp.respond(pair, good())
        assert old in text

        refused(browser.post(text.replace(old, new)), "its signature does not match a certificate")


class TestWrapping:
    """Signed parts stay as they are; what is told of whom is put around them."""

    @staticmethod
    def forged() -> Any:
        """Return an assertion about another user that no one signed."""
        answer = good(subject="admin@example.com", signs_assertion=False, signs_response=False)
        return etree.fromstring(saml_idp.respond(make_pair("provider"), answer)).find("saml:Assertion", NS)

    @pytest.mark.parametrize("place", [2, 3, 4])
    def test_beside_the_signed_one(self, backend: Backend, browser: Browser, pair: Pair, place: int) -> None:
        """A second assertion before or after the signed one is refused."""
        root = etree.fromstring(saml_idp.respond(pair, good()))
        root.insert(place, self.forged())

        refused(browser.post(etree.tostring(root)), "its signature does not match a certificate")
        assert NOBODY == linked_to(backend)

    @pytest.mark.parametrize("signs_response", [True, False])
    def test_around_the_signed_response(self, backend: Backend, browser: Browser, pair: Pair, *, signs_response: bool) -> None:
        """The signed response inside another one, with its signature moved to where it is looked for, signs only itself."""
        inner = etree.fromstring(saml_idp.respond(pair, good()))
        outer = etree.fromstring(saml_idp.respond(pair, good(signs_response=signs_response)))
        for part in (*outer.findall("saml:Assertion", NS), *outer.findall("ds:Signature", NS)):
            outer.remove(part)
        outer.append(self.forged())
        outer.insert(1, inner.find("ds:Signature", NS))
        extensions = etree.SubElement(outer, f"{{{NS['samlp']}}}Extensions")
        extensions.append(inner)

        refused(browser.post(etree.tostring(outer)), "the response as a whole is not signed")
        assert NOBODY == linked_to(backend)

    def test_under_the_same_id(self, browser: Browser, pair: Pair) -> None:
        """The same with the ID of the signed response on the outer one is refused too."""
        inner = etree.fromstring(saml_idp.respond(pair, good()))
        outer = etree.fromstring(saml_idp.respond(pair, good(signs_response=False)))
        outer.set("ID", inner.get("ID"))
        outer.insert(1, inner.find("ds:Signature", NS))
        extensions = etree.SubElement(outer, f"{{{NS['samlp']}}}Extensions")
        extensions.append(inner)

        refused(browser.post(etree.tostring(outer)), "it uses an ID twice")

    def test_with_a_comment(self, backend: Backend, browser: Browser, pair: Pair) -> None:
        """A comment inside a name, which no signature covers, does not cut the name short."""
        make_user(backend, "alice", org="acme")
        text = saml_idp.respond(pair, good(subject="alice@example.com.evil.example"))
        text = text.replace(b"alice@example.com.evil", b"alice@example.com<!---->.evil")

        arrived = browser.choose(browser.follow(browser.post(text)), "continue")

        assert 303 == arrived.status_code
        assert {"alice@example.com.evil.example": "alice-2"} == linked_to(backend)

    def test_with_a_comment_that_was_signed(self, backend: Backend, browser: Browser) -> None:
        """The same when the provider itself writes the comment."""
        make_user(backend, "alice", org="acme")
        browser.choose(browser.arrive(raw_subject="alice@example.com<!-- -->.evil.example"), "continue")

        assert {"alice@example.com.evil.example": "alice-2"} == linked_to(backend)


class TestEncryption:
    @pytest.fixture
    def own(self) -> Pair:
        """What this server decrypts with."""
        return make_pair("service")

    @pytest.fixture
    def able(self, provided: Backend, own: Pair, pair: Pair) -> Browser:
        """A browser at a server that can decrypt."""
        pem = {"SAML_CERTIFICATE_PUBLIC_KEY": own.certificate, "SAML_CERTIFICATE_PRIVATE_KEY": own.key}
        return Browser.fresh(dataclasses.replace(provided, settings=provided.settings.replaced(**pem)), pair)

    def test_is_understood(self, backend: Backend, able: Browser, own: Pair) -> None:
        """An encrypted assertion signs in like another."""
        able.sign_in(encrypts_for=own.certificate)

        assert able.is_signed_in
        assert ["alice@example.com"] == list(linked_to(backend))

    @pytest.mark.parametrize(
        ("knobs", "words"),
        [
            ({"signs_response": False}, "the response as a whole is not signed"),
            ({"signs_assertion": False}, "The Assertion of the Response is not signed"),
            ({"key_transport": xmlsec.Transform.RSA_PKCS1}, "rsa-1_5"),
            ({"audience": "https://other.example.com"}, "is not a valid audience"),
            ({"encrypts_for": make_pair("somebody else").certificate}, "its assertion cannot be decrypted"),
        ],
    )
    def test_hides_nothing(self, able: Browser, own: Pair, knobs: dict[str, Any], words: str) -> None:
        """What is wrong with an assertion is wrong with an encrypted one, and nothing unsigned is decrypted."""
        refused(able.answer(good(**{"encrypts_for": own.certificate, **knobs})), words)

    def test_needs_a_key(self, browser: Browser, own: Pair) -> None:
        """Without a key of its own this server says that it cannot decrypt."""
        refused(browser.answer(good(encrypts_for=own.certificate)), "its assertion cannot be decrypted")


class TestDocument:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "%%%",
            "AAAA",
            base64.b64encode(b"<a/>").decode(),
            base64.b64encode(b"\x00\xff<").decode(),
            "é",
            base64.b64encode(b"<a" * 2000).decode(),
        ],
    )
    def test_that_is_none(self, browser: Browser, text: str) -> None:
        """What is no response is refused."""
        assert 401 == browser.post(text).status_code

    @pytest.mark.parametrize(
        "prologue",
        [
            b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
            b'<!DOCTYPE r SYSTEM "http://127.0.0.1:1/x.dtd">',
            b'<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        ],
    )
    def test_with_entities(self, browser: Browser, pair: Pair, prologue: bytes) -> None:
        """A document type is refused, so no entity is ever read, fetched or multiplied."""
        text = prologue + saml_idp.respond(pair, good()).replace(b"alice@example.com", b"&x;")

        refused(browser.post(text), "document type or entities")

    def test_that_is_huge(self, browser: Browser) -> None:
        """Answers have limits, as fields and as bodies."""
        assert 413 == browser.post("A" * 600_000).status_code
        assert 413 == browser.post("A" * 2_000_000).status_code
        assert 413 == browser.post(base64.b64encode(b"<a>" * 400_000).decode()).status_code

    def test_that_is_deep(self, browser: Browser) -> None:
        """One that is nested without end is refused."""
        refused(browser.post(b"<a>" * 40_000), "it is not XML")

    def test_in_another_form(self, browser: Browser) -> None:
        """What is no form, and a form with too many fields, is a bad request."""
        path = "/login/acme/sso/saml/acs"
        found = [
            browser.client.post(path, content=b"\xff\xfe"),
            browser.client.post(path, content=b"&".join(b"a=1" for _ in range(500))),
        ]
        assert [400, 400] == [one.status_code for one in found]
        assert 401 == browser.client.post(path, content=b"").status_code
        assert 405 == browser.client.get(path).status_code

    def test_with_broken_lines(self, browser: Browser, pair: Pair) -> None:
        """Base64 in lines, as some providers send it, is understood."""
        text = base64.encodebytes(saml_idp.respond(pair, good())).decode()

        assert 303 == browser.post(text).status_code


class TestProvider:
    def test_whose_metadata_expired(self, backend: Backend, admin: Caller, clock: Any, browser: Browser, pair: Pair) -> None:
        """Metadata that has expired lets no one in, and the page says whom to ask."""
        set_provider(backend, admin, metadata(pair, valid_until="2026-01-03T00:00:00Z"))
        before = browser.answer(good())
        clock.pass_seconds(86_400)

        assert 303 == before.status_code
        refused(browser.answer(good()), "it expired at 2026-01-03T00:00:00Z", 403)
        assert 403 == browser.client.get("/signin/sso/acme").status_code
