"""Data keys of one owner: the present one, and those it had before."""

import dataclasses
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.errors import BadRequest
from common.crypto import owner_keys, repository
from common.crypto.envelope import Envelope
from common.crypto.model import WrappedKey
from common.ports.keys import KeyService, KeyUnusable
from common.ports.keys.local import LocalKey
from common.rights.caller import Caller
from tests.counting import Counter
from tests.factories.stacks import make_ciphertext, make_stack


def key_of(backend: Backend) -> WrappedKey:
    """The present key of the only stack."""
    with backend.db.connect() as connection:
        (key,) = repository.page_wrapped_keys(connection, "stacks", "", 2)
    return key


def replace(backend: Backend) -> bool:
    """Replace the key of the only stack."""
    return owner_keys.replace_key(backend, key_of(backend), backend.clock.now())


def plain(backend: Backend, key: WrappedKey) -> bytes:
    """A data key in clear."""
    return backend.keys.unwrap(key.wrapped_key, key.context)


class DamagingKey(LocalKey):
    """A key service that wraps into what nothing opens, and opens what another one wrapped."""

    def __init__(self, master_key: bytes, inner: KeyService) -> None:
        super().__init__(master_key)
        self.inner = inner

    def wrap(self, plain_key: bytes, context: str) -> bytes:
        return super().wrap(plain_key, context)[:-1]

    def unwrap(self, wrapped_key: bytes, context: str) -> bytes:
        return self.inner.unwrap(wrapped_key, context)


class TestReplaceKey:
    def test_keeps_old_values_readable(self, backend: Backend, admin: Caller, client: TestClient) -> None:
        """What any earlier key encrypted opens, and what is encrypted from now on does not need the earlier keys."""
        path = make_stack(backend, admin)
        old = make_ciphertext(backend, admin, path)
        assert replace(backend)
        newer = make_ciphertext(backend, admin, path)

        assert [200, 200] == [
            client.post("/api/stacks/acme/shop/dev/decrypt", json={"ciphertext": text}).status_code for text in (old, newer)
        ]

    def test_happens_once_in_a_rotation(self, backend: Backend, admin: Caller) -> None:
        """An owner that got a key since the rotation began keeps it; a later rotation gives it another one."""
        make_stack(backend, admin)
        began, stale = backend.clock.now(), key_of(backend)
        assert replace(backend)

        assert not replace(backend)
        assert owner_keys.replace_key(backend, stale, began + timedelta(seconds=1))

    def test_replaces_a_key_that_was_wrapped_anew(self, backend: Backend, admin: Caller) -> None:
        """A key that another process wrapped anew after the list of keys was read is replaced all the same."""
        make_stack(backend, admin)
        stale = key_of(backend)
        anew = backend.keys.wrap(backend.keys.unwrap(stale.wrapped_key, stale.context), stale.context)
        with backend.db.connect() as connection:
            assert repository.replace_wrapped_key(connection, stale, anew)

        assert owner_keys.replace_key(backend, stale, backend.clock.now())

    def test_keeps_the_key_if_the_new_one_does_not_open(self, backend: Backend, admin: Caller) -> None:
        """Where the key service does not open what it has wrapped, nothing changes: the old key would be lost."""
        make_stack(backend, admin)
        before = key_of(backend)
        broken = dataclasses.replace(backend, keys=KeyService(DamagingKey(bytes(range(32)), backend.keys)))

        with pytest.raises(KeyUnusable):
            replace(broken)
        assert before == key_of(backend)


class TestOpenEnvelope:
    def test_asks_for_old_keys_only_when_they_are_needed(
        self, backend: Backend, admin: Caller, client: TestClient, counter: Counter
    ) -> None:
        """A value under the present key costs no query more; one under an earlier key costs one."""
        path = make_stack(backend, admin)
        old = make_ciphertext(backend, admin, path)
        replace(backend)
        newer = make_ciphertext(backend, admin, path)
        costs = []
        for text in (newer, old):
            counter.reset()
            client.post("/api/stacks/acme/shop/dev/decrypt", json={"ciphertext": text})
            costs.append(counter.statements)

        assert costs[1] == costs[0] + 1

    def test_refuses_what_no_key_opens(self, backend: Backend, admin: Caller) -> None:
        """A value of another stack is refused as ever, also after a change of key."""
        make_stack(backend, admin)
        replace(backend)
        key = key_of(backend)
        envelope = owner_keys.open_envelope(backend, key.id, key.wrapped_key)
        foreign = Envelope(bytes(32), key.id).seal(b"x")

        with pytest.raises(BadRequest, match="cannot be decrypted"):
            envelope.open(foreign)
        with pytest.raises(BadRequest, match="cannot be decrypted"):
            envelope.renew(foreign)

    def test_opens_what_it_can_if_an_old_key_is_damaged(self, backend: Backend, admin: Caller) -> None:
        """A retired key that does not open does no harm to values of the others; its own are refused for that reason."""
        make_stack(backend, admin)
        sealed, keys = [], []
        for text in (b"first", b"second"):
            key = key_of(backend)
            sealed.append(owner_keys.open_envelope(backend, key.id, key.wrapped_key).seal(text))
            keys.append(key)
            owner_keys.replace_key(backend, key, backend.clock.now() + timedelta(seconds=1))
        with backend.db.connect() as connection:
            retired = repository.page_wrapped_keys(connection, "retired_keys", "", 3)
            (damaged,) = [key for key in retired if backend.keys.unwrap(key.wrapped_key, key.id) == plain(backend, keys[0])]
            repository.replace_wrapped_key(connection, damaged, b"damaged")
        present = key_of(backend)
        envelope = owner_keys.open_envelope(backend, present.id, present.wrapped_key)

        assert b"second" == envelope.open(sealed[1])
        for _ in range(2):
            with pytest.raises(KeyUnusable):
                envelope.open(sealed[0])

    def test_knows_a_key_that_is_newer_than_the_callers(self, backend: Backend, admin: Caller) -> None:
        """A request that read the stack before the change opens what was encrypted after it."""
        make_stack(backend, admin)
        stale = key_of(backend)
        replace(backend)
        present = key_of(backend)
        sealed = owner_keys.open_envelope(backend, present.id, present.wrapped_key).seal(b"new")

        assert b"new" == owner_keys.open_envelope(backend, stale.id, stale.wrapped_key).open(sealed)


def test_renewing_is_repeatable(backend: Backend, admin: Caller) -> None:
    """The same ciphertext is renewed to the same one, so versions that had equal secrets still have; the renewed one stays."""
    make_stack(backend, admin)
    old = key_of(backend)
    sealed = [owner_keys.open_envelope(backend, old.id, old.wrapped_key).seal(text) for text in (b"a", b"b")]
    replace(backend)
    key = key_of(backend)
    first, second = (owner_keys.open_envelope(backend, key.id, key.wrapped_key) for _ in range(2))
    renewed = [first.renew(value) for value in sealed]

    assert renewed == [second.renew(value) for value in sealed]
    assert renewed == [second.renew(value) for value in renewed]
    assert 4 == len({*sealed, *renewed})
    assert [b"a", b"b"] == [second.open(value) for value in renewed]
