"""Whatever goes wrong at another system is an error that names the host and no secret."""

import base64
from typing import Any

import pytest

from common.backend import Backend
from common.environments.language.interfaces import WorldError
from common.environments.providers.base import TOTAL_SECONDS, Access, Stopwatch
from common.environments.providers.calls import Request, send
from common.ports.outbound import Purpose
from common.ports.outbound.slots import FOR_ONE_OWNER
from common.rights.caller import Caller
from tests.environments.providers.opening import AWS_LOGIN, SECRET, StandIn, opened, routed
from tests.peers.http_peer import PeerReply
from tests.peers.openid import rsa_key


def pem_of(*numbers: int) -> str:
    """Return the RSA private key of these numbers, from the modulus to the coefficient, which need not fit each other."""

    def field(tag: bytes, content: bytes) -> bytes:
        size = len(content)
        return tag + (bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2)) + content

    members = [field(b"\x02", number.to_bytes(number.bit_length() // 8 + 1)) for number in (0, *numbers)]
    text = base64.encodebytes(field(b"\x30", b"".join(members))).decode()
    return f"-----BEGIN RSA PRIVATE KEY-----\n{text}-----END RSA PRIVATE KEY-----\n"


REGION = "eu-west-1"
LONG_KEY = pem_of((1 << 6001) + 1, 3, 3, *[(1 << 3000) + 1] * 5)
ROLE = {"roleArn": "arn:aws:iam::123456789012:role/deploy", "sessionName": "pulumi"}
AZURE = {"clientId": "c", "tenantId": "acme.example.com", "clientSecret": SECRET}
GCP_POOL = {"workloadPoolId": "pool", "providerId": "pulumi", "serviceAccount": "ci@acme.iam.gserviceaccount.com"}
GITHUB = {"appId": 1, "privateKey": rsa_key("app").as_pem(private=True).decode(), "owner": "acme"}
VAULT = {"address": "https://vault.example.com", "token": SECRET}
S3 = {"bucket": "states", "key": "shop", "login": AWS_LOGIN, "region": REGION}
REMOTE = {"organization": "acme", "workspace": "shop", "token": SECRET}
INFISICAL = {"accessToken": SECRET, "siteUrl": "https://infisical.example.com"}
ONE_PASSWORD = {
    "login": {"connectHost": "https://connect.example.com", "connectToken": SECRET},
    "get": {"key": {"ref": "op://Shop/database/password"}},
}
WANTED = {"projectId": "p", "environment": "dev", "secretKey": "KEY"}
# Name, inputs, and the host that is called first.
CASES: list[tuple[str, dict[str, Any], str]] = [
    ("aws-login", {"oidc": ROLE}, "sts.us-east-1.amazonaws.com"),
    (
        "aws-secrets",
        {"region": REGION, "login": AWS_LOGIN, "get": {"key": {"secretId": "s"}}},
        f"secretsmanager.{REGION}.amazonaws.com",
    ),
    ("aws-parameter-store", {"region": REGION, "login": AWS_LOGIN, "get": {"key": {"name": "n"}}}, f"ssm.{REGION}.amazonaws.com"),
    ("azure-secrets", {"login": AZURE, "vault": "acme", "get": {"key": {"name": "n"}}}, "login.microsoftonline.com"),
    ("gcp-login", {"project": 1, "oidc": GCP_POOL}, "sts.googleapis.com"),
    ("gcp-login", {"project": 1, "accessToken": {"accessToken": SECRET, "serviceAccount": "a"}}, "iamcredentials.googleapis.com"),
    (
        "gcp-secrets",
        {"login": {"accessToken": SECRET, "project": 1, "tokenType": "Bearer"}, "access": {"key": {"name": "n"}}},
        "secretmanager.googleapis.com",
    ),
    ("vault-login", {"address": VAULT["address"], "token": {"token": SECRET}}, "vault.example.com"),
    ("vault-login", {"address": VAULT["address"], "jwt": {"role": "ci"}}, "vault.example.com"),
    ("vault-secrets", {"login": VAULT, "read": {"key": {"path": "kv/a"}}}, "vault.example.com"),
    ("doppler-login", {"oidc": {"identityId": "i"}}, "api.doppler.com"),
    (
        "doppler-secrets",
        {"login": {"accessToken": SECRET}, "project": "p", "config": "c", "get": {"key": {"name": "n"}}},
        "api.doppler.com",
    ),
    ("infisical-login", {"static": {"clientId": "c", "clientSecret": SECRET}}, "app.infisical.com"),
    ("infisical-secrets", {"login": INFISICAL, "get": {"key": WANTED}}, "infisical.example.com"),
    ("1password-secrets", ONE_PASSWORD, "connect.example.com"),
    ("gh-login", GITHUB, "api.github.com"),
    ("terraform-state", {"backend": {"s3": S3}}, f"s3.{REGION}.amazonaws.com"),
    ("terraform-state", {"backend": {"remote": REMOTE}}, "app.terraform.io"),
    ("external", {"url": "https://adapter.example.com/x", "request": {"key": SECRET}}, "adapter.example.com"),
]
IDS = [f"{name} {host}" for name, _, host in CASES]
METADATA = "http://169.254.169.254/latest/meta-data/"
REPLIES = {
    "wrong credentials": (PeerReply({"error": "invalid_client", "message": SECRET, "errors": [SECRET]}, 401), "status 401"),
    "a redirect to a private address": (PeerReply(b"", 302, {"Location": METADATA}), "status 302"),
    "no JSON": (PeerReply(SECRET.encode(), 200), "does not answer|without|not a state|answers with"),
    "another JSON": (PeerReply([SECRET], 200), "does not answer|without|not a state|answers with"),
    "a huge reply": (PeerReply(b"x" * (17 << 20), 200), "more than"),
}


@pytest.fixture(params=CASES, ids=IDS)
def case(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any], str]:
    """A provider that calls another system, with inputs that have a secret in them."""
    found: tuple[str, dict[str, Any], str] = request.param
    return found


class TestFailures:
    @pytest.mark.parametrize("failure", REPLIES)
    def test_name_no_secret(self, backend: Backend, admin: Caller, case: tuple[str, dict[str, Any], str], failure: str) -> None:
        """Neither what was sent nor what came back is in the message."""
        name, inputs, host = case
        reply, message = REPLIES[failure]
        with StandIn(other=reply) as peer, pytest.raises(WorldError, match=message) as error:
            opened(routed(backend, {host: peer.url}), admin, name, inputs)

        assert SECRET not in str(error.value)
        assert len(peer.asked) == 1

    def test_end_in_time(self, backend: Backend, admin: Caller, case: tuple[str, dict[str, Any], str]) -> None:
        """A system that does not answer is given up."""
        name, inputs, host = case
        slow = PeerReply({}, drip_seconds=1)
        with StandIn(other=slow) as peer, pytest.raises(WorldError, match="no answer in time"):
            opened(routed(backend, {host: peer.url}, seconds=0.5), admin, name, inputs)

    @pytest.mark.parametrize(
        ("name", "inputs"),
        [
            ("vault-secrets", {"login": {"address": "https://127.0.0.1", "token": SECRET}, "read": {"key": {"path": "kv/a"}}}),
            ("infisical-login", {"siteUrl": "https://10.0.0.1", "static": {"clientId": "c", "clientSecret": SECRET}}),
            ("1password-secrets", {**ONE_PASSWORD, "login": {"connectHost": "https://10.0.0.1", "connectToken": SECRET}}),
            ("external", {"url": "https://169.254.169.254/x"}),
            ("terraform-state", {"backend": {"remote": {**REMOTE, "hostname": "192.168.1.1"}}}),
            ("gh-login", {**GITHUB, "ghe": {"host": "127.0.0.1:8443"}}),
        ],
    )
    def test_refuse_private_addresses(self, backend: Backend, admin: Caller, name: str, inputs: dict[str, Any]) -> None:
        """An address that a user names is called only if it is public, or on the operator's list."""
        with pytest.raises(WorldError, match="not a public address"):
            opened(backend, admin, name, inputs)

    @pytest.mark.parametrize(
        ("name", "inputs", "message"),
        [
            ("aws-secrets", {"region": "x.example.com/", "login": AWS_LOGIN, "get": {"a": {"secretId": "s"}}}, "AWS region"),
            ("azure-secrets", {"login": AZURE, "vault": "evil.example.com/", "get": {"a": {"name": "n"}}}, "name of a key vault"),
            ("azure-secrets", {"login": {**AZURE, "tenantId": "../x"}, "vault": "v", "get": {"a": {"name": "n"}}}, "tenantId"),
            ("gh-login", {**GITHUB, "ghe": {"host": "user:pass@example.com"}}, "ghe.host must be a host name"),
            ("gh-login", {**GITHUB, "privateKey": SECRET}, "privateKey must be an RSA private key"),
            ("gh-login", {**GITHUB, "privateKey": SECRET * 200}, "privateKey has more than 4,096 bytes"),
            ("gh-login", {**GITHUB, "privateKey": LONG_KEY}, "privateKey has more than 4,096 bits"),
            ("vault-secrets", {"login": VAULT, "read": {"a": {"path": "../sys"}}}, "names between its slashes"),
            ("vault-secrets", {"login": {**VAULT, "address": "https://a/b"}, "read": {"a": {"path": "p"}}}, "without a path"),
            ("terraform-state", {"backend": {"s3": {**S3, "key": "../a"}}}, "without empty parts"),
            ("terraform-state", {"backend": {"s3": 5, "remote": REMOTE}}, "backend needs either s3 or remote"),
            (
                "1password-secrets",
                {"login": {"serviceAccountToken": SECRET}, "get": {"a": {"ref": "op://a/b"}}},
                "service accounts are not available",
            ),
            ("1password-secrets", {**ONE_PASSWORD, "get": {"a": {"ref": "op://a/b"}}}, "a: ref must be a reference such as"),
            ("1password-secrets", {**ONE_PASSWORD, "get": {"a": {"ref": "op://a/b/c?attribute=type"}}}, "no other attribute"),
        ],
    )
    def test_are_of_the_inputs_too(
        self, backend: Backend, admin: Caller, name: str, inputs: dict[str, Any], message: str
    ) -> None:
        """An input that would lead a call elsewhere is refused before anything is sent."""
        with pytest.raises(WorldError, match=message) as error:
            opened(routed(backend, {"login.microsoftonline.com": "http://127.0.0.1:9"}), admin, name, inputs)
        assert SECRET not in str(error.value)


class TestTime:
    def test_is_limited_for_all_calls_together(self, backend: Backend, admin: Caller) -> None:
        """No call begins after the time of the evaluation is over."""
        access = Access(backend, admin, "acme", Stopwatch(seconds=0))

        with pytest.raises(WorldError, match="took too long together"):
            send(access, Request("GET", "https://adapter.example.com"))

    def test_is_not_spent_where_others_wait(self, backend: Backend, admin: Caller) -> None:
        """While as many calls wait for a place as may, a further one fails at once, so that threads are left for other requests."""
        access = Access(backend, admin, "acme")
        for purpose in (Purpose.ENVIRONMENT, Purpose.WAIT):
            for _ in range(FOR_ONE_OWNER):
                backend.outbound.slots.take(purpose, access.membership.org_id)

        with pytest.raises(WorldError, match="try again"):
            send(access, Request("GET", "https://adapter.example.com"))
        assert access.stopwatch.seconds_left() > TOTAL_SECONDS - 1

    def test_is_spent_on_waiting_for_a_place(self, backend: Backend, admin: Caller) -> None:
        """While as many calls as there may be are under way, a further one waits, and is made when one has ended."""
        with StandIn(other=PeerReply({})) as peer:
            backend = routed(backend, {"adapter.example.com": peer.url})
            request, access = (
                Request("GET", "https://adapter.example.com"),
                Access(backend, admin, "acme", Stopwatch(seconds=0.3)),
            )
            owner = access.membership.org_id
            with (
                backend.outbound.slots.taken(Purpose.ENVIRONMENT, owner),
                backend.outbound.slots.taken(Purpose.ENVIRONMENT, owner),
            ):
                with pytest.raises(WorldError, match="took too long together"):
                    send(access, request)
                assert peer.asked == []
            send(Access(backend, admin, "acme"), request)

        assert len(peer.asked) == 1
