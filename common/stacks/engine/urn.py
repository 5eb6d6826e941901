"""Parses URNs and provider references as Pulumi's Go code does.

Only rules of text: whether a resource with a URN exists is not known here. Source: state.md A.3, goldens `names.json`.
"""

from dataclasses import dataclass, replace

ROOT_TYPE = "pulumi:pulumi:Stack"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # upstream's token for a value or provider id not known yet
PROVIDER_MODULE = "pulumi:providers"

_PREFIX = "urn:pulumi:"
_PARTS = 4


class UrnError(ValueError):
    """A text that is not a URN or not a provider reference, with upstream's message."""


@dataclass(frozen=True, slots=True)
class Urn:
    """A resource's address: `urn:pulumi:<stack>::<project>::<type chain joined by $>::<name>`."""

    stack: str
    project: str
    qualified_type: str
    name: str

    @property
    def type(self) -> str:
        """The resource's own type: the last of the chain."""
        return self.qualified_type.rpartition("$")[2]

    def __str__(self) -> str:
        return f"{_PREFIX}{self.stack}::{self.project}::{self.qualified_type}::{self.name}"

    def below(self, parent_type: str) -> "Urn":
        """Return the URN of this resource as a child of a parent of that qualified type."""
        return replace(self, qualified_type=f"{parent_type}${self.type}")


def parse(text: str) -> Urn:
    """Return the parts of a URN; raises UrnError. The name may contain `::`."""
    if not text:
        raise UrnError("missing required URN")
    parts = text.removeprefix(_PREFIX).split("::", _PARTS - 1)
    if not text.startswith(_PREFIX) or len(parts) != _PARTS:
        raise UrnError(f'invalid URN "{text}"')
    return Urn(*parts)


def find(text: str) -> Urn | None:
    """Return the parts of a URN, or None for another text."""
    try:
        return parse(text)
    except UrnError:
        return None


def is_provider_type(resource_type: str) -> bool:
    """Tell whether resources of the type are providers: `pulumi:providers:<package>`."""
    return resource_type.startswith(f"{PROVIDER_MODULE}:")


@dataclass(frozen=True, slots=True)
class ProviderReference:
    """The provider of a resource: `<provider URN>::<provider id>`; the id may be empty in old states."""

    urn: str
    identifier: str

    def __str__(self) -> str:
        return f"{self.urn}::{self.identifier}"


def parse_reference(text: str) -> ProviderReference:
    """Return the parts of a provider reference, split at the last `::`; raises UrnError."""
    urn, delimiter, identifier = text.rpartition("::")
    if not delimiter:
        raise UrnError(f"expected '::' in provider reference '{text}'")
    return _reference(urn, identifier)


def reference_to(urn: str, identifier: str) -> ProviderReference:
    """Return the reference to a provider resource; an empty id becomes the unknown one. Raises UrnError."""
    return _reference(urn, identifier or UNKNOWN)


def _reference(urn: str, identifier: str) -> ProviderReference:
    parsed = find(urn)
    if parsed is None:
        raise UrnError(f"{urn} is not a valid URN")
    module = ":".join(parsed.type.split(":")[:2])
    if not is_provider_type(parsed.type):
        raise UrnError(f"invalid module in type: expected '{PROVIDER_MODULE}', got '{module}'")
    return ProviderReference(urn, identifier)
