"""What is particular about the S3 driver; what holds for every store is in tests/ports."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from moto import mock_aws

from common.core.compression import pack
from common.core.errors import Unavailable
from common.ports.aws import ATTEMPTS
from common.ports.blobs import BlobNotFound, Bucket, StoreError
from common.ports.blobs.s3 import S3
from common.ports.blobs.s3_address import Place, parse
from tests.aws.moto_process import CREDENTIALS, REGION
from tests.aws.odd_store import Habit, OddStore, odd_store

OpenStore = Callable[[Habit], OddStore]
SIZES = (0, 1, 9 << 20)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Example credentials, and no others."""
    for name in ("AWS_PROFILE", "AWS_ROLE_ARN", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_WEB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def bucket() -> Iterator[str]:
    """A bucket of moto in this process."""
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="states", CreateBucketConfiguration={"LocationConstraint": REGION})
        yield "states"


@pytest.fixture
def store() -> Iterator[OpenStore]:
    """Start an odd store."""
    opened = []

    def start(habit: Habit) -> OddStore:
        opened.append(odd_store(habit))
        return opened[-1].__enter__()

    yield start
    for one in opened:
        one.__exit__(None, None, None)


def driver(address: str) -> S3:
    """A driver for an address."""
    return S3(parse(address, "TEST"))


class TestPut:
    def test_says_what_the_bytes_are(self, bucket: str) -> None:
        """Gzip is stored with its encoding, so that a copy of the bucket or a link serves it as JSON; plain text without."""
        driver(f"s3://{bucket}/p?region={REGION}").put("a/1", pack(b"{}"))
        driver(f"s3://{bucket}/p?region={REGION}").put("a/2", b"{}")
        packed, plain = (boto3.client("s3").head_object(Bucket=bucket, Key=f"p/a/{number}") for number in (1, 2))

        assert ("gzip", "application/json") == (packed["ContentEncoding"], packed["ContentType"])
        assert "application/json" == plain["ContentType"]
        assert not plain.get("ContentEncoding")

    def test_asks_for_encryption_where_the_address_does(self, bucket: str) -> None:
        """`ssetype` and `kmskeyid` go with every upload."""
        driver(f"s3://{bucket}?ssetype=AES256").put("a/1", b"x")

        assert "AES256" == boto3.client("s3").head_object(Bucket=bucket, Key="a/1")["ServerSideEncryption"]

    def test_says_when_the_bucket_is_absent(self, bucket: str) -> None:
        """An absent bucket is a fault of the configuration, not an absent document."""
        with pytest.raises(StoreError, match="NoSuchBucket"):
            driver("s3://other?region=eu-west-1").put("a/1", b"x")
        with pytest.raises(StoreError, match="NoSuchBucket"):
            driver("s3://other?region=eu-west-1").get("a/1")


class TestAlmostS3:
    """Stores that are almost S3."""

    @pytest.mark.parametrize("habit", [Habit.KNOWS_NO_CHECKSUMS, Habit.WANTS_CHECKSUMS, Habit.NONE])
    def test_work_without_a_setting(self, store: OpenStore, habit: Habit) -> None:
        """Bodies of any size come back equal; no newer checksum and no chunks are sent, and each upload has the old checksum."""
        odd = store(habit)
        blobs = driver(odd.address)
        for size in SIZES:
            blobs.put(f"a/{size}", b"x" * size)

        assert [b"x" * size for size in SIZES] == [blobs.get(f"a/{size}") for size in SIZES]
        assert 3 == len(odd.uploads)
        for headers in odd.uploads:
            assert "content-md5" in headers
            assert [] == [name for name in headers if name.startswith("x-amz-checksum") or name == "x-amz-trailer"]
            assert "aws-chunked" not in headers.get("content-encoding", "")
            assert "if-none-match" not in headers

    def test_delete_with_the_old_checksum(self, store: OpenStore) -> None:
        """The one call that needs a checksum everywhere carries the one that every store knows."""
        odd = store(Habit.NONE)
        blobs = driver(odd.address)
        for key in ("a/1", "a/2"):
            blobs.put(key, b"x")
        blobs.delete(["a/1", "a/2", "a/3"])

        assert {} == odd.objects
        assert 3 == len(odd.uploads)
        assert "content-md5" in odd.uploads[-1]
        assert [] == [name for name in odd.uploads[-1] if name.startswith("x-amz-checksum")]

    def test_delete_one_by_one_where_there_is_no_other_way(self, store: OpenStore) -> None:
        """A store that cannot delete several objects at once is asked for each."""
        odd = store(Habit.KNOWS_NO_CHECKSUMS)
        blobs = driver(odd.address)
        for key in ("a/1", "a/2"):
            blobs.put(key, b"x")
        blobs.delete(["a/1", "a/2", "a/3"])
        Bucket(blobs).probe()

        assert {} == odd.objects

    def test_that_want_the_newer_checksum_get_it_by_an_option(self, store: OpenStore) -> None:
        """The probe's words name the option, and with it the store works, still without chunks."""
        odd = store(Habit.WANTS_NEW_CHECKSUMS)
        with pytest.raises(StoreError, match="request_checksum_calculation=when_supported"):
            Bucket(driver(odd.address)).probe()
        blobs = driver(f"{odd.address}&request_checksum_calculation=when_supported")
        Bucket(blobs).probe()
        blobs.put("a/1", b"x")

        assert b"x" == blobs.get("a/1")
        assert "x-amz-checksum-crc32" in odd.uploads[-1]
        assert "aws-chunked" not in odd.uploads[-1].get("content-encoding", "")

    def test_that_do_not_know_it_say_so_at_the_start(self, store: OpenStore) -> None:
        """With the option set against such a store, the probe names the other value."""
        odd = store(Habit.KNOWS_NO_CHECKSUMS)
        with pytest.raises(StoreError, match=r"NotImplemented.*request_checksum_calculation=when_required"):
            Bucket(driver(f"{odd.address}&request_checksum_calculation=when_supported")).probe()


class TestTrouble:
    def test_that_passes_is_not_noticed(self, store: OpenStore) -> None:
        """A store that is busy for a moment is asked again."""
        odd = store(Habit.IS_BUSY)
        blobs = driver(odd.address)
        odd.failures = ATTEMPTS - 1
        blobs.put("a/1", b"x")
        odd.failures = ATTEMPTS - 1

        assert b"x" == blobs.get("a/1")

    def test_that_lasts_is_a_503_within_a_bounded_time(self, store: OpenStore) -> None:
        """The client hears that nothing was changed and may try again; the store's own message, which may hold anything, stays."""
        odd = store(Habit.IS_BUSY)
        odd.failures = 1000
        began = time.monotonic()
        with pytest.raises(
            Unavailable, match=r"refused to store a document \(bucket box at .*: SlowDown\); nothing was changed"
        ) as raised:
            Bucket(driver(odd.address)).put("a/1", b"x")

        assert ATTEMPTS == odd.requests
        assert 10 > time.monotonic() - began
        assert "AKIAEXAMPLE" not in str(raised.value)

    def test_in_the_middle_of_a_body_is_mended(self, store: OpenStore) -> None:
        """A download that breaks off is begun again, once."""
        odd = store(Habit.BREAKS_OFF)
        blobs = driver(odd.address)
        blobs.put("a/1", b"x" * 100_000)
        odd.failures = 1

        assert b"x" * 100_000 == blobs.get("a/1")

    def test_in_the_middle_of_every_body_is_a_503(self, store: OpenStore) -> None:
        """A document is never shorter than it was stored."""
        odd = store(Habit.BREAKS_OFF)
        blobs = driver(odd.address)
        blobs.put("a/1", b"x" * 100_000)
        odd.failures = 1000
        with pytest.raises(Unavailable):
            Bucket(blobs).get("a/1")

    def test_of_permission_names_the_reason(self, store: OpenStore) -> None:
        """What is forbidden is neither an absent document nor our fault."""
        odd = store(Habit.FORBIDS)
        blobs = Bucket(driver(odd.address))
        calls: list[Callable[[], object]] = [
            lambda: blobs.get("a/1"),
            lambda: blobs.put("a/1", b"x"),
            lambda: blobs.delete(["a/1"]),
            lambda: blobs.delete(["a/1", "a/2"]),
            lambda: blobs.page("", "", 1),
        ]
        for call in calls:
            with pytest.raises(Unavailable, match="AccessDenied"):
                call()

    def test_to_reach_it_is_a_503(self) -> None:
        """A store that no one answers for is told from one that has no such document."""
        blobs = driver("s3://box?region=us-east-1&endpoint=http://127.0.0.1:9&s3ForcePathStyle=true")
        with pytest.raises(Unavailable, match="EndpointConnectionError"):
            Bucket(blobs).get("a/1")

    def test_with_some_keys_is_told(self, bucket: str) -> None:
        """A deletion that the store refuses for some keys is an error, as they would never be looked at again."""
        blobs = driver(f"s3://{bucket}")
        client: Any = blobs._client()
        client.meta.events.register("after-call.s3.DeleteObjects", _refuse_one)
        with pytest.raises(StoreError, match="AccessDenied"):
            blobs.delete(["a/1", "a/2"])


class TestPage:
    def test_goes_over_the_stores_own_pages(self, bucket: str) -> None:
        """More keys than one call lists come in order, without a gap and without one twice."""
        client = boto3.client("s3")
        for number in range(1003):
            client.put_object(Bucket=bucket, Key=f"p/a/{number:04}", Body=b"")
        found = [key for key, _ in driver(f"s3://{bucket}/p").page("a/", "", 5000)]

        assert [f"a/{number:04}" for number in range(1003)] == found


class TestLink:
    def test_is_signed_for_one_object_and_a_short_time(self, bucket: str) -> None:
        """The address names the object, its end, and a signature of the present kind."""
        link = driver(f"s3://{bucket}/p?region={REGION}").link("a/1", 300)
        assert link is not None
        query = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}

        assert urlsplit(link).path.endswith("p/a/1")
        assert ("300", "AWS4-HMAC-SHA256") == (query["X-Amz-Expires"], query["X-Amz-Algorithm"])
        assert f"/{REGION}/s3/aws4_request" in query["X-Amz-Credential"]
        assert CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in query["X-Amz-Signature"]

    def test_is_not_to_be_had_without_credentials(self) -> None:
        """Anyone who is anonymous cannot sign."""
        assert None is S3(Place("b", is_anonymous=True)).link("a/1", 300)


class TestRole:
    def test_is_assumed_with_the_base_credentials(self, bucket: str) -> None:
        """With AWS_ROLE_ARN every call is made as that role."""
        blobs = S3(Place(bucket, region=REGION), role_arn="arn:aws:iam::123456789012:role/stackhold")
        blobs.put("a/1", b"x")
        link = blobs.link("a/1", 60)

        assert b"x" == blobs.get("a/1")
        assert link is not None
        assert "X-Amz-Security-Token" in link
        assert "testing%2F" not in link

    def test_is_left_to_the_sdk_where_a_token_file_is(self, bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """A web identity needs no base credentials, and the SDK's chain knows it."""
        (tmp_path / "token").write_text("token", "ascii")
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
        monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/stackhold")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        blobs = S3(Place(bucket, region=REGION), role_arn="arn:aws:iam::123456789012:role/stackhold")
        blobs.put("a/1", b"x")

        assert b"x" == blobs.get("a/1")
        with pytest.raises(BlobNotFound):
            blobs.get("a/2")


def _refuse_one(parsed: dict[str, Any], **_others: object) -> None:
    parsed["Errors"] = [{"Key": "a/1", "Code": "AccessDenied"}]
