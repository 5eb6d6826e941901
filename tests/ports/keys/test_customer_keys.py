"""Keys that organizations manage themselves, in AWS KMS."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import parse_qs

import boto3
import pytest
from moto import mock_aws

from common.core.customer_key import CustomerKey
from common.core.errors import Unavailable
from common.ports.aws import Access
from common.ports.keys import KeyUnusable
from common.ports.keys.customer_keys import CLIENTS_LIMIT, PAUSE_SECONDS, CustomerKeys
from common.ports.keys.local import LocalKey
from tests.aws.moto_process import CREDENTIALS

PLAIN = bytes(range(32))
ROLE = "arn:aws:iam::123456789012:role/stackhold-keys"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Example credentials."""
    for name in ("AWS_PROFILE", "AWS_ROLE_ARN", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def kms() -> Iterator[None]:
    """KMS and STS in this process."""
    with mock_aws():
        yield


def make_key(key_id: str = "one", *, org_id: str = "acme") -> CustomerKey:
    """A new key in KMS, registered by an organization."""
    return CustomerKey(key_id, org_id, str(boto3.client("kms").create_key()["KeyMetadata"]["Arn"]), ROLE)


@contextmanager
def refusing_sts(requests: list[dict[str, list[str]]]) -> Iterator[str]:
    """Yield the address of a security token service that refuses every role."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            requests.append(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            body = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no secret here</Message></Error></ErrorResponse>"
            self.send_response(403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Print nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class TestRecord:
    def test_names_all_that_opens_it(self, kms: None) -> None:
        """A process that knows no organization opens it, for the thing that it was made for alone; it fits its column."""
        key = make_key()
        wrapped = CustomerKeys(Access()).wrap(key, PLAIN, "stack")
        fresh = CustomerKeys(Access())

        assert (PLAIN, key) == (fresh.unwrap(wrapped, "stack"), fresh.find_key(wrapped))
        assert len(wrapped) < 1000
        with pytest.raises(KeyUnusable):
            fresh.unwrap(wrapped, "another stack")

    def test_of_another_kind_names_no_key(self) -> None:
        """Records of master keys are told apart by their first byte, damaged ones are named as such."""
        keys = CustomerKeys(Access())

        assert [None, None, None] == [keys.find_key(kind + bytes(60)) for kind in (b"\x01", b"\x02", b"\x03")]
        for damaged in (b"\x04", b"\x04\x00\x02[]", b"\x04\xff\xff" + bytes(20)):
            with pytest.raises(KeyUnusable, match="damaged"):
                keys.find_key(damaged)


class SlowKey(LocalKey):
    """A key whose service takes some seconds to fail."""

    def __init__(self) -> None:
        super().__init__(PLAIN)
        self.seconds, self.calls, self.takes = 0.0, 0, 7.0

    def wrap(self, plain_key: bytes, context: str) -> bytes:
        """Fail after a while, if it takes any time."""
        self.calls += 1
        self.seconds += self.takes
        if self.takes:
            raise Unavailable("no answer")
        return super().wrap(plain_key, context)


class TestSlowService:
    def test_is_tried_once_in_a_while(self) -> None:
        """Other calls with the key fail at once meanwhile, those with other keys do not; one that succeeds ends it."""
        slow, other = SlowKey(), SlowKey()
        other.takes = 0
        keys = CustomerKeys(Access(), lambda key, _access: slow if key.id == "slow" else other, lambda: slow.seconds)
        key, other_key = (CustomerKey(name, "acme", "arn:key", ROLE) for name in ("slow", "other"))
        for _ in range(3):
            with pytest.raises(Unavailable, match=ROLE):
                keys.wrap(key, PLAIN, "stack")
        keys.wrap(other_key, PLAIN, "stack")
        assert (1, 1) == (slow.calls, other.calls)

        slow.seconds += PAUSE_SECONDS
        for _ in range(2):
            with pytest.raises(Unavailable):
                keys.wrap(key, PLAIN, "stack")
        assert 2 == slow.calls
        slow.seconds, slow.takes = slow.seconds + PAUSE_SECONDS, 0

        assert all(keys.wrap(key, PLAIN, "stack") for _ in range(2))

    def test_that_fails_at_once_is_tried_each_time(self) -> None:
        """A service that is busy says so quickly, and may take the next call."""
        busy = SlowKey()
        busy.takes = 0.1
        keys = CustomerKeys(Access(), lambda _key, _access: busy, lambda: busy.seconds)
        for _ in range(3):
            with pytest.raises(Unavailable):
                keys.wrap(CustomerKey("busy", "acme", "arn:key", ROLE), PLAIN, "stack")

        assert 3 == busy.calls


class TestAccess:
    def test_is_that_of_the_role(self, kms: None) -> None:
        """Each key is used with the credentials of its own role, and few clients are kept."""
        keys = CustomerKeys(Access())
        first = make_key()
        keys.wrap(first, PLAIN, "stack")
        client = keys._drivers[first]._client()  # type: ignore[attr-defined]  # of the driver
        assert client._request_signer._credentials.access_key.startswith("ASIA")

        for number in range(CLIENTS_LIMIT + 1):
            keys._driver(CustomerKey(str(number), "acme", first.key_arn, ROLE))

        assert CLIENTS_LIMIT == len(keys._drivers)

    def test_without_credentials_of_the_server(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A server outside of AWS says that it has no credentials."""
        for name in CREDENTIALS:
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        key = CustomerKey("one", "acme", "arn:aws:kms:eu-west-1:123456789012:key/abc", ROLE)

        with pytest.raises(Unavailable, match="NoCredentialsError"):
            CustomerKeys(Access()).wrap(key, PLAIN, "stack")

    def test_that_the_role_refuses_says_what_to_do(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The organization's id is sent as the external id; the error names role and key, and no text of AWS."""
        key = CustomerKey("one", "id-of-acme", "arn:aws:kms:eu-west-1:123456789012:key/abc", ROLE)
        requests = list[dict[str, list[str]]]()
        with refusing_sts(requests) as url:
            monkeypatch.setenv("AWS_ENDPOINT_URL", url)
            with pytest.raises(KeyUnusable, match="let the trust policy of the role allow") as raised:
                CustomerKeys(Access()).wrap(key, PLAIN, "stack")

        assert (["id-of-acme"], [ROLE]) == (requests[0]["ExternalId"], requests[0]["RoleArn"])
        assert ROLE in str(raised.value)
        assert key.key_arn in str(raised.value)
        assert "no secret here" not in str(raised.value)
