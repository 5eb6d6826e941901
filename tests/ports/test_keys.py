"""The contract of `common.ports.keys.Driver`, for every driver."""

from collections.abc import Callable

import pytest

from common.ports.keys import Driver, KeyUnusable

DRIVERS = ("local", "awskms", "azurekeyvault")
pytestmark = pytest.mark.parametrize("open_keys", DRIVERS, indirect=True)

OpenKeys = Callable[[], Driver]
PLAIN = bytes(range(32))
CONTEXT = "0195f0c8-7a7b-7d3c-8f00-000000000001"


class TestWrap:
    def test_is_undone_by_unwrap(self, open_keys: OpenKeys) -> None:
        """Another process unwraps what this one wrapped."""
        wrapped = open_keys().wrap(PLAIN, CONTEXT)

        assert PLAIN == open_keys().unwrap(wrapped, CONTEXT)

    def test_hides_the_key(self, open_keys: OpenKeys) -> None:
        """The record does not hold the key, and is another one each time."""
        keys = open_keys()
        one, other = keys.wrap(PLAIN, CONTEXT), keys.wrap(PLAIN, CONTEXT)

        assert PLAIN not in one
        assert one != other

    def test_fits_its_column(self, open_keys: OpenKeys) -> None:
        """A record has room in the database's column."""
        assert 2048 >= len(open_keys().wrap(PLAIN, CONTEXT))


class TestUnwrap:
    def test_refuses_another_context(self, open_keys: OpenKeys) -> None:
        """A wrapped key that was moved to another stack opens nothing there."""
        keys = open_keys()
        wrapped = keys.wrap(PLAIN, CONTEXT)

        with pytest.raises(KeyUnusable):
            keys.unwrap(wrapped, CONTEXT + "0")

    def test_refuses_a_damaged_record(self, open_keys: OpenKeys) -> None:
        """A record with a changed, missing or foreign part is refused, never opened to something else."""
        keys = open_keys()
        wrapped = keys.wrap(PLAIN, CONTEXT)
        changed = [
            wrapped[:at] + bytes([wrapped[at] ^ 1]) + wrapped[at + 1 :] for at in (0, 1, 5, len(wrapped) // 2, len(wrapped) - 1)
        ]

        for damaged in [*changed, b"", wrapped[:1], wrapped[:2], wrapped[:20], wrapped[:-1], b"\x7f" + wrapped]:
            with pytest.raises(KeyUnusable):
                keys.unwrap(damaged, CONTEXT)

    def test_gives_a_reason_without_the_key(self, open_keys: OpenKeys) -> None:
        """The message says what to do and holds neither key nor record."""
        keys = open_keys()
        wrapped = keys.wrap(PLAIN, CONTEXT)

        with pytest.raises(KeyUnusable, match="restore it from a backup") as raised:
            keys.unwrap(wrapped[:-1], CONTEXT)
        assert PLAIN.hex() not in str(raised.value)


class TestIsCurrent:
    def test_is_true_of_what_was_just_wrapped(self, open_keys: OpenKeys) -> None:
        """A fresh record need not be wrapped again, whichever process asks."""
        assert open_keys().is_current(open_keys().wrap(PLAIN, CONTEXT))


class TestCheck:
    def test_passes_with_a_good_key(self, open_keys: OpenKeys) -> None:
        """A key that can wrap and unwrap lets the server start."""
        open_keys().check()

    def test_names_the_key_that_records_name(self, open_keys: OpenKeys) -> None:
        """The master key that wraps has the name that its records have, so that what each key wrapped can be counted."""
        keys = open_keys()

        assert keys.check() == keys.name_of(keys.wrap(PLAIN, CONTEXT))
