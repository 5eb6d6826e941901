"""The table of contents of providers leads to modules that exist."""

import pytest

from common.backend import Backend
from common.environments.language.interfaces import WorldError
from common.environments.language.schemas.compile import prepare
from common.environments.providers.base import Access
from common.environments.providers.table import PROVIDERS, ROTATORS, Entry, Providers
from common.rights.caller import Caller


@pytest.fixture
def access(backend: Backend, admin: Caller) -> Access:
    """What providers use for the administrator of acme."""
    return Access(backend, admin, "acme")


class TestTable:
    def test_leads_to_classes_with_schemas(self, access: Access) -> None:
        """Every entry can be made, and tells the schemas of its inputs and results."""
        assert len(PROVIDERS) > 0
        for provider in PROVIDERS:
            assert all(prepare(schema) is not None for schema in provider.make(access).schema())
        for rotator in ROTATORS:
            assert all(prepare(schema) is not None for schema in rotator.make(access).schema())

    def test_names_each_once(self) -> None:
        """No two providers have one name, and each has a description."""
        for names in ([entry.name for entry in PROVIDERS], [entry.name for entry in ROTATORS]):
            assert len(names) == len(set(names))
        descriptions = [entry.description for entry in PROVIDERS] + [entry.description for entry in ROTATORS]
        assert all(text.endswith(".") for text in descriptions)


class TestProviders:
    def test_refuse_unknown_names(self, access: Access) -> None:
        """A name that is not in the table is an error with upstream's text."""
        with pytest.raises(WorldError, match='unknown provider "nope"'):
            Providers(access).load_provider("nope")
        with pytest.raises(WorldError, match='unknown rotator "nope"'):
            Providers(access).load_rotator("nope")

    def test_make_what_a_definition_names(self, access: Access) -> None:
        """A name of the table leads to its provider, for the caller."""
        entry = Entry("other", "Reads stacks.", "pulumi_stacks:PulumiStacks")

        expected = Providers(access).load_provider("pulumi-stacks").schema()
        assert Providers(access, (entry,)).load_provider("other").schema() == expected
