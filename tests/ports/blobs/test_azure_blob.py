import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.storage.blob import BlobServiceClient, UserDelegationKey

from common.core.compression import pack, unpack
from common.core.errors import StartUpError, Unavailable
from common.ports.blobs import BlobNotFound, Bucket, StoreError
from common.ports.blobs.azure_blob import AzureBlobs, Container, read_address
from tests.hosts.azurite_process import ACCOUNT, KEY, Azurite
from tests.hosts.identity import ManagedIdentity
from tests.hosts.loopback import Loopback, Reply, Request

SETTING = "PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT"
DOMAIN = "blob.core.windows.net"


def read(address: str, *, account: str = "acme", domain: str = DOMAIN, key: str = "") -> Container:
    return read_address(SETTING, address, account=account, domain=domain, key=key)


@pytest.fixture
def blobs(azurite: Azurite) -> AzureBlobs:
    """A driver on an empty container, by account key."""
    return driver(azurite, azurite.new_container())


def driver(azurite: Azurite, container: str, prefix: str = "", key: str = KEY) -> AzureBlobs:
    return AzureBlobs(read(f"azblob://{container}{prefix}", account=ACCOUNT, domain=azurite.domain, key=key))


class TestReadAddress:
    """What worked for the product whose place this program takes works here."""

    @pytest.mark.parametrize(
        ("address", "url", "name", "prefix"),
        [
            ("azblob://box", f"https://acme.{DOMAIN}", "box", ""),
            ("AZBLOB://box/", f"https://acme.{DOMAIN}", "box", ""),
            ("azblob://box/some//prefix", f"https://acme.{DOMAIN}", "box", "some/prefix/"),
            ("azblob://box/some?prefix=more/", f"https://acme.{DOMAIN}", "box", "some/more/"),
            (
                "azblob://box?storage_account=x123&domain=blob.core.usgovcloudapi.net",
                "https://x123.blob.core.usgovcloudapi.net",
                "box",
                "",
            ),
            ("azblob://box?domain=127.0.0.1:10000", "http://127.0.0.1:10000/acme", "box", ""),
            ("azblob://box?domain=localhost:10000&protocol=https", "https://localhost:10000/acme", "box", ""),
            ("azblob://box?localemu=true", "http://localhost:10000/acme", "box", ""),
            ("azblob://box?protocol=http&domain=azurite.internal:10000", "http://acme.azurite.internal:10000", "box", ""),
            ("azblob://box?cdn=true&domain=files.example.com", "https://files.example.com", "box", ""),
        ],
    )
    def test_takes_the_options_of_the_go_cdk(self, address: str, url: str, name: str, prefix: str) -> None:
        """Account, domain, protocol and prefix come from the address, and else from the settings."""
        found = read(address)

        assert (url, name, prefix) == (found.service_url, found.name, found.prefix)

    @pytest.mark.parametrize(
        ("address", "account", "said"),
        [
            ("azblob://box?frobnicate=1", "acme", f"{SETTING}: 'frobnicate' is not an option"),
            ("azblob://", "acme", f"{SETTING} must name a container"),
            ("azblob://Box", "acme", f"{SETTING} must name a container"),
            ("azblob://b", "acme", f"{SETTING} must name a container"),
            ("azblob://a--b", "acme", f"{SETTING} must name a container"),
            ("azblob://user:secret@box", "acme", f"{SETTING} must name a container"),
            ("azblob://box", "", "AZURE_STORAGE_ACCOUNT"),
            ("azblob://box?storage_account=A/B", "acme", "AZURE_STORAGE_ACCOUNT"),
            ("azblob://box?domain=https://x", "acme", "must be a host name"),
            ("azblob://box?protocol=ftp", "acme", "protocol must be https or http"),
            ("azblob://box?cdn=perhaps", "acme", "cdn must be true or false"),
            ("azblob://box/a./b", "acme", "may end with a dot"),
        ],
    )
    def test_refuses_the_rest(self, address: str, account: str, said: str) -> None:
        """What is not understood stops the start, naming the setting and the option, and never a credential."""
        with pytest.raises(StartUpError, match=said) as refused:
            read(address, account=account)

        assert "secret" not in str(refused.value)

    def test_shows_no_key(self) -> None:
        """An account key appears neither in a description nor in a refusal."""
        assert KEY not in repr(read("azblob://box", key=KEY))
        with pytest.raises(StartUpError, match="AZURE_STORAGE_KEY") as refused:
            read("azblob://box", key="not+base64")
        assert "not+base64" not in str(refused.value)


class TestPut:
    def test_says_how_the_bytes_are_encoded(self, azurite: Azurite) -> None:
        """Gzip is marked as such, so that a link or a copied container serves it rightly, and comes back as it was."""
        from azure.storage.blob import ContainerClient

        name = azurite.new_container()
        blobs = driver(azurite, name)
        blobs.put("checkpoints/a", pack(b"{}"))
        blobs.put("checkpoints/b", b"{}")
        credential = {"account_name": ACCOUNT, "account_key": KEY}
        with ContainerClient(f"http://{azurite.domain}/{ACCOUNT}", name, credential) as container:
            kinds = [container.get_blob_client(f"checkpoints/{key}").get_blob_properties().content_settings for key in "ab"]

        assert ["gzip", None] == [kind.content_encoding for kind in kinds]
        assert ["application/json"] * 2 == [kind.content_type for kind in kinds]
        assert [pack(b"{}"), b"{}"] == [blobs.get(f"checkpoints/{key}") for key in "ab"]

    def test_may_be_repeated(self, blobs: AzureBlobs) -> None:
        """The same bytes once more are no error."""
        blobs.put("checkpoints/a", b"{}")
        blobs.put("checkpoints/a", b"{}")

        assert b"{}" == blobs.get("checkpoints/a")

    @pytest.mark.parametrize("key", ["a.", "a/", "a./b", "a//b", "", ".", "..", "a/../b"])
    def test_refuses_keys_that_azure_would_change(self, blobs: AzureBlobs, key: str) -> None:
        """No key and no part of one ends with a dot or is empty."""
        with pytest.raises(ValueError, match="not a blob key"):
            blobs.put(key, b"{}")


class TestPrefix:
    def test_keeps_purposes_apart(self, azurite: Azurite) -> None:
        """Two prefixes of one container know nothing of each other, and keys come back without the prefix."""
        name = azurite.new_container()
        one, other = driver(azurite, name, "/one"), driver(azurite, name, "/other")
        one.put("checkpoints/a", b"{}")

        assert ["checkpoints/a"] == [key for key, _ in one.page("", "", 10)]
        assert [] == other.page("", "", 10)
        with pytest.raises(BlobNotFound):
            other.get("checkpoints/a")


class TestDelete:
    def test_takes_many_and_absent_ones(self, blobs: AzureBlobs) -> None:
        """More keys than one request may name are deleted; those that are not there are no error."""
        keys = [f"checkpoints/{number:03}" for number in range(205)]
        for key in keys[::10]:
            blobs.put(key, b"{}")
        blobs.delete(iter(keys))

        assert [] == blobs.page("", "", 10)


class TestTrouble:
    def test_with_the_container_is_named(self, azurite: Azurite) -> None:
        """A container that does not exist is not taken for a blob that does not exist."""
        absent = driver(azurite, "absent")
        with pytest.raises(StoreError, match="container absent of devstoreaccount1: ContainerNotFound"):
            absent.get("checkpoints/a")
        with pytest.raises(Unavailable, match="ContainerNotFound"):
            Bucket(absent).put("checkpoints/a", b"{}")

    def test_with_the_key_is_named(self, azurite: Azurite) -> None:
        """A wrong account key is the store's refusal, without the key in the text."""
        name = azurite.new_container()
        wrong = "A" * 86 + "=="
        with pytest.raises(StoreError, match="Auth") as refused:
            driver(azurite, name, key=wrong).put("checkpoints/a", b"{}")
        assert wrong not in str(refused.value)

    def test_with_the_network_ends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A store that does not answer is given up after a few attempts."""
        waits: list[float] = []
        monkeypatch.setattr("time.sleep", waits.append)
        nowhere = AzureBlobs(read("azblob://box?domain=127.0.0.1:1", key=KEY))

        with pytest.raises(StoreError, match="ServiceRequestError"):
            nowhere.put("checkpoints/a", b"{}")
        assert 2 == len(waits)
        assert 4 > sum(waits)

    @pytest.mark.parametrize("busy", [1, 2, 9])
    def test_that_passes_is_not_noticed(self, monkeypatch: pytest.MonkeyPatch, busy: int) -> None:
        """A store that is busy is asked again, three times in all; one that stays so is said to be."""
        monkeypatch.setattr("time.sleep", lambda _seconds: None)
        calls: list[str] = []

        def answer(request: Request) -> Reply:
            calls.append(request.method)
            if len(calls) <= busy:
                return Reply(503, b"<Error><Code>ServerBusy</Code></Error>", {"x-ms-error-code": "ServerBusy"})
            return Reply(201, b"", {"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT", "ETag": '"1"'})

        with Loopback(answer) as store:
            blobs = AzureBlobs(read(f"azblob://box?domain={store.authority}", key=KEY))
            if busy < 3:
                blobs.put("checkpoints/a", b"{}")
            else:
                with pytest.raises(StoreError, match="ServerBusy"):
                    blobs.put("checkpoints/a", b"{}")

        assert ["PUT"] * min(busy + 1, 3) == calls


class TestLink:
    def test_serves_the_stored_bytes(self, azurite: Azurite, blobs: AzureBlobs) -> None:
        """Anyone who has the link reads that one blob, with the header that says it is gzip; without the signature no one does."""
        blobs.put("checkpoints/a", pack(b'{"version":3}'))
        blobs.put("checkpoints/b", b"{}")
        link = blobs.link("checkpoints/a", 60) or ""
        with urllib.request.urlopen(link, timeout=10) as reply:
            assert b'{"version":3}' == unpack(reply.read())
            assert "gzip" == reply.headers["Content-Encoding"]
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(link.replace("checkpoints/a", "checkpoints/b"), timeout=10)
        with pytest.raises(urllib.error.HTTPError, match=r"40\d"):
            urllib.request.urlopen(link.partition("?")[0], timeout=10)

    def test_by_identity_is_signed_with_a_delegation_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without an account key the service's delegation key signs; it is asked for once and again when it would not last."""
        blobs = AzureBlobs(read("azblob://box"))
        asked: list[datetime] = []
        monkeypatch.setattr(BlobServiceClient, "get_user_delegation_key", _delegation(asked))
        links = [blobs.link("checkpoints/a", seconds) or "" for seconds in (300, 300, 8 * 3600)]
        query = parse_qs(urlsplit(links[0]).query)

        assert 2 == len(asked)
        assert all(until > datetime.now(UTC) + timedelta(hours=5) for until in asked)
        assert ["object-id"] == query["skoid"]
        assert ["r"] == query["sp"]
        assert ["b"] == query["sr"]
        assert ["https"] == query["spr"]
        assert "sig" in query


def _delegation(ends: list[datetime]) -> Callable[..., UserDelegationKey]:
    """Return a method that gives delegation keys, and notes until when."""

    def create(_client: BlobServiceClient, _start: datetime, until: datetime) -> UserDelegationKey:
        ends.append(until)
        key = UserDelegationKey()  # type: ignore[no-untyped-call]  # the SDK leaves it out
        key.signed_oid, key.signed_tid, key.signed_service, key.signed_version = "object-id", "tenant", "b", "2025-11-05"
        key.signed_start = key.signed_expiry = "2030-01-01T00:00:00Z"
        key.value = KEY
        return key

    return create


class TestIdentity:
    def test_takes_the_place_of_a_key(self, azurite_with_tokens: Azurite, managed_identity: ManagedIdentity) -> None:
        """Without an account key the function's managed identity is used, for every operation."""
        name = azurite_with_tokens.new_container()
        address = f"azblob://{name}?protocol=https"
        blobs = AzureBlobs(read(address, account=ACCOUNT, domain=azurite_with_tokens.domain))
        blobs.put("checkpoints/a", pack(b"{}"))

        assert pack(b"{}") == blobs.get("checkpoints/a")
        assert ["checkpoints/a"] == [key for key, _ in blobs.page("checkpoints/", "", 10)]
        blobs.delete(["checkpoints/a", "checkpoints/b"])
        assert [] == blobs.page("checkpoints/", "", 10)
        assert {"https://storage.azure.com"} == set(managed_identity.issued)
