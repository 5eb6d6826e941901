from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from common.backend import Backend
from common.core.errors import StartUpError
from common.crypto.service_keys import has_keys, lease_key, require_own_master_key, service_key
from common.db.engine import open_database
from common.ports.keys import KeyService
from common.ports.keys.data_keys import DataKeys
from common.ports.keys.local import LocalKey


def another_process(backend: Backend, master_key: bytes | None = None) -> Backend:
    """Return a backend on the same database with nothing cached, with another master key if one is given."""
    keys = KeyService(LocalKey(master_key)) if master_key else backend.keys
    return replace(backend, keys=keys, data_keys=DataKeys(keys, backend.clock))


class TestLeaseKey:
    def test_is_the_same_in_every_process(self, backend: Backend) -> None:
        """Processes that share a database sign with one key, also after a restart."""
        assert 32 == len(lease_key(backend))
        assert lease_key(backend) == lease_key(another_process(backend))

    def test_is_made_once_by_processes_that_start_at_once(self, backend: Backend) -> None:
        """Anyone who makes the key first, all others use it."""
        with ThreadPoolExecutor(8) as pool:
            keys = set(pool.map(lambda _: lease_key(another_process(backend)), range(16)))

        assert {lease_key(backend)} == keys

    def test_differs_from_other_service_keys(self, backend: Backend) -> None:
        """A key serves one purpose."""
        assert lease_key(backend) != service_key(backend, "other")


class TestRequireOwnMasterKey:
    def test_accepts_the_same_key_at_every_start(self, backend: Backend) -> None:
        """The key that an installation was made with is accepted ever after."""
        require_own_master_key(backend, "keys/master.key")
        require_own_master_key(another_process(backend), "keys/master.key")

    def test_refuses_another_key_and_changes_nothing(self, backend: Backend) -> None:
        """A wrong key gives one line that names its place; with the right one everything works as before."""
        require_own_master_key(backend, "keys/master.key")
        key = lease_key(backend)
        with pytest.raises(StartUpError) as caught:
            require_own_master_key(another_process(backend, bytes(32)), "keys/master.key")

        assert str(caught.value).startswith(
            "the key in keys/master.key is not the one this installation was created with; nothing"
        )
        assert "\n" not in str(caught.value)
        require_own_master_key(another_process(backend), "keys/master.key")
        assert key == lease_key(another_process(backend))


class TestHasKeys:
    def test_tells_a_used_installation_from_a_fresh_one(self, backend: Backend) -> None:
        """An installation has keys from its first start on."""
        before = has_keys(backend.db)
        require_own_master_key(backend, "keys")

        assert (False, True) == (before, has_keys(backend.db))

    def test_an_empty_database_has_none(self, backend: Backend) -> None:
        """A database without tables belongs to no installation yet."""
        empty = open_database(backend.settings.data_folder / "empty.db", pool_size=1)

        assert not has_keys(empty)
        empty.close()
