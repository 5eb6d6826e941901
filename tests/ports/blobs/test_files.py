import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from common.ports.blobs import BlobNotFound
from common.ports.blobs.files import Files


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """An empty store."""
    return Files(tmp_path)


def keys(files: Files, prefix: str = "", after: str = "", limit: int = 100) -> list[str]:
    """The keys of a page."""
    return [key for key, _ in files.page(prefix, after, limit)]


class TestPut:
    def test_stores_bytes_for_their_owner_alone(self, files: Files, tmp_path: Path) -> None:
        """What was stored is read back; others can read neither file nor folder."""
        files.put("checkpoints/a/1", b"one")

        assert b"one" == files.get("checkpoints/a/1")
        assert 0o600 == stat.S_IMODE((tmp_path / "checkpoints/a/1").stat().st_mode)
        assert 0o700 == stat.S_IMODE((tmp_path / "checkpoints/a").stat().st_mode)

    def test_leaves_nothing_behind_when_the_disk_refuses(
        self, files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A failed write is an error, and neither the key nor a half-written file exists afterwards."""

        def full(_descriptor: int, _part: bytes) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space left"):
            files.put("checkpoints/a/1", b"one")
        monkeypatch.undo()

        assert [] == keys(files)
        with pytest.raises(BlobNotFound):
            files.get("checkpoints/a/1")

    @pytest.mark.parametrize("key", ["../outside", "/etc/passwd", "a/../../b"])
    def test_never_leaves_the_folder(self, files: Files, key: str) -> None:
        """A key cannot name anything outside the store."""
        with pytest.raises(ValueError, match="not a blob key"):
            files.put(key, b"x")


class TestDelete:
    def test_removes_folders_that_became_empty(self, files: Files, tmp_path: Path) -> None:
        """A deleted stack leaves no empty folder behind."""
        for key in ("a/1", "a/2", "b/1"):
            files.put(key, b"x")
        files.delete(["a/1", "a/2"])

        assert ["b/1"] == keys(files)
        assert not (tmp_path / "a").exists()

    def test_does_not_disturb_writers_of_the_same_folder(self, files: Files) -> None:
        """A folder that is emptied while another key is written into it loses nothing."""

        def work(number: int) -> None:
            files.put(f"a/{number}", b"x")
            files.delete([f"a/{number}"])
            files.put(f"a/{number}", b"x")

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(100)))

        assert 100 == len(keys(files))


class TestPage:
    def test_tells_when_a_key_was_written(self, files: Files, tmp_path: Path) -> None:
        """The time is in milliseconds since 1970."""
        files.put("a/1", b"x")
        os.utime(tmp_path / "a/1", (1_700_000_000.5, 1_700_000_000.5))

        assert [("a/1", 1_700_000_000_500)] == files.page("", "", 10)
