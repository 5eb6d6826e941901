"""The providers of AWS against moto, and the signature against the SDK's."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from common.backend import Backend
from common.environments.language.interfaces import WorldError
from common.environments.providers.aws_signature import Credentials, Scope, sign_headers
from common.rights.caller import Caller
from tests.aws.fixtures import moto, moto_process
from tests.aws.moto_process import REGION, Moto
from tests.environments.providers.opening import AWS_LOGIN, SECRET, StandIn, claims_of, opened, revealed, routed, shown
from tests.peers.http_peer import PeerReply, PeerRequest

__all__ = ["moto", "moto_process"]
# One AWS serves the tests of both databases.
pytestmark = pytest.mark.dialects("sqlite")
ROLE = "arn:aws:iam::123456789012:role/deploy"
HOSTS = [f"{service}.{REGION}.amazonaws.com" for service in ("secretsmanager", "ssm", "s3")] + ["sts.us-east-1.amazonaws.com"]


@pytest.fixture
def aws(backend: Backend, moto: Moto) -> Backend:
    """A backend whose calls of AWS go to moto."""
    return routed(backend, dict.fromkeys(HOSTS, moto.url))


def get(name: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """Return the inputs that read one thing."""
    return {"region": REGION, "login": AWS_LOGIN, "get": {name: wanted}}


class TestAwsLogin:
    def test_returns_static_credentials(self, backend: Backend, admin: Caller) -> None:
        """Static credentials are returned as they are, and the key is a secret."""
        found = opened(backend, admin, "aws-login", {"static": {**AWS_LOGIN, "sessionToken": "session"}})

        assert shown(found) == {"accessKeyId": "testing", "secretAccessKey": "[secret]", "sessionToken": "[secret]"}
        assert revealed(found)["secretAccessKey"] == SECRET

    def test_assumes_a_role(self, aws: Backend, admin: Caller) -> None:
        """A role is assumed with an identity token."""
        oidc = {"roleArn": ROLE, "sessionName": "pulumi", "duration": "1h", "policyArns": ["arn:aws:iam::aws:policy/Read"]}
        found = opened(aws, admin, "aws-login", {"oidc": oidc})

        assert shown(found)["accessKeyId"].startswith("ASIA")
        assert revealed(found)["sessionToken"]
        assert shown(found)["secretAccessKey"] == shown(found)["sessionToken"] == "[secret]"

    def test_proves_which_environment_it_is_for(self, backend: Backend, admin: Caller) -> None:
        """The token has audience and subject of the organization, and names the attributes in the order of the definition."""
        seen: list[PeerRequest] = []

        def answer(asked: PeerRequest) -> PeerReply:
            seen.append(asked)
            return PeerReply({}, 403)

        oidc = {"roleArn": ROLE, "sessionName": "pulumi", "subjectAttributes": ["currentEnvironment.name", "pulumi.user.login"]}
        with StandIn({("POST", "/"): answer}) as peer, pytest.raises(WorldError, match="status 403"):
            opened(routed(backend, {HOSTS[-1]: peer.url}), admin, "aws-login", {"oidc": oidc})

        claims = claims_of(backend, seen[0].form["WebIdentityToken"])
        assert seen[0].form["DurationSeconds"] == "7200"
        assert claims["aud"] == "aws:acme"
        organization = "pulumi:environments:pulumi.organization.login:acme"
        assert claims["sub"] == f"{organization}:currentEnvironment.name:shop/logins:pulumi.user.login:admin"

    @pytest.mark.parametrize(
        ("inputs", "message"),
        [
            ({}, "either oidc or static"),
            ({"oidc": {"roleArn": ROLE, "sessionName": "ci", "duration": "5m"}}, "between 15m0s and 12h0m0s"),
            ({"oidc": {"roleArn": "arn:aws:iam::1:user/x", "sessionName": "ci"}}, "ARN of a role"),
        ],
    )
    def test_refuses_other_inputs(self, backend: Backend, admin: Caller, inputs: dict[str, Any], message: str) -> None:
        """What AWS would refuse is refused with a plain text."""
        with pytest.raises(WorldError, match=message):
            opened(backend, admin, "aws-login", inputs)


class TestAwsSecrets:
    def test_reads_text_and_binary(self, aws: Backend, admin: Caller, moto: Moto) -> None:
        """A binary secret that is text is read too."""
        client = moto.client("secretsmanager")
        client.create_secret(Name="text", SecretString="one")
        client.create_secret(Name="binary", SecretBinary=b"two")
        wanted = {"a": {"secretId": "text"}, "b": {"secretId": "binary"}}
        found = opened(aws, admin, "aws-secrets", {"region": REGION, "login": AWS_LOGIN, "get": wanted})

        assert revealed(found) == {"a": "one", "b": "two"}
        assert shown(found) == {"a": "[secret]", "b": "[secret]"}

    def test_names_what_is_missing(self, aws: Backend, admin: Caller) -> None:
        """The message has the name in the definition and the error code of AWS."""
        with pytest.raises(WorldError, match=r"password: .* status 4\d\d \(ResourceNotFoundException\)"):
            opened(aws, admin, "aws-secrets", get("password", {"secretId": "missing"}))


class TestAwsParameterStore:
    def test_reads_parameters(self, aws: Backend, admin: Caller, moto: Moto) -> None:
        """A version is named after a colon, and an encrypted parameter is decrypted if the definition says so."""
        client = moto.client("ssm")
        client.put_parameter(Name="/shop/url", Value="old", Type="String")
        client.put_parameter(Name="/shop/url", Value="new", Type="String", Overwrite=True)
        client.put_parameter(Name="/shop/key", Value=SECRET, Type="SecureString")
        wanted = {"url": {"name": "/shop/url"}, "old": {"name": "/shop/url:1"}, "key": {"name": "/shop/key", "decrypt": True}}
        found = opened(aws, admin, "aws-parameter-store", {"region": REGION, "login": AWS_LOGIN, "get": wanted})

        assert revealed(found) == {"url": "new", "old": "old", "key": SECRET}
        assert set(shown(found).values()) == {"[secret]"}


class TestTerraformStateInS3:
    def test_reads_outputs(self, aws: Backend, admin: Caller, moto: Moto) -> None:
        """Outputs keep their types and numbers, and sensitive ones are secrets."""
        client = moto.client("s3")
        client.create_bucket(Bucket="states", CreateBucketConfiguration={"LocationConstraint": REGION})
        state = b'{"version":4,"outputs":{"port":{"value":8080},"key":{"value":{"a":["b"]},"sensitive":true}}}'
        client.put_object(Bucket="states", Key="shop/dev state.tfstate", Body=state)
        s3 = {"bucket": "states", "key": "shop/dev state.tfstate", "login": AWS_LOGIN, "region": REGION}
        found = opened(aws, admin, "terraform-state", {"backend": {"s3": s3}})

        assert shown(found) == {"outputs": {"port": "8080", "key": "[secret]"}}
        assert revealed(found)["outputs"]["key"] == {"a": ["b"]}

    def test_names_what_is_missing(self, aws: Backend, admin: Caller) -> None:
        """A bucket that does not exist is named by the error code of AWS."""
        s3 = {"bucket": "nothing-here", "key": "a", "login": AWS_LOGIN, "region": REGION}
        with pytest.raises(WorldError, match=r"status 404 \(NoSuchBucket\)"):
            opened(aws, admin, "terraform-state", {"backend": {"s3": s3}})


class TestSignature:
    @pytest.mark.parametrize(
        ("method", "url", "body"),
        [
            ("POST", "https://ssm.eu-west-1.amazonaws.com/", b'{"Name":"a"}'),
            ("GET", "https://example.amazonaws.com/a?list-type=2&prefix=b", b""),
        ],
    )
    def test_is_that_of_the_sdk(self, method: str, url: str, body: bytes) -> None:
        """The SDK computes the same signature over the same headers."""
        now = datetime.now(UTC)
        credentials = Credentials("AKIDEXAMPLE", SECRET, "session")
        ours = sign_headers(credentials, Scope("ssm", REGION), url, {"Content-Type": "x"}, body, now, method=method)
        request = AWSRequest(method, url, headers={"Content-Type": "x"}, data=body)
        request.headers["X-Amz-Content-Sha256"] = ours["X-Amz-Content-Sha256"]
        sdk = SimpleNamespace(access_key="AKIDEXAMPLE", secret_key=SECRET, token="session")
        auth = SigV4Auth(sdk, "ssm", REGION)
        auth.add_auth(request)
        if request.headers["X-Amz-Date"] != ours["X-Amz-Date"]:
            moment = datetime.strptime(request.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            ours = sign_headers(credentials, Scope("ssm", REGION), url, {"Content-Type": "x"}, body, moment, method=method)

        assert request.headers["Authorization"] == ours["Authorization"]
