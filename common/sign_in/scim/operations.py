"""The operations of a PATCH (RFC 7644 3.5.2), as Okta and Entra ID write them: the case of `op` does not count. No I/O."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from common.sign_in.scim.model import Document, InvalidRequest, ScimType

OPERATIONS_LIMIT = 10_000


class Op(StrEnum):
    """What an operation does."""

    ADD = "add"
    REPLACE = "replace"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; `path` is empty where the value is an object of attributes."""

    op: Op
    path: str
    value: Any = None


def parse_operations(document: Document) -> list[Operation]:
    """Return the operations of a request; raises InvalidRequest."""
    operations = next((value for name, value in document.items() if name.lower() == "operations"), None)
    if not isinstance(operations, list) or not operations or len(operations) > OPERATIONS_LIMIT:
        raise InvalidRequest(ScimType.INVALID_SYNTAX, f"a PATCH must have a list of 1 to {OPERATIONS_LIMIT:,} Operations")
    return [_operation(operation) for operation in operations]


def _operation(value: object) -> Operation:
    if not isinstance(value, dict):
        raise InvalidRequest(ScimType.INVALID_SYNTAX, "each of the Operations must be an object")
    op = next((op for op in Op if op == str(value.get("op", "")).lower()), None)
    if op is None:
        raise InvalidRequest(ScimType.INVALID_SYNTAX, f"op must be add, replace or remove, not {str(value.get('op'))[:40]!a}")
    path = value.get("path") or ""
    if not isinstance(path, str):
        raise InvalidRequest(ScimType.INVALID_PATH, "the path of an operation must be a string")
    if not path and op is Op.REMOVE:
        raise InvalidRequest(ScimType.NO_TARGET, "a remove operation needs a path")
    new_value = value.get("value")
    if not path and not isinstance(new_value, dict):
        raise InvalidRequest(ScimType.INVALID_VALUE, "without a path, the value of an operation must be an object of attributes")
    return Operation(op, path, new_value)
