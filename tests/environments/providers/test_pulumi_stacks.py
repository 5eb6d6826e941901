"""The provider pulumi-stacks reads outputs with the rights of the caller."""

import json
from typing import Any

import pytest

from common.backend import Backend
from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.projection import to_plain
from common.environments.providers.base import Access
from common.environments.providers.pulumi_stacks import STACKS_LIMIT, PulumiStacks
from common.environments.providers.table import Providers
from common.rights.caller import Caller
from tests.counting import Counter
from tests.factories.people import caller_of, make_user
from tests.factories.stacks import import_state, make_ciphertext, make_stack
from tests.stacks.engine.builders import dump

MARK, SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
CONTEXT = Context({}, "app/dev", "app/dev")


def secret(ciphertext: str) -> dict[str, str]:
    """Return a secret as states write it."""
    return {MARK: SECRET, "ciphertext": ciphertext}


def root(**outputs: Any) -> bytes:
    """Return a state of a stack with these outputs."""
    resource = {"urn": "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev", "custom": False, "type": "pulumi:pulumi:Stack"}
    return dump({"version": 3, "deployment": {"manifest": {}, "resources": [{**resource, "outputs": outputs}]}})


def opened(backend: Backend, caller: Caller, stack: str = "shop/dev") -> EscValue:
    """Return the outputs of one stack."""
    return PulumiStacks(Access(backend, caller, "acme")).open(inputs_of(stack), CONTEXT)


def inputs_of(stack: str) -> dict[str, EscValue]:
    """Return the inputs that name one stack."""
    return {"stacks": EscValue({"shop": EscValue({"stack": EscValue(stack)})})}


class TestOpen:
    def test_returns_outputs_with_their_secrets(self, backend: Backend, admin: Caller) -> None:
        """Numbers keep their text, and secrets are in clear and marked."""
        path = make_stack(backend, admin)
        ciphertext = make_ciphertext(backend, admin, path, json.dumps({"a": [1.50]}).encode())
        import_state(backend, admin, path, root(url="https://example.com", port=1, key=secret(ciphertext)))

        found = opened(backend, admin)

        assert to_plain(found, is_redacted=True) == {"shop": {"url": "https://example.com", "port": "1", "key": "[secret]"}}
        assert to_plain(found, is_redacted=False)["shop"]["key"] == {"a": ["1.5"]}

    def test_returns_nothing_of_a_new_stack(self, backend: Backend, admin: Caller) -> None:
        """A stack without a state has no outputs."""
        make_stack(backend, admin)

        assert to_plain(opened(backend, admin), is_redacted=False) == {"shop": {}}

    @pytest.mark.parametrize("name", ["dev", "acme/shop/dev", "shop/", "/dev", ""])
    def test_needs_project_and_stack(self, backend: Backend, admin: Caller, name: str) -> None:
        """A stack of the organization is named by project and stack."""
        with pytest.raises(WorldError, match="write it as project/stack"):
            opened(backend, admin, name)

    def test_is_with_the_rights_of_the_caller(self, backend: Backend, admin: Caller) -> None:
        """A user who may not know of a stack does not read its outputs."""
        make_stack(backend, admin)
        stranger = caller_of(backend, make_user(backend, "mallory"))

        with pytest.raises(WorldError, match="not found"):
            opened(backend, stranger)

    def test_names_a_secret_of_another_key(self, backend: Backend, admin: Caller) -> None:
        """A ciphertext of another stack does not open, and the message names the stack."""
        path, other = make_stack(backend, admin), make_stack(backend, admin, "prod")
        foreign = make_ciphertext(backend, admin, other, b'"x"')
        import_state(backend, admin, path, root(key=secret(foreign)))

        with pytest.raises(WorldError, match="stack shop/dev: the value cannot be decrypted"):
            opened(backend, admin)

    def test_reads_each_stack_once(self, backend: Backend, admin: Caller, counter: Counter) -> None:
        """Further calls of an evaluation cost no statement, for stacks that exist and for those that do not."""
        make_stack(backend, admin)
        provider = Providers(Access(backend, admin, "acme")).load_provider("pulumi-stacks")
        first = provider.open(inputs_of("shop/dev"), CONTEXT)
        with pytest.raises(WorldError, match="not found"):
            provider.open(inputs_of("shop/none"), CONTEXT)
        counter.reset()

        assert provider.open(inputs_of("shop/dev"), CONTEXT) == first
        with pytest.raises(WorldError, match="not found"):
            provider.open(inputs_of("shop/none"), CONTEXT)
        assert counter.statements == 0

    def test_reads_a_hundred_stacks(self, backend: Backend, admin: Caller) -> None:
        """Calls of one evaluation share the limit, and those of another evaluation have their own."""
        make_stack(backend, admin)
        providers = Providers(Access(backend, admin, "acme"))
        for number in range(STACKS_LIMIT - 1):
            with pytest.raises(WorldError, match="not found"):
                providers.load_provider("pulumi-stacks").open(inputs_of(f"shop/none{number}"), CONTEXT)
        providers.load_provider("pulumi-stacks").open(inputs_of("shop/dev"), CONTEXT)

        with pytest.raises(WorldError, match="at most 100 stacks"):
            providers.load_provider("pulumi-stacks").open(inputs_of("shop/more"), CONTEXT)
        assert to_plain(opened(backend, admin), is_redacted=False) == {"shop": {}}
