from collections.abc import Iterable
from pathlib import Path

import pytest

from common.core.compression import pack
from common.core.errors import BackendError, Unavailable
from common.ports.blobs import BlobMissing, Bucket
from common.ports.blobs.files import Files


@pytest.fixture
def bucket(tmp_path: Path) -> Bucket:
    """A bucket over a folder."""
    return Bucket(Files(tmp_path))


class Failing(Files):
    """A folder on a disk that has gone."""

    def put(self, key: str, stored: bytes) -> None:
        """Fail."""
        raise OSError(28, "No space left on device", "secret/path")

    def get(self, key: str) -> bytes:
        """Fail."""
        raise OSError(5, "Input/output error", "secret/path")

    def delete(self, keys: Iterable[str]) -> None:
        """Fail."""
        raise OSError(5, "Input/output error", "secret/path")


class TestDocuments:
    def test_are_packed_in_the_store(self, bucket: Bucket) -> None:
        """A document is stored compressed and read back as it was, or as stored."""
        bucket.put("a/1", b'{"a":1}')

        assert (b'{"a":1}', pack(b'{"a":1}')) == (bucket.get("a/1"), bucket.get_stored("a/1"))

    @pytest.mark.parametrize("stored", [b"", b"plain", b'{"entries":[]}', pack(b"x") + pack(b"y")])
    def test_may_be_stored_as_they_came(self, bucket: Bucket, stored: bytes) -> None:
        """Bytes that a client sent are kept as they are, packed or not."""
        bucket.put_stored("a/1", stored)

        assert stored == bucket.get_stored("a/1")

    def test_that_are_missing_are_named(self, bucket: Bucket) -> None:
        """A document that a row names and the store does not have is an error for anyone who has a backup."""
        for read in (bucket.get, bucket.get_stored):
            with pytest.raises(BlobMissing) as caught:
                read("a/none")
            assert (500, True) == (caught.value.status, "a/none" in caught.value.message)

    def test_are_removed_once_or_twice(self, bucket: Bucket) -> None:
        """Removing is no error when there is nothing."""
        bucket.put("a/1", b"x")
        for _ in range(2):
            bucket.delete(["a/1", "a/2"])

        assert [] == bucket.page("", "", 10)


class TestFaults:
    def test_of_the_store_are_503_without_its_paths(self, tmp_path: Path) -> None:
        """What the store raises becomes an error that clients may repeat, with a reason and no path in it."""
        bucket = Bucket(Failing(tmp_path))
        for call, reason in (
            (lambda: bucket.put("a", b"x"), "No space left"),
            (lambda: bucket.get("a"), "Input/output"),
            (lambda: bucket.delete(["a"]), "Input/output"),
        ):
            with pytest.raises(Unavailable) as caught:
                call()
            assert isinstance(caught.value, BackendError)
            assert reason in caught.value.message
            assert "secret" not in caught.value.message
