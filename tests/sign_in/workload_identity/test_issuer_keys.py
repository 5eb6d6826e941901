"""Keys of issuers: fetched, shared, renewed, and every way in which that can fail."""

import hashlib
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.ports.outbound import Outbound, Purpose
from common.rights.caller import Caller
from functions.http.app import create_app
from tests.clocks import FrozenClock
from tests.hosts.certificate import Certificate
from tests.peers.workload_issuer import WorkloadIssuer, published
from tests.sign_in.workload_identity.token_exchange import ISSUERS, SIGNED, Trust, allow, refused, trust
from tests.wire import error_of

MINUTE, HOUR = 60, 3_600


class TestFetching:
    def test_happens_once(self, trusted: Trust) -> None:
        """Keys that were fetched are kept for all processes."""
        for _ in range(3):
            trusted.given()

        assert 1 == trusted.peer.fetches

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_of_an_issuer_that_ends_with_a_slash_or_not(self, client: TestClient, peer: WorkloadIssuer, slash: str) -> None:
        """Both spellings find the same issuer, once; what discovery names counts in tokens, and no address has two slashes."""
        first = client.post(ISSUERS, json={"name": "one", "url": f"{peer.url}{slash}"}, headers=SIGNED)
        second = client.post(ISSUERS, json={"name": "two", "url": f"{peer.url}{'' if slash else '/'}"}, headers=SIGNED)

        assert (200, peer.url) == (first.status_code, first.json()["issuer"])
        assert (400, 400) == error_of(second)[:2]
        assert "already trusts an issuer with this name or address" in second.json()["message"]

    def test_follows_a_rotation(self, trusted: Trust) -> None:
        """A token with a new key makes the server fetch the keys again, once; the old key stops working."""
        old = trusted.peer.mint()
        trusted.peer.rotate()
        first, second = trusted.exchange(), trusted.exchange()

        assert (200, 200, 2) == (first.status_code, second.status_code, trusted.peer.fetches)
        assert "does not publish" in refused(trusted.exchange(old))[1]
        assert 2 == trusted.peer.fetches

    def test_is_not_for_strangers_to_repeat(self, trusted: Trust, clock: FrozenClock) -> None:
        """Tokens that name unknown keys make the issuer be asked once a minute at the most."""
        for _ in range(4):
            assert "does not publish" in refused(trusted.exchange(trusted.peer.mint(header={"kid": "stranger"})))[1]
        assert 2 == trusted.peer.fetches
        clock.pass_seconds(MINUTE)
        refused(trusted.exchange(trusted.peer.mint(header={"kid": "stranger"})))

        assert 3 == trusted.peer.fetches
        assert 200 == trusted.exchange().status_code

    def test_happens_every_hour(self, trusted: Trust, clock: FrozenClock) -> None:
        """A key that was withdrawn is good for an hour, no longer."""
        clock.pass_seconds(HOUR - 1)
        trusted.peer.faults.keys = [published(2)]
        assert 200 == trusted.exchange().status_code
        clock.pass_seconds(1)

        assert 400 == trusted.exchange().status_code

    def test_fails_for_a_while(self, trusted: Trust, clock: FrozenClock) -> None:
        """While an issuer does not answer its last keys are good, for a day."""
        trusted.peer.faults.status = 503
        clock.pass_seconds(23 * HOUR)
        assert 200 == trusted.exchange().status_code
        clock.pass_seconds(HOUR)

        assert "answers with status 503" in refused(trusted.exchange())[1]
        assert "a moment ago" in refused(trusted.exchange())[1]

    def test_without_a_key_id(self, trusted: Trust, clock: FrozenClock) -> None:
        """A token that names no key is taken when there is one key that it can be signed with, also after a rotation."""
        peer = trusted.peer
        assert 200 == trusted.exchange(peer.mint(header={"kid": None})).status_code
        peer.rotate()
        assert 200 == trusted.exchange(peer.mint(header={"kid": None})).status_code
        clock.pass_seconds(MINUTE)
        peer.faults.keys = [published(number) for number in (1, 3)]
        assert 200 == trusted.exchange(peer.mint(by=3, header={"kid": "k3"})).status_code

        assert "which of its issuer's keys" in refused(trusted.exchange(peer.mint(by=3, header={"kid": None})))[1]

    def test_takes_the_algorithm_of_the_key(self, trusted: Trust) -> None:
        """A key that is for one algorithm is for no other."""
        assert 400 == trusted.exchange(trusted.peer.mint(header={"alg": "PS256"})).status_code


class TestFaults:
    @pytest.mark.parametrize(
        ("faults", "words"),
        [
            ({"status": 404}, "answers with status 404"),
            ({"location": "https://example.com/"}, "answers with status 302"),
            ({"text": b"<html>"}, "does not answer with JSON"),
            ({"text": b"[" * 20_000}, "does not answer with JSON"),
            ({"text": b"[]"}, "has no issuer and jwks_uri"),
            ({"text": b'{"issuer": 7, "jwks_uri": []}'}, "has no issuer and jwks_uri"),
            ({"text": b"x" * 70_000}, "answers with more than"),
            ({"claimed_issuer": "https://example.com"}, "says that it is another issuer"),
            ({"keys_address": "https://127.0.0.2/jwks"}, "not a public address"),
            ({"keys_address": "http://example.com/jwks"}, "only https addresses are called"),
            ({"keys_address": "file:///etc/passwd"}, "not an http or https address"),
            ({"keys_address": "https://[::1"}, "the issuer"),
            ({"padding_bytes": 300_000}, "answers with more than"),
            ({"keys": []}, "has no public key for signatures"),
            ({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "k1"}]}, "has no public key for signatures"),
            ({"keys": [{"kty": "RSA", "kid": "k1"}] * 101}, "may have at most 100 keys"),
        ],
        ids=range(16),
    )
    def test_are_told(self, client: TestClient, peer: WorkloadIssuer, faults: dict[str, Any], words: str) -> None:
        """An issuer that cannot be asked is not registered, and the answer says what is wrong with it."""
        for name, value in faults.items():
            setattr(peer.faults, name, value)

        status, code, message = error_of(client.post(ISSUERS, json={"name": "x", "url": peer.url}))

        assert (400, 400) == (status, code)
        assert words in message

    def test_when_keys_are_needed(self, trusted: Trust, clock: FrozenClock) -> None:
        """The same is true for an exchange that needs new keys."""
        trusted.peer.rotate()
        trusted.peer.faults.padding_bytes = 300_000

        assert "answers with more than" in refused(trusted.exchange())[1]
        trusted.peer.faults.padding_bytes = 0
        assert "does not publish" in refused(trusted.exchange())[1]
        clock.pass_seconds(MINUTE)
        assert 200 == trusted.exchange().status_code

    def test_a_slow_issuer(self, backend: Backend, admin: Caller, peer: WorkloadIssuer) -> None:
        """An issuer that takes too long is given up."""
        assert admin.login == "admin"
        hasty = replace(backend, outbound=Outbound("127.0.0.1", seconds=1))
        trusted = trust(TestClient(create_app(hasty), headers=SIGNED), peer, allow())
        peer.rotate()
        peer.faults.delay_seconds = 2

        assert "no answer in time" in refused(trusted.exchange())[1]
        hasty.outbound.close()

    def test_a_place_for_the_call_that_is_taken(self, backend: Backend, admin: Caller, trusted: Trust) -> None:
        """When an organization has as many calls under way as it may, an exchange that needs one is told to try again: 503."""
        trusted.peer.rotate()
        slots, org_id = backend.outbound.slots, next(found.org_id for found in admin.memberships if found.login == "acme")
        with slots.taken(Purpose.ISSUER, org_id), slots.taken(Purpose.ISSUER, org_id):
            reply = trusted.exchange()

        assert (503, 503) == error_of(reply)[:2]
        assert "too many calls to issuers are in progress; try again" in reply.json()["message"]

    def test_nobody_there(self, client: TestClient) -> None:
        """An address that does not answer is not registered."""
        message = error_of(client.post(ISSUERS, json={"name": "x", "url": "http://127.0.0.1:1"}))[2]

        assert "127.0.0.1 cannot be reached" in message

    def test_a_private_address_that_nobody_listed(self, backend: Backend, client: TestClient, peer: WorkloadIssuer) -> None:
        """Without the operator's list neither loopback nor private addresses are called, and nothing without TLS."""
        closed = replace(backend, outbound=Outbound(""))
        strict = TestClient(create_app(closed), headers=SIGNED)

        for url in (peer.url, "https://127.0.0.1", "https://10.0.0.1", "https://169.254.169.254/latest", "http://example.com"):
            assert (400, 400) == error_of(strict.post(ISSUERS, json={"name": "x", "url": url}))[:2]
        assert 0 == peer.fetches
        closed.outbound.close()


class TestCertificates:
    @pytest.fixture
    def certificate(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificate:
        """A certificate that this process trusts."""
        made = Certificate(tmp_path / "tls")
        monkeypatch.setenv("SSL_CERT_FILE", str(made.certificate))
        return made

    @pytest.fixture
    def secure(self, certificate: Certificate, clock: FrozenClock, tmp_path: Path) -> Iterator[WorkloadIssuer]:
        """An issuer that speaks TLS."""
        both = tmp_path / "both.pem"
        both.write_bytes(certificate.certificate.read_bytes() + certificate.key.read_bytes())
        with WorkloadIssuer(lambda: clock.now().timestamp(), certificate=both) as running:
            yield running

    @staticmethod
    def prints(certificate: Certificate) -> tuple[str, str]:
        """Return SHA-256 and SHA-1 of a certificate."""
        der = ssl.PEM_cert_to_DER_cert(certificate.certificate.read_text())
        return hashlib.sha256(der).hexdigest(), hashlib.sha1(der, usedforsecurity=False).hexdigest()

    def test_are_noted(self, client: TestClient, secure: WorkloadIssuer, certificate: Certificate) -> None:
        """Registering notes the certificate that the issuer has."""
        trusted = trust(client, secure, allow())

        assert [self.prints(certificate)[0]] == client.get(f"{ISSUERS}/{trusted.id}").json()["thumbprints"]
        assert 200 == trusted.exchange().status_code

    @pytest.mark.parametrize("which", [0, 1])
    def test_are_compared(self, client: TestClient, secure: WorkloadIssuer, certificate: Certificate, which: int) -> None:
        """Whenever keys are fetched the certificate must be one of those known, by SHA-256 or SHA-1, in any spelling."""
        trusted = trust(client, secure, allow(), thumbprints=["00" * 32, self.prints(certificate)[which].upper()])

        assert 200 == trusted.exchange().status_code

    def test_that_are_not_known(
        self, client: TestClient, secure: WorkloadIssuer, certificate: Certificate, clock: FrozenClock
    ) -> None:
        """With another certificate the issuer's keys are not used, until an admin trusts the new one."""
        trusted = trust(client, secure, allow(), thumbprints=["00" * 32])
        refusal = refused(trusted.exchange())[1]
        mended = client.post(f"{ISSUERS}/{trusted.id}/regenerate-thumbprints")

        assert "none of the issuer's thumbprints" in refusal
        assert [self.prints(certificate)[0]] == mended.json()["thumbprints"]
        assert 200 == trusted.exchange().status_code

    def test_that_nobody_vouches_for(self, client: TestClient, clock: FrozenClock, tmp_path: Path, monkeypatch: Any) -> None:
        """A certificate that this machine does not trust is not good, whatever its thumbprint."""
        monkeypatch.setenv("SSL_CERT_FILE", str(Certificate(tmp_path / "authority").certificate))
        other = Certificate(tmp_path / "other")
        both = tmp_path / "both.pem"
        both.write_bytes(other.certificate.read_bytes() + other.key.read_bytes())
        with WorkloadIssuer(lambda: clock.now().timestamp(), certificate=both) as running:
            message = error_of(
                client.post(ISSUERS, json={"name": "x", "url": running.url, "thumbprints": [self.prints(other)[0]]})
            )[2]

        assert "its certificate is not valid" in message
