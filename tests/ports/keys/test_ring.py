import os

import pytest

from common.ports.aws import Access
from common.ports.keys import KeyUnusable
from common.ports.keys.aws_kms import KMS
from common.ports.keys.local import LocalKey
from common.ports.keys.ring import KeyRing
from tests.aws.fixtures import moto, moto_process
from tests.aws.moto_process import Moto

__all__ = ["moto", "moto_process"]
PLAIN, CONTEXT = bytes(range(32)), "owner"


def local() -> LocalKey:
    """A local key of its own."""
    return LocalKey(os.urandom(32))


class TestKeyRing:
    def test_wraps_with_the_current_key_and_unwraps_with_all(self) -> None:
        """What an earlier key wrapped opens; what is new is the current key's alone."""
        old, new = local(), local()
        ring = KeyRing(new, [local(), old])

        assert PLAIN == ring.unwrap(old.wrap(PLAIN, CONTEXT), CONTEXT) == new.unwrap(ring.wrap(PLAIN, CONTEXT), CONTEXT)
        assert (True, False) == (ring.is_current(ring.wrap(PLAIN, CONTEXT)), ring.is_current(old.wrap(PLAIN, CONTEXT)))
        assert ring.check() == new.check()
        assert ring.name_of(old.wrap(PLAIN, CONTEXT)) == old.check()

    def test_takes_keys_of_several_kinds(self, moto: Moto) -> None:
        """A record goes to the key of its kind."""
        old, new = local(), KMS(moto.make_key(), Access())
        for ring in (KeyRing(new, [old]), KeyRing(old, [new])):
            for key in (old, new):
                wrapped = key.wrap(PLAIN, CONTEXT)

                assert PLAIN == ring.unwrap(wrapped, CONTEXT)
                assert key.check() == ring.name_of(wrapped)
        assert not KeyRing(new, [old]).is_current(old.wrap(PLAIN, CONTEXT))

    def test_refuses_what_no_key_opens(self) -> None:
        """The reason names the master key that is needed; a damaged record is called damaged."""
        stranger = local()
        ring = KeyRing(local(), [local()])

        with pytest.raises(KeyUnusable, match=f"needs master key {stranger.check()}"):
            ring.unwrap(stranger.wrap(PLAIN, CONTEXT), CONTEXT)
        with pytest.raises(KeyUnusable, match="damaged"):
            ring.unwrap(b"\x09" + bytes(80), CONTEXT)
        with pytest.raises(KeyUnusable):
            ring.unwrap(ring.wrap(PLAIN, CONTEXT), "other owner")
