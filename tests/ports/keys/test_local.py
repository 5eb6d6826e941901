import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from common.core.errors import StartUpError
from common.ports.keys import KeyUnusable
from common.ports.keys.local import FILE_NAME, MASTER_KEY_BYTES, LocalKey, create_key, find_key_file, read_key

MASTER = bytes(range(32))
# Wrapped once by this release, for good.
STORED = (
    "01925e93ce401ec9f69bcdb14e36a1dc40a72b0e1b246c8e881d9ce2a71c8cc3a1b330"
    "dc3d29807477d3443174eded1aa27153fc6d121e788089aa280f7de1b7bd45b474cd"
)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A fit key file in a folder of its own."""
    return create_key(tmp_path / "keys")


def start_up_error(place: Path) -> str:
    """Return the line with which a key is refused."""
    with pytest.raises(StartUpError) as caught:
        read_key(place)
    return str(caught.value)


class TestWrap:
    def test_survives_a_restart(self) -> None:
        """A key wrapped by one process is unwrapped by another with the same master key."""
        wrapped = LocalKey(MASTER).wrap(b"k" * 32, "a")

        assert b"k" * 32 == LocalKey(MASTER).unwrap(wrapped, "a")

    def test_shows_neither_key(self) -> None:
        """The wrapped record holds neither the key nor the master key, and is different each time."""
        driver = LocalKey(MASTER)
        one, two = driver.wrap(b"k" * 32, "a"), driver.wrap(b"k" * 32, "a")

        assert one != two
        assert b"kkkk" not in one
        assert MASTER[:8] not in one
        assert MASTER.hex() not in repr(driver) + repr(vars(driver))

    def test_format_is_what_stored_keys_have(self) -> None:
        """A key wrapped by the first release is unwrapped for ever."""
        stored = bytes.fromhex(STORED)

        assert b"k" * 32 == LocalKey(MASTER).unwrap(stored, "0192f0c1-0000-7000-8000-000000000001")


class TestUnwrap:
    def test_tells_a_wrong_master_key_from_damage(self) -> None:
        """With another master key the text names both keys' ids; with a damaged record it says so."""
        wrapped = LocalKey(MASTER).wrap(b"k" * 32, "a")
        with pytest.raises(KeyUnusable) as wrong:
            LocalKey(bytes(32)).unwrap(wrapped, "a")
        with pytest.raises(KeyUnusable) as damaged:
            LocalKey(MASTER).unwrap(wrapped[:-1] + bytes([wrapped[-1] ^ 1]), "a")

        assert wrapped[1:9].hex() in wrong.value.message
        assert "the configured one is" in wrong.value.message
        assert "damaged" in damaged.value.message

    def test_is_bound_to_the_context(self) -> None:
        """A key wrapped for one stack is not one of another."""
        with pytest.raises(KeyUnusable):
            LocalKey(MASTER).unwrap(LocalKey(MASTER).wrap(b"k" * 32, "a"), "b")

    def test_refuses_every_length(self) -> None:
        """A record cut off anywhere is unusable, and nothing worse."""
        wrapped = LocalKey(MASTER).wrap(b"k" * 32, "a")

        for size in range(len(wrapped)):
            with pytest.raises(KeyUnusable):
                LocalKey(MASTER).unwrap(wrapped[:size], "a")


class TestCreateKey:
    def test_writes_a_private_random_key(self, tmp_path: Path) -> None:
        """The file has 32 random bytes and mode 0600, its folder 0700, and nothing else lies beside it."""
        one, two = create_key(tmp_path / "a" / "keys"), create_key(tmp_path / "b")

        assert 32 == len(read_key(one))
        assert read_key(one) != read_key(two)
        assert (0o600, 0o700) == (stat.S_IMODE(one.stat().st_mode), stat.S_IMODE(one.parent.stat().st_mode))
        assert [one] == [*one.parent.iterdir()]

    def test_keeps_a_key_that_is_there(self, key_file: Path) -> None:
        """A second call changes nothing: a key is never replaced."""
        before = key_file.read_bytes()

        assert key_file == create_key(key_file.parent)
        assert before == key_file.read_bytes()

    def test_is_safe_when_processes_start_at_once(self, tmp_path: Path) -> None:
        """All processes that start together end up with one and the same complete key."""

        def start(_: int) -> bytes:
            return read_key(create_key(tmp_path / "keys"))

        with ThreadPoolExecutor(16) as pool:
            assert 1 == len(set(pool.map(start, range(64))))
        assert [FILE_NAME] == [path.name for path in (tmp_path / "keys").iterdir()]

    def test_says_when_the_folder_is_a_file(self, tmp_path: Path) -> None:
        """A file where the folder should be gives one line with its path."""
        (tmp_path / "keys").write_text("x")
        with pytest.raises(StartUpError, match="cannot be written"):
            create_key(tmp_path / "keys")


class TestReadKey:
    def test_reads_a_file_or_its_folder(self, key_file: Path) -> None:
        """The setting may name the file or the folder that holds it."""
        assert read_key(key_file) == read_key(key_file.parent) == key_file.read_bytes()

    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o601])
    def test_refuses_a_key_that_others_can_reach(self, key_file: Path, mode: int) -> None:
        """A key that group or world may read, change or run is refused with the mode and the remedy."""
        key_file.chmod(mode)
        if os.geteuid() == 0:  # A file of root's has a rule of its own.
            os.chown(key_file, 12345, 12345)

        assert f"mode {mode:04o}" in start_up_error(key_file)
        assert "chmod 600" in start_up_error(key_file)

    @pytest.mark.parametrize(("mode", "is_good"), [(0o440, True), (0o640, True), (0o400, True), (0o644, False), (0o660, False)])
    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file of root's")
    def test_lets_the_group_read_a_key_of_roots(self, key_file: Path, mode: int, *, is_good: bool) -> None:
        """A Kubernetes secret with fsGroup is root's, and its group may read it, as PostgreSQL allows it."""
        key_file.chmod(mode)

        if is_good:
            assert MASTER_KEY_BYTES == len(read_key(key_file))
        else:
            assert f"mode {mode:04o}" in start_up_error(key_file)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file of root's")
    def test_warns_of_a_secret_that_is_mounted_for_all(
        self, key_file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A Kubernetes secret as it comes, 0644 on a read-only mount, is accepted with a warning that says what to set."""
        key_file.chmod(0o644)
        found = os.statvfs(key_file)
        read_only = os.statvfs_result((*found[:8], found.f_flag | os.ST_RDONLY, *found[9:]))
        monkeypatch.setattr(os, "statvfs", lambda _path: read_only)

        assert MASTER_KEY_BYTES == len(read_key(key_file))
        assert "set the volume's defaultMode to 0400, or 0440 with fsGroup" in caplog.text

    @pytest.mark.parametrize("size", [0, 31, 33, 4096])
    def test_refuses_another_size(self, key_file: Path, size: int) -> None:
        """Anything but exactly 32 bytes is no key."""
        key_file.write_bytes(b"x" * size)

        assert "exactly 32" in start_up_error(key_file)

    def test_refuses_what_is_not_there(self, tmp_path: Path) -> None:
        """An absent file and an empty folder are refused; what names nothing may be the key itself, so it is not repeated."""
        assert "PULUMI_LOCAL_KEYS" in start_up_error(tmp_path / "nothing")
        assert "nothing" not in start_up_error(tmp_path / "nothing")
        assert "empty folder" in start_up_error(tmp_path)

    def test_refuses_to_choose(self, key_file: Path) -> None:
        """A folder with two files is refused: which of them is the key is not for the program to guess."""
        (key_file.parent / "other").write_bytes(b"x" * 32)

        assert "holds 2 files" in start_up_error(key_file.parent)

    def test_never_shows_the_key(self, key_file: Path) -> None:
        """No refusal repeats a byte of what was read."""
        key_file.write_bytes(b"SECRETSECRETSECRETSECRETSECRETSECRET")

        assert "SECRET" not in start_up_error(key_file)


class TestFindKeyFile:
    def test_looks_past_hidden_files(self, key_file: Path) -> None:
        """What a crash left half written, or a volume driver put beside it, is not taken for a key."""
        (key_file.parent / ".part-1").write_bytes(b"x")

        assert key_file == find_key_file(key_file.parent)

    def test_finds_nothing_where_nothing_is(self, tmp_path: Path) -> None:
        """An absent path and an empty folder hold no key."""
        assert find_key_file(tmp_path) is None
        assert find_key_file(tmp_path / "nothing") is None
