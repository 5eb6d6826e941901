"""What a container means to a client, for comparing ours with one that went through Go's types.

Times, the order of pending operations, and absent versus empty optional members do not count. The order of resources and
everything inside their inputs and outputs do.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any

INTEGRITY_ERROR = "integrity_error"

_EMPTY: tuple[Any, ...] = (None, "", [], {}, False)
_SURROGATE = re.compile("[\ud800-\udfff]")
_TIME = re.compile(r"(.*?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$")
# Members that Go's types know, state.md A.3; the reference drops all others.
_KNOWN_OF_RESOURCES = frozenset(
    "urn custom type delete id inputs outputs parent protect taint external dependencies initErrors provider "
    "propertyDependencies pendingReplacement additionalSecretOutputs aliases customTimeouts importID retainOnDelete "
    "deletedWith replaceWith created modified sourcePosition stackTrace ignoreChanges hideDiff replaceOnChanges "
    "replacementTrigger refreshBeforeUpdate viewOf resourceHooks extensionRef snippetID".split(),
)


def meaning(container: bytes) -> dict[str, Any]:
    """Return the container reduced to what a client can tell apart; numbers as Go's float64."""
    whole = _plain(json.loads(container, parse_int=float))
    inner = whole["deployment"]
    operations = [
        {"resource": resource_meaning(one["resource"]), "type": one["type"]} for one in inner.get("pending_operations") or []
    ]
    return {
        "version": whole["version"],
        "features": sorted(whole.get("features") or []),
        "manifest": {name: inner["manifest"][name] for name in ("version", "magic")},
        "resources": [resource_meaning(one) for one in inner.get("resources") or []],
        "pending_operations": sorted(operations, key=lambda one: json.dumps(one, sort_keys=True)),
        "metadata": {k: v for k, v in (inner.get("metadata") or {}).items() if k != INTEGRITY_ERROR},
        **{name: inner.get(name) or None for name in ("secrets_providers", "snippets", "extensions")},
    }


def integrity_error(container: bytes) -> str | None:
    """Return the error that the container's metadata records."""
    found = (json.loads(container)["deployment"].get("metadata") or {}).get(INTEGRITY_ERROR)
    return None if found is None else found["error"]


def resource_meaning(resource: dict[str, Any]) -> dict[str, Any]:
    """Return the members of a resource that mean something to a client."""
    kept = {
        name: value
        for name, value in resource.items()
        if name in _KNOWN_OF_RESOURCES and (name == "custom" or value not in _EMPTY)
    }
    for name in ("created", "modified"):
        if name in kept:
            kept[name] = _instant(kept[name])
    if "propertyDependencies" in kept:
        kept["propertyDependencies"] = {key: listed or [] for key, listed in kept["propertyDependencies"].items()}
    return kept


def _instant(text: str) -> str:
    match = _TIME.fullmatch(text)
    if match is None:
        return text
    whole = datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00")).astimezone(UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{(match[2] or '').ljust(9, '0')}Z"


def _plain(value: Any) -> Any:
    """Replace lone surrogates, as Go does."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {_plain(name): _plain(one) for name, one in value.items()}
    return value
