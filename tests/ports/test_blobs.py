"""The contract of `common.ports.blobs.Driver`, for every driver."""

import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from common.core.compression import pack
from common.ports.blobs import BlobMissing, BlobNotFound, Bucket, Driver

DRIVERS = ("files", "s3", "azblob")
pytestmark = pytest.mark.parametrize("open_blobs", DRIVERS, indirect=True)

OpenBlobs = Callable[[], Driver]
KEYS = ("a-b/1", "a/1", "a/2", "a0/1", "b/c/1", "b/c/2", "b/d")


def keys(driver: Driver, prefix: str = "", after: str = "", limit: int = 100) -> list[str]:
    """Return the keys of a page."""
    return [key for key, _ in driver.page(prefix, after, limit)]


class TestPut:
    @pytest.mark.parametrize("size", [0, 1, 9 << 20], ids=["empty", "a byte", "9 MiB"])
    def test_keeps_bytes_as_they_are(self, open_blobs: OpenBlobs, size: int) -> None:
        """What was stored is read back byte for byte, by another process too, whether it looks like gzip or not."""
        content = random.Random(size).randbytes(size)
        driver = open_blobs()
        driver.put("checkpoints/a/1", content)
        driver.put("checkpoints/a/2", pack(content))

        assert content == open_blobs().get("checkpoints/a/1")
        assert pack(content) == open_blobs().get("checkpoints/a/2")

    def test_may_be_repeated(self, open_blobs: OpenBlobs) -> None:
        """A client that did not hear the answer stores the same bytes again, which changes nothing."""
        driver = open_blobs()
        driver.put("a/1", b"one")
        driver.put("a/1", b"one")

        assert b"one" == driver.get("a/1")
        assert ["a/1"] == keys(driver)

    def test_serves_threads_at_once(self, open_blobs: OpenBlobs) -> None:
        """One driver is shared by all threads of a process, from its first use on."""
        driver = open_blobs()

        def work(number: int) -> bytes:
            driver.put(f"a/{number}", str(number).encode())
            return driver.get(f"a/{number}")

        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(work, range(40)))

        assert [str(number).encode() for number in range(40)] == found


class TestGet:
    def test_says_when_there_is_nothing(self, open_blobs: OpenBlobs) -> None:
        """An absent key is told from a store that fails, and `Bucket` names it to the operator."""
        driver = open_blobs()
        driver.put("a/1", b"one")

        with pytest.raises(BlobNotFound):
            driver.get("a/2")
        with pytest.raises(BlobMissing, match="a/2"):
            Bucket(driver).get("a/2")


class TestSize:
    def test_is_that_of_the_stored_bytes(self, open_blobs: OpenBlobs) -> None:
        """The size of a blob is known without reading it, and an absent key has none."""
        driver = open_blobs()
        driver.put("a/1", pack(b"x" * 5000))

        assert len(pack(b"x" * 5000)) == driver.size("a/1") == Bucket(driver).find_size("a/1")
        assert Bucket(driver).find_size("a/2") is None
        with pytest.raises(BlobNotFound):
            driver.size("a/2")


class TestDelete:
    def test_removes_what_is_named(self, open_blobs: OpenBlobs) -> None:
        """Absent keys are no error, and other keys stay."""
        driver = open_blobs()
        for key in KEYS:
            driver.put(key, b"x")
        driver.delete(["a/1", "a/2", "a/3", "c/1"])
        driver.delete([])

        assert sorted(set(KEYS) - {"a/1", "a/2"}) == keys(driver)
        with pytest.raises(BlobNotFound):
            driver.get("a/1")

    def test_takes_more_keys_than_one_call_of_the_store(self, open_blobs: OpenBlobs) -> None:
        """A sweep names thousands of keys at once."""
        driver = open_blobs()
        for key in ("a/0001", "a/2000", "b/1"):
            driver.put(key, b"x")
        driver.delete(f"a/{number:04}" for number in range(2001))

        assert ["b/1"] == keys(driver)


class TestPage:
    def test_is_in_the_order_of_whole_keys(self, open_blobs: OpenBlobs) -> None:
        """Keys are compared as texts, whatever folders they seem to be in."""
        driver = open_blobs()
        for key in KEYS:
            driver.put(key, b"x")

        assert sorted(KEYS) == keys(driver)

    def test_goes_on_after_any_key(self, open_blobs: OpenBlobs) -> None:
        """Every page begins behind its key, be it there or not, and ends at the limit."""
        driver = open_blobs()
        for key in KEYS:
            driver.put(key, b"x")

        for after in ("", *KEYS, "a", "a/", "a/15", "b/c", "b/c/", "zzz"):
            wanted = [key for key in sorted(KEYS) if key > after]
            assert wanted == keys(driver, after=after)
            assert wanted[:2] == keys(driver, after=after, limit=2)

    def test_holds_the_keys_of_a_prefix(self, open_blobs: OpenBlobs) -> None:
        """A prefix may end inside a name, and goes together with a key to begin behind."""
        driver = open_blobs()
        for key in KEYS:
            driver.put(key, b"x")

        for prefix in ("a", "a/", "b/c", "b/c/", "b/d", "c"):
            wanted = [key for key in sorted(KEYS) if key.startswith(prefix)]
            assert wanted == keys(driver, prefix)
            assert wanted[1:] == keys(driver, prefix, after=wanted[0] if wanted else "")

    def test_tells_when_a_key_was_written(self, open_blobs: OpenBlobs) -> None:
        """The time is in milliseconds since 1970; a store may round it to seconds."""
        driver = open_blobs()
        began = time.time()
        driver.put("a/1", b"x")
        ((key, written_at),) = driver.page("", "", 10)

        assert "a/1" == key
        assert (began - 2) * 1000 < written_at < (time.time() + 2) * 1000


class TestLink:
    def test_serves_the_bytes_to_a_plain_client(self, open_blobs: OpenBlobs) -> None:
        """Anyone who has the link gets the document as JSON in gzip, without credentials; a folder gives none."""
        driver = open_blobs()
        driver.put("a/1", pack(b'{"a":1}'))
        link = driver.link("a/1", 60)

        if link is None:
            assert "Files" == type(driver).__name__
            return
        with urllib.request.urlopen(link, timeout=10) as reply:
            assert pack(b'{"a":1}') == reply.read()
            assert "gzip" == reply.headers["Content-Encoding"]
            assert "application/json" == reply.headers["Content-Type"]


class TestUploadLink:
    def test_accepts_a_file_without_credentials(self, open_blobs: OpenBlobs) -> None:
        """Anyone who has the link can store the file with a PUT and the named headers; a folder gives no link."""
        driver, content = open_blobs(), pack(b"a file")
        link = driver.upload_link("packs/1", 60)

        if link is None:
            assert "Files" == type(driver).__name__
            return
        with urllib.request.urlopen(upload(link.url, content, link.headers), timeout=10) as reply:
            assert reply.status in (200, 201)
        assert content == driver.get("packs/1")

    def test_is_for_one_file(self, open_blobs: OpenBlobs) -> None:
        """The link stores nothing under another key."""
        driver = open_blobs()
        link = driver.upload_link("packs/1", 60)

        if link is not None and type(driver).__name__ == "AzureBlobs":  # moto checks no signature.
            with pytest.raises(urllib.error.HTTPError):
                urllib.request.urlopen(upload(link.url.replace("packs/1", "packs/2"), b"x", link.headers), timeout=10)
            assert [] == keys(driver)


class TestPutFile:
    def test_serves_gzip_as_it_is(self, open_blobs: OpenBlobs) -> None:
        """A client that inflates replies by itself still gets the gzip file: the store names no content encoding."""
        driver, content = open_blobs(), pack(b"a file")
        driver.put_file("packs/1", content)
        link = driver.link("packs/1", 60)

        assert content == driver.get("packs/1")
        if link is not None:
            with urllib.request.urlopen(link, timeout=10) as reply:
                assert (200, content) == (reply.status, reply.read())
                assert reply.headers["Content-Encoding"] is None


def upload(url: str, content: bytes, headers: dict[str, str]) -> urllib.request.Request:
    """Return the upload of a file."""
    return urllib.request.Request(url, content, {"Content-Type": "application/gzip", **headers}, method="PUT")


class TestProbe:
    def test_leaves_nothing_behind(self, open_blobs: OpenBlobs) -> None:
        """A store that works passes the probe of the start, and is as it was."""
        driver = open_blobs()
        Bucket(driver).probe()

        assert [] == keys(driver)
