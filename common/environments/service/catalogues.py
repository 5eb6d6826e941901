"""Use cases that list providers and rotators, with the schemas of what they take and give."""

from dataclasses import dataclass

import msgspec

from common.backend import Backend
from common.core.errors import NotFound
from common.environments.language.builtins import table as builtins
from common.environments.language.schemas.schema import STRING, AnySchema, Schema, record_of
from common.environments.model import EnvironmentPath
from common.environments.providers.base import Access
from common.environments.providers.table import PROVIDERS, ROTATORS, find
from common.environments.service import listing
from common.rights.caller import Caller

_ENVIRONMENTS_LIMIT = 500


@dataclass(frozen=True, slots=True)
class ListedProvider:
    """A provider or a rotator with its schemas."""

    name: str
    description: str
    inputs: AnySchema
    outputs: AnySchema


class Described(msgspec.Struct):
    """A provider or a rotator with the schema of its inputs."""

    name: str
    description: str
    inputs: AnySchema


class Catalogue(msgspec.Struct):
    """What definitions may use: built-in functions, providers, rotators and other environments."""

    functions: list[str]
    providers: list[Described]
    rotators: list[Described]
    environments: list[str]


def list_providers(_caller: Caller) -> list[str]:
    """Return the names of the providers."""
    # What there is to open is the same for everyone; the catalogues are for every user who is signed in.
    return sorted(entry.name for entry in PROVIDERS)


def list_rotators(_caller: Caller) -> list[str]:
    """Return the names of the rotators."""
    return sorted(entry.name for entry in ROTATORS)


def get_provider(backend: Backend, caller: Caller, name: str) -> ListedProvider:
    """Return a provider with its schemas; NotFound for an unknown name."""
    entry = find(PROVIDERS, name)
    if entry is None:
        raise NotFound(f"provider {name[:100]!a} not found")
    inputs, outputs = entry.make(Access(backend, caller, caller.home)).schema()
    return ListedProvider(entry.name, entry.description, inputs, outputs)


def get_rotator(backend: Backend, caller: Caller, name: str) -> ListedProvider:
    """Return a rotator with its schemas; NotFound for an unknown name. Its inputs are shown with its state (esc.md 3.3)."""
    entry = find(ROTATORS, name)
    if entry is None:
        raise NotFound(f"rotator {name[:100]!a} not found")
    inputs, state, outputs = entry.make(Access(backend, caller, caller.home)).schema()
    shown = Schema("object", properties={"inputs": inputs, "state": state}, required=("inputs",))
    return ListedProvider(entry.name, entry.description, shown, outputs)


def get_catalogue(backend: Backend, caller: Caller, path: EnvironmentPath) -> Catalogue:
    """Return what an editor offers for an environment; `environments` are the first of those that the caller can see."""
    access = Access(backend, caller, path.org)
    page = listing.page_environments(backend, caller, path.org, None, _ENVIRONMENTS_LIMIT)
    names = [row.path.in_org for row in page.environments if row.path != path]
    return Catalogue(
        functions=list(builtins.names()),
        providers=[Described(entry.name, entry.description, entry.make(access).schema()[0]) for entry in PROVIDERS],
        rotators=[Described(entry.name, entry.description, entry.make(access).schema()[0]) for entry in ROTATORS],
        environments=names,
    )


def context_schema(_caller: Caller) -> AnySchema:
    """Return the schema of `context`, the members of which are all strings (esc.md 1.4)."""
    name = record_of({"name": STRING})
    pulumi = record_of(
        {
            "user": record_of({"login": STRING}),
            "organization": record_of({"login": STRING}),
            "token": record_of({"type": STRING, "team": STRING, "name": STRING}),
            "openDuration": STRING,
        }
    )
    return record_of({"currentEnvironment": name, "rootEnvironment": name, "pulumi": pulumi})
