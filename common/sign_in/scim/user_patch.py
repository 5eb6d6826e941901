"""Applies the operations of a PATCH (RFC 7644 3.5.2) to a user's attributes. No I/O.

Okta and Entra ID leave the RFC in some places, and are understood: an object of attributes in place of a path, attributes of
that object that are paths, and a replace of a value that does not exist yet.
"""

from collections.abc import Iterator
from typing import Any

from common.sign_in.scim.documents import canonical_name
from common.sign_in.scim.filters import Operator
from common.sign_in.scim.model import Document, InvalidRequest, ScimType
from common.sign_in.scim.operations import Op, Operation
from common.sign_in.scim.paths import Path, is_path, parse_path

_CHANGES_LIMIT = 500
# Of a multi-valued attribute, such as addresses or phone numbers.
_VALUES_LIMIT = 200


def apply_operations(document: Document, operations: list[Operation]) -> Document:
    """Apply operations in their order to a user's document, which is changed, and return it; raises InvalidRequest."""
    changes = [change for operation in operations for change in _changes(operation)]
    if len(changes) > _CHANGES_LIMIT:
        raise InvalidRequest(ScimType.TOO_MANY, f"a PATCH of a user may change {_CHANGES_LIMIT} attributes")
    for op, path, value in changes:
        _apply(document, op, path, value)
    return document


def _changes(operation: Operation) -> Iterator[tuple[Op, Path, Any]]:
    if operation.path:
        yield operation.op, parse_path(operation.path), operation.value
        return
    for name, value in operation.value.items():
        yield operation.op, parse_path(name) if is_path(name) else Path(canonical_name(name)), value


def _apply(document: Document, op: Op, path: Path, value: Any) -> None:  # noqa: ANN401 - any JSON
    parent = document
    if path.schema:
        extension = _key(document, path.schema)
        if not isinstance(document.get(extension), dict):
            document[extension] = {}
        parent = document[extension]
    name = _key(parent, path.attribute)
    if op is Op.REMOVE or value is None:
        _remove(parent, name, path, value)
    elif path.conditions:
        _set_matching(parent, name, path, value)
    elif path.sub:
        _set_part(parent, name, path.sub, value)
    else:
        _set(parent, name, op, value)


def _remove(parent: Document, name: str, path: Path, value: Any) -> None:  # noqa: ANN401 - any JSON
    """Remove a value; one that does not exist is no error, since directories repeat requests."""
    old = parent.get(name)
    if path.conditions and isinstance(old, list):
        matching = _matching(old, path)
        if not path.sub:
            parent[name] = [entry for entry in old if not any(entry is match for match in matching)]
        else:
            _remove_part(matching, path.sub)
    elif path.sub:
        _remove_part(old if isinstance(old, list) else [old], path.sub)
    elif isinstance(old, list) and isinstance(value, list) and value:
        parent[name] = [entry for entry in old if entry not in value]
    elif not path.conditions:
        parent.pop(name, None)


def _remove_part(entries: list[Any], part: str) -> None:
    for entry in entries:
        if isinstance(entry, dict):
            entry.pop(_key(entry, part), None)


def _set_matching(parent: Document, name: str, path: Path, value: Any) -> None:  # noqa: ANN401 - any JSON
    entries = _list(parent, name)
    matching = _matching(entries, path)
    if not matching:
        # Entra ID replaces the work address of a user who has none: the filter describes the new value.
        entry: Document = {
            condition.attribute: condition.value for condition in path.conditions if condition.operator is Operator.EQUAL
        }
        matching = [entry]
        entries.append(entry)
        _require_few(entries)
    if not path.sub and not isinstance(value, dict):
        raise InvalidRequest(ScimType.INVALID_VALUE, f"a value of {path.attribute} must be an object")
    for entry in matching:
        entry.update(value if not path.sub else {_key(entry, path.sub): value})


def _set_part(parent: Document, name: str, part: str, value: Any) -> None:  # noqa: ANN401 - any JSON
    old = parent.get(name)
    if isinstance(old, list):
        for entry in old:
            if isinstance(entry, dict):
                entry[_key(entry, part)] = value
        return
    if not isinstance(old, dict):
        old = parent[name] = {}
    old[_key(old, part)] = value


def _set(parent: Document, name: str, op: Op, value: Any) -> None:  # noqa: ANN401 - any JSON
    old = parent.get(name)
    if isinstance(old, dict) and isinstance(value, dict):
        old.update({_key(old, part): part_value for part, part_value in value.items()})
    elif op is Op.ADD and isinstance(old, list):
        for entry in value if isinstance(value, list) else [value]:
            if entry not in old:
                old.append(entry)
                _require_few(old)
    else:
        parent[name] = value


def _matching(entries: list[Any], path: Path) -> list[Document]:
    return [entry for entry in entries if isinstance(entry, dict) and _matches(entry, path)]


def _matches(entry: Document, path: Path) -> bool:
    return all(condition.matches(entry.get(_key(entry, condition.attribute))) for condition in path.conditions)


def _list(parent: Document, name: str) -> list[Any]:
    entries = parent.get(name)
    if not isinstance(entries, list):
        entries = parent[name] = []
    return entries


def _require_few(entries: list[Any]) -> None:
    if len(entries) > _VALUES_LIMIT:
        raise InvalidRequest(ScimType.TOO_MANY, f"an attribute of a user may have at most {_VALUES_LIMIT} values")


def _key(document: Document, name: str) -> str:
    """Return the key of an attribute as the document writes it, since case does not count."""
    return next((key for key in document if key.lower() == name.lower()), name)
