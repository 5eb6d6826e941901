"""Which features of the deployment schema a state needs, so that clients too old for them refuse to read it.

Source: pkg/resource/stack/deployment.go at v3.274.1, state.md 5.5.
"""

from collections.abc import Iterable

from common.stacks.engine.resource import Head

BYTE_STRING = "byteString"
SNIPPETS = "snippets-prototype"

_OF_RESOURCES = {
    "refreshBeforeUpdate": "refresh_before_update",
    "views": "view_of",
    "hooks": "resource_hooks",
    "taint": "taint",
    "replaceWith": "replace_with",
    "extensionParameterization": "extension_ref",
    SNIPPETS: "snippet_id",
}


def needed_by(heads: Iterable[Head]) -> set[str]:
    """Return the features that members of the resources need."""
    needed: set[str] = set()
    for head in heads:
        needed.update(feature for feature, member in _OF_RESOURCES.items() if getattr(head, member))
    return needed


def not_recognizable(features: Iterable[str]) -> set[str]:
    """Return those features that no member shows: byte strings are inside ciphertexts, and newer features are unknown here."""
    return set(features) - _OF_RESOURCES.keys()
