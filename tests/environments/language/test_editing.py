"""Edits of any document: what is written is read back, and everything else stays as it was."""

from copy import deepcopy
from typing import Any

import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from common.environments.language import secrets
from common.environments.language.syntax.decode import decode
from common.environments.language.syntax.node import ArrayNode, BooleanNode, Node, NumberNode, ObjectNode, ScalarNode, StringNode
from common.environments.language.syntax.number import Number
from common.environments.language.write_back import CannotWrite, set_value
from tests.environments.language.documents import LIMITS
from tests.environments.language.providers import Rot128

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), include_characters="\n\t"), max_size=20)
SECRETS = st.builds(lambda text: {"fn::secret": "hush" + text}, TEXTS)
SCALARS = st.one_of(st.booleans(), st.integers(0, 99), TEXTS, SECRETS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3),
        st.dictionaries(st.sampled_from(["a", "b c", "é", "8080", "x-y"]), inner, max_size=3),
    ),
    max_leaves=8,
)
STYLES = st.fixed_dictionaries(
    {
        "default_flow_style": st.sampled_from([True, False, None]),
        "default_style": st.sampled_from([None, None, '"', "'", "|", ">"]),
        "width": st.sampled_from([10, 80, 1000]),
        "indent": st.sampled_from([2, 4]),
        "allow_unicode": st.booleans(),
        "line_break": st.sampled_from(["\n", "\r\n"]),
    }
)


def written(value: Any, style: dict[str, Any], comment: str) -> bytes:
    """Return a document in some style, with a comment after every line that may have one."""
    text: str = yaml.safe_dump({"values": {"v": value}, "description": "d"}, sort_keys=False, **style)
    return (f"# {comment}\n" + text).encode()


def plain(node: Node | None) -> Any:
    """Return what a node says."""
    if isinstance(node, ObjectNode):
        return {key.text: plain(value) for key, value in node.entries}
    if isinstance(node, ArrayNode):
        return [plain(element) for element in node.elements]
    if isinstance(node, BooleanNode | NumberNode):
        return node.value
    return node.text if isinstance(node, StringNode) else node and isinstance(node, ScalarNode) and None


def read(text: bytes) -> Any:
    """Return what a document says."""
    decoded = decode("e", text, LIMITS)
    assert [] == decoded.diagnostics
    return plain(decoded.root)


def in_clear(value: Any) -> list[str]:
    """Return the secrets of a value."""
    if isinstance(value, dict):
        own = [value["fn::secret"]] if list(value) == ["fn::secret"] and isinstance(value["fn::secret"], str) else []
        return own + [secret for member in value.values() for secret in in_clear(member)]
    return [secret for element in value for secret in in_clear(element)] if isinstance(value, list) else []


@given(VALUES, STYLES)
def test_secrets_of_any_document_come_back(value: Any, style: dict[str, Any]) -> None:
    """Encrypted, nothing is left in clear; decrypted, the document says what it said, and no further round changes it."""
    text = written(value, style, "any")
    assume(decode("e", text, LIMITS).diagnostics == [])
    said = read(text)

    stored = secrets.encrypt("e", text, Rot128())

    assert [] == stored.diagnostics
    assert [] == in_clear(read(stored.text))
    clear = secrets.decrypt("e", stored.text, Rot128()).text
    assert said == read(clear)
    assert stored.text == secrets.encrypt("e", clear, Rot128()).text


@given(VALUES, STYLES, st.one_of(st.booleans(), st.integers(0, 99).map(Number), TEXTS, SECRETS))
def test_a_value_is_written_into_any_document(value: Any, style: dict[str, Any], new: Any) -> None:
    """The value is at its path, and everything else is what it was; or the document is refused."""
    text = written({"old": value, "after": [deepcopy(value)]}, style, "any")
    assume(decode("e", text, LIMITS).diagnostics == [])
    for path in (("values", "v", "old"), ("values", "v", "new"), ("values", "v", "after", 0), ("values", "new", "deep")):
        expected = read(text)
        try:
            changed = set_value(text, path, new)
        except CannotWrite:
            continue
        target = expected
        for step in path[:-1]:
            target = target.setdefault(step, {}) if isinstance(target, dict) else target[step]
        target[path[-1]] = new
        assert stringified(expected) == stringified(read(changed))


def stringified(value: Any) -> Any:
    """Return a value in which numbers are texts."""
    if isinstance(value, dict):
        return {name: stringified(member) for name, member in value.items()}
    if isinstance(value, list):
        return [stringified(element) for element in value]
    return value if isinstance(value, bool | None) else str(value)
