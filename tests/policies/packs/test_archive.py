import gzip
import io
import tarfile
from collections.abc import Iterator

import pytest

from common.core.errors import BadRequest
from common.policies.packs import archive
from common.policies.packs.archive import read_digest
from tests.factories.policies import make_archive

PACK = {"package/PulumiPolicy.yaml": b"runtime: python\n", "package/__main__.py": b"print()\n"}


class TestDigest:
    def test_is_that_of_the_files(self) -> None:
        """Two archives of the same files have one digest, whatever their order and times; other content has another one."""
        digest = read_digest(make_archive(PACK))

        assert digest == read_digest(make_archive(dict(reversed(PACK.items())), mtime=99))
        assert digest != read_digest(make_archive({**PACK, "package/__main__.py": b"exit()\n"}))
        assert digest != read_digest(make_archive({**PACK, "package/more": b""}))

    def test_reads_a_large_file(self) -> None:
        """A file of many megabytes is read in parts."""
        assert read_digest(make_archive({"package/data": bytes(9 << 20)}))


class TestRefusal:
    @pytest.mark.parametrize(
        "name",
        ["PulumiPolicy.yaml", "packages/x", "/package/x", "package/../x", "package/a/../../x", "package\\x", "../package/x"],
    )
    def test_of_a_file_elsewhere(self, name: str) -> None:
        """Every file is below `package/`, so that unpacking writes nowhere else."""
        with pytest.raises(BadRequest, match="is not below package/"):
            read_digest(make_archive({**PACK, name: b"x"}))

    @pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
    def test_of_what_is_no_file(self, kind: bytes) -> None:
        """Links and devices are refused: they could lead out of the folder that a pack is unpacked to."""
        with pytest.raises(BadRequest, match="is not a plain file or a folder"):
            read_digest(make_archive({"package/x": b""}, kind=kind))

    def test_of_a_sparse_file(self) -> None:
        """A file with holes is refused: a small archive can name one of any size."""
        text = io.BytesIO()
        with tarfile.open(fileobj=text, mode="w", format=tarfile.PAX_FORMAT) as tar:
            member = tarfile.TarInfo("package/x")
            member.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(1 << 20)}
            tar.addfile(member)

        with pytest.raises(BadRequest, match="is not a plain file or a folder"):
            read_digest(gzip.compress(text.getvalue()))

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "not a gzip archive"),
            (b"PK\x03\x04", "not a gzip archive"),
            (b"\x1f\x8b", "not a gzip tar archive|is incomplete"),
            (gzip.compress(b"no tar" * 200), "not a gzip tar archive"),
            (make_archive(PACK)[:-30], "not a gzip tar archive|is incomplete"),
            (make_archive({}), "no files below package/"),
        ],
        ids=["empty", "zip", "two bytes", "no tar", "cut off", "without files"],
    )
    def test_of_what_is_no_pack(self, content: bytes, reason: str) -> None:
        """The client does not look at the status of its upload, so that anything may be there."""
        with pytest.raises(BadRequest, match=reason):
            read_digest(content)

    def test_of_a_damaged_file(self) -> None:
        """A byte that changed on the way is noticed."""
        content = bytearray(make_archive({"package/x": bytes(range(256)) * 40}))
        content[len(content) // 2] ^= 0xFF

        with pytest.raises(BadRequest):
            read_digest(bytes(content))


class TestLimits:
    @pytest.fixture(params=["packed", "inflated", "entries"])
    def large(self, request: pytest.FixtureRequest) -> Iterator[tuple[bytes, str]]:
        """An archive over each limit, and what the refusal says."""
        match request.param:
            case "packed":
                yield b"\x1f\x8b" + bytes(archive.PACKED_LIMIT_BYTES), "may have at most 67,108,864 bytes"
            case "inflated":
                yield make_archive({"package/x": bytes(archive.INFLATED_LIMIT_BYTES)}), "inflates to more than 268,435,456 bytes"
            case _:
                names = (f"package/{number}" for number in range(archive.ENTRY_LIMIT + 1))
                yield make_archive(dict.fromkeys(names, b"")), "may have at most 20,000 entries"

    def test_are_held(self, large: tuple[bytes, str]) -> None:
        """A small upload cannot cost much memory or time."""
        content, reason = large

        with pytest.raises(BadRequest, match=reason):
            read_digest(content)
