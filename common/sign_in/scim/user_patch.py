"""The operations of a PATCH (RFC 7644 3.5.2) on the attributes of a person, as Okta and Entra ID spell them.

Both are taken at their word where they leave the RFC: the names of operations in any case, no path with an object as the
value, members of that object named by paths, a value that replaces one that is not there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from common.sign_in.scim.filters import Operator
from common.sign_in.scim.model import Document, Invalid, ScimType, spelled
from common.sign_in.scim.paths import Path, is_path, parse_path

OPERATIONS_LIMIT = 10_000
_CHANGES_LIMIT = 500
# Of a multi-valued attribute, such as addresses or phone numbers.
_VALUES_LIMIT = 200


class Act(StrEnum):
    """What an operation does."""

    ADD = "add"
    REPLACE = "replace"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; `path` is empty where the value is an object of attributes."""

    act: Act
    path: str
    value: Any = None


def parse_operations(sent: Document) -> list[Operation]:
    """Return the operations of a request; raises Invalid."""
    found = next((value for name, value in sent.items() if name.lower() == "operations"), None)
    if not isinstance(found, list) or not found or len(found) > OPERATIONS_LIMIT:
        raise Invalid(ScimType.INVALID_SYNTAX, f"a PATCH has a list of 1 to {OPERATIONS_LIMIT:,} Operations")
    return [_operation(one) for one in found]


def patched(document: Document, operations: list[Operation]) -> Document:
    """Return a person's attributes after some operations, in their order; the document itself is changed. Raises Invalid."""
    changes = [change for operation in operations for change in _changes(operation)]
    if len(changes) > _CHANGES_LIMIT:
        raise Invalid(ScimType.TOO_MANY, f"a PATCH of a user may change {_CHANGES_LIMIT} attributes")
    for act, path, value in changes:
        _apply(document, act, path, value)
    return document


def _operation(sent: object) -> Operation:
    if not isinstance(sent, dict):
        raise Invalid(ScimType.INVALID_SYNTAX, "each of the Operations is an object")
    act = next((one for one in Act if one == str(sent.get("op", "")).lower()), None)
    if act is None:
        raise Invalid(ScimType.INVALID_SYNTAX, f"an operation is add, replace or remove, not {str(sent.get('op'))[:40]!a}")
    path = sent.get("path") or ""
    if not isinstance(path, str):
        raise Invalid(ScimType.INVALID_PATH, "the path of an operation is a text")
    if not path and act is Act.REMOVE:
        raise Invalid(ScimType.NO_TARGET, "an operation that removes something needs a path")
    value = sent.get("value")
    if not path and not isinstance(value, dict):
        raise Invalid(ScimType.INVALID_VALUE, "without a path, the value of an operation is an object of attributes")
    return Operation(act, path, value)


def _changes(operation: Operation) -> Iterator[tuple[Act, Path, Any]]:
    if operation.path:
        yield operation.act, parse_path(operation.path), operation.value
        return
    for name, value in operation.value.items():
        yield operation.act, parse_path(name) if is_path(name) else Path(spelled(name)), value


def _apply(document: Document, act: Act, path: Path, value: Any) -> None:  # noqa: ANN401 - any JSON
    place = document
    if path.schema:
        name = _key(document, path.schema)
        if not isinstance(document.get(name), dict):
            document[name] = {}
        place = document[name]
    name = _key(place, path.attribute)
    if act is Act.REMOVE or value is None:
        _remove(place, name, path, value)
    elif path.conditions:
        _put_chosen(place, name, path, value)
    elif path.sub:
        _put_part(place, name, path.sub, value)
    else:
        _put(place, name, act, value)


def _remove(place: Document, name: str, path: Path, value: Any) -> None:  # noqa: ANN401 - any JSON
    """Take a value away; what is not there is gone already, as repeats need it."""
    found = place.get(name)
    if path.conditions and isinstance(found, list):
        chosen = _chosen(found, path)
        if not path.sub:
            place[name] = [one for one in found if not any(one is other for other in chosen)]
        else:
            _remove_part(chosen, path.sub)
    elif path.sub:
        _remove_part(found if isinstance(found, list) else [found], path.sub)
    elif isinstance(found, list) and isinstance(value, list) and value:
        place[name] = [one for one in found if one not in value]
    elif not path.conditions:
        place.pop(name, None)


def _remove_part(values: list[Any], part: str) -> None:
    for one in values:
        if isinstance(one, dict):
            one.pop(_key(one, part), None)


def _put_chosen(place: Document, name: str, path: Path, value: Any) -> None:  # noqa: ANN401 - any JSON
    values = _list(place, name)
    chosen = _chosen(values, path)
    if not chosen:
        # Entra ID replaces the address of work of somebody who has none: the filter says what the new one is like.
        made: Document = {one.attribute: one.value for one in path.conditions if one.operator is Operator.EQUAL}
        chosen = [made]
        values.append(made)
        _require_few(values)
    if not path.sub and not isinstance(value, dict):
        raise Invalid(ScimType.INVALID_VALUE, f"a value of {path.attribute} is an object")
    for one in chosen:
        one.update(value if not path.sub else {_key(one, path.sub): value})


def _put_part(place: Document, name: str, part: str, value: Any) -> None:  # noqa: ANN401 - any JSON
    found = place.get(name)
    if isinstance(found, list):
        for one in found:
            if isinstance(one, dict):
                one[_key(one, part)] = value
        return
    if not isinstance(found, dict):
        found = place[name] = {}
    found[_key(found, part)] = value


def _put(place: Document, name: str, act: Act, value: Any) -> None:  # noqa: ANN401 - any JSON
    found = place.get(name)
    if isinstance(found, dict) and isinstance(value, dict):
        found.update({_key(found, part): one for part, one in value.items()})
    elif act is Act.ADD and isinstance(found, list):
        for one in value if isinstance(value, list) else [value]:
            if one not in found:
                found.append(one)
                _require_few(found)
    else:
        place[name] = value


def _chosen(values: list[Any], path: Path) -> list[Document]:
    return [one for one in values if isinstance(one, dict) and _is_chosen(one, path)]


def _is_chosen(one: Document, path: Path) -> bool:
    return all(condition.takes(one.get(_key(one, condition.attribute))) for condition in path.conditions)


def _list(place: Document, name: str) -> list[Any]:
    found = place.get(name)
    if not isinstance(found, list):
        found = place[name] = []
    return found


def _require_few(values: list[Any]) -> None:
    if len(values) > _VALUES_LIMIT:
        raise Invalid(ScimType.TOO_MANY, f"an attribute of a user may have {_VALUES_LIMIT} values")


def _key(place: Document, name: str) -> str:
    """Return the member of that name as it is spelled there, since case does not count."""
    return next((one for one in place if one.lower() == name.lower()), name)
