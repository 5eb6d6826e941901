"""What changes in a state on its way to another backend, and that nothing else does."""

import json

import pytest

from common.core.compression import pack
from common.installation.moving import states
from common.installation.moving.model import MovingError, StackName
from tests.factories.moving import MARK, NAME, SALT, SERVICE, secret, state_with
from tests.stacks.engine.builders import make_resource, make_state


def test_a_checkpoint_is_the_state_in_another_container() -> None:
    """There and back it is the same text, also with numbers that a parser would spell anew, and with features."""
    plain = make_state(make_resource("a", inputs={"n": 1})).replace(b'"n":1', b'"n":1.0e+02')
    newer = plain.replace(b'{"version":3,', b'{"version":4,"features":["refreshBeforeUpdate"],')

    for text in (plain, newer):
        checkpoint = states.to_checkpoint(text, NAME)
        assert text == states.from_checkpoint(checkpoint, "file")
        assert "organization/shop/dev" == json.loads(checkpoint)["checkpoint"]["stack"]


def test_an_empty_stack_has_no_deployment() -> None:
    """Its checkpoint is what a client writes for a new stack."""
    checkpoint = states.to_checkpoint(None, NAME)

    assert {"version": 3, "checkpoint": {"stack": "organization/shop/dev"}} == json.loads(checkpoint)
    assert states.from_checkpoint(checkpoint, "file") is None


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"version":3}', b'{"checkpoint":{"latest":{}}}'])
def test_what_is_no_checkpoint_is_named(text: bytes) -> None:
    """The message says which file it is."""
    with pytest.raises(MovingError, match=r"^dev\.json "):
        states.from_checkpoint(text, "dev.json")


def test_files_may_be_compressed() -> None:
    """Gzip is read; zstd, which is not, and a damaged file are named."""
    assert b"{}" == states.inflated(pack(b"{}"), "dev.json.gz")
    with pytest.raises(MovingError, match="zstd"):
        states.inflated(b"\x28\xb5\x2f\xfd....", "dev.json.zst")
    with pytest.raises(MovingError, match=r"dev\.json\.gz is damaged"):
        states.inflated(pack(b"{}" * 100)[:-9], "dev.json.gz")


def test_secrets_are_replaced_where_they_are_and_nowhere_else() -> None:
    """Text that looks like a secret inside a value, and a member of that name in other objects, stay."""
    looks_alike = json.dumps(secret("x"))
    text = make_state(
        make_resource("a", inputs={"p": secret("one"), "q": {"ciphertext": "one"}, "r": looks_alike, "n": [secret("two")]}),
        make_resource("b", inputs={"p": {"ciphertext": "one", **MARK}}),
        secrets_providers=SERVICE,
    )
    new = states.translated(text, lambda old: {value: value.upper() for value in old}, "passphrase", {"salt": "s"})
    inputs = [resource["inputs"] for resource in json.loads(new)["deployment"]["resources"]]

    assert ["one", "two"] == states.ciphertexts(text)
    assert {"p": secret("ONE"), "q": {"ciphertext": "one"}, "r": looks_alike, "n": [secret("TWO")]} == inputs[0]
    assert {"p": {"ciphertext": "ONE", **MARK}} == inputs[1]
    assert {"type": "passphrase", "state": {"salt": "s"}} == json.loads(new)["deployment"]["secrets_providers"]


def test_a_secret_in_another_form_is_no_risk() -> None:
    """A state with one is refused, since its secret would stay encrypted by the old key."""
    with pytest.raises(MovingError, match="a secret in a form"):
        states.ciphertexts(make_state(make_resource("a", inputs={"p": {**MARK, "extra": 1, "ciphertext": "one"}})))


def test_the_fingerprint_leaves_the_encryption_out() -> None:
    """It is that of the same state under another provider, and not that of another state."""
    one, other = state_with("one", SERVICE), state_with("two", SALT)

    assert states.fingerprint(one) == states.fingerprint(other)
    assert states.fingerprint(one) != states.fingerprint(state_with("one", SERVICE, size=2))


def test_the_name_is_that_of_the_resources() -> None:
    """A state without resources has none."""
    assert StackName("shop", "dev") == states.find_name(state_with("one", SALT))
    assert states.find_name(make_state()) is None
