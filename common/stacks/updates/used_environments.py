"""Reads which environments an update is run with: a text among what its client says of itself. No I/O."""

from collections.abc import Iterator

import msgspec

from common.core.names import NAME_LIMIT_BYTES, is_name
from common.stacks.model import NamedEnvironment

_LIMIT = 256
_LATEST, _DEFAULT_PROJECT = "latest", "default"


class _Named(msgspec.Struct):
    id: str = ""


def read_environments(text: str) -> frozenset[NamedEnvironment]:
    """Return the environments of a JSON list of ids, `[project/]name[@version]`. What names none is left out."""
    if not text:
        return frozenset()
    try:
        named = msgspec.json.decode(text, type=list[_Named])
    except msgspec.DecodeError:
        return frozenset()
    return frozenset(_read(named[:_LIMIT]))


def _read(named: list[_Named]) -> Iterator[NamedEnvironment]:
    for one in named:
        path, _, version = one.id.partition("@")
        project, slash, name = path.partition("/")
        if not slash:
            project, name = _DEFAULT_PROJECT, project
        if is_name(project) and is_name(name) and len(version.encode()) <= NAME_LIMIT_BYTES:
            yield NamedEnvironment(project, name, version or _LATEST)
