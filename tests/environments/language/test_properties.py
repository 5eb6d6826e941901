"""What holds for every text: an evaluation answers with values or diagnostics, and an open refines a check."""

import string
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from common.environments.language import evaluate
from common.environments.language.environment import to_wire
from common.environments.language.evaluate import Evaluation
from common.environments.language.limits import Limits
from tests.environments.language.documents import plain
from tests.environments.language.providers import Rot128, world

LIMITS = Limits(values=20_000, text_bytes=100_000, result_bytes=2_000_000)
FILES: dict[str, str | bytes] = {
    "one": "values: {a: 1, b: {c: [x]}, o: {'fn::open::test': {k: v}}}",
    "two": "imports: [one]\nvalues: {a: {'fn::final': 2}, b: {d: 3}}",
    "loop": "imports: [loop, root]\nvalues: {z: 1}",
}
NAMES = st.sampled_from(["a", "b", "c", "o", "x-y", "é"])
ACCESSES = st.builds(
    lambda root, steps: "${" + root + "".join(steps) + "}",
    st.sampled_from(["a", "b", "c", "o", "imports.one", "context", "environments.p.q", "nope"]),
    st.lists(st.sampled_from([".a", ".b", ".c", ".k", "[0]", '["x-y"]', "[", ".."]), max_size=3),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.text(string.printable, max_size=8),
    ACCESSES,
    st.builds(lambda before, access: f"{before} {access}", st.text("ab $", max_size=3), ACCESSES),
)
FUNCTIONS = st.sampled_from(
    [
        *("concat", "final", "fromBase64", "fromJSON", "join", "open::test", "open::schema", "open::secret-wrapper", "open"),
        *("rotate::swap", "rotate::echo", "secret", "split", "toBase64", "toJSON", "toString", "toYAML", "validate", "nope"),
    ]
)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return lists, objects and calls."""
    return st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(NAMES, inner, max_size=3),
        st.builds(lambda name, argument: {f"fn::{name}": argument}, FUNCTIONS, inner),
        st.builds(lambda schema, value: {"fn::validate": {"schema": schema, "value": value}}, inner, inner),
        st.builds(lambda inputs, state: {"fn::rotate::swap": {"inputs": inputs, "state": state}}, inner, inner),
    )


DOCUMENTS = st.fixed_dictionaries(
    {"values": st.dictionaries(NAMES, st.recursive(SCALARS, containers, max_leaves=12), min_size=1, max_size=5)},
    optional={"imports": st.lists(st.sampled_from(["one", "two", "loop", "missing"]), max_size=3)},
)


def evaluated(text: bytes) -> tuple[Evaluation, Evaluation, Evaluation]:
    """Return a check, an open and a rotation of a text."""
    definition, diagnostics = evaluate.load("root", text, LIMITS)
    assert definition is not None or diagnostics
    return (
        evaluate.check(definition, world(FILES), Rot128(), limits=LIMITS),
        evaluate.open_environment(definition, world(FILES), Rot128(), limits=LIMITS),
        evaluate.rotate(definition, world(FILES), Rot128(), limits=LIMITS),
    )


@given(st.one_of(st.binary(max_size=80), st.text("ab:-[]{}'\"\\|>&*!#%@`$?,\n .01é\ufeff\x85", max_size=60).map(str.encode)))
def test_any_bytes_are_answered(text: bytes) -> None:
    """Whatever is sent, the answer is an environment or diagnostics, and can be written as JSON."""
    for evaluation in evaluated(text):
        to_wire(evaluation.environment)
        to_wire(evaluation.diagnostics)


@given(DOCUMENTS)
def test_any_document_is_answered(document: dict[str, Any]) -> None:
    """Documents that are nearly right reach further: into references, imports, calls and schemas."""
    for evaluation in evaluated(to_wire(document)):
        to_wire(evaluation.environment)
        to_wire(evaluation.diagnostics)


@given(DOCUMENTS)
def test_what_a_check_knows_is_what_an_open_gives(document: dict[str, Any]) -> None:
    """A check may leave values unknown; it never says anything else than an open will."""
    checked, opened, _ = evaluated(to_wire(document))

    if checked.environment is not None and opened.environment is not None:
        assert_refined(plain(checked), plain(opened))


def assert_refined(checked: Any, opened: Any) -> None:
    """Fail where both are known and differ."""
    if isinstance(checked, dict) and isinstance(opened, dict):
        for name in checked.keys() & opened.keys():
            assert_refined(checked[name], opened[name])
    elif isinstance(checked, list) and isinstance(opened, list) and len(checked) == len(opened):
        for one, other in zip(checked, opened, strict=True):
            assert_refined(one, other)
    else:
        assert checked == opened or "[unknown]" in (checked, opened)


@given(DOCUMENTS)
def test_the_same_document_gives_the_same_answer(document: dict[str, Any]) -> None:
    """Evaluation has no memory: a definition may be evaluated again and again."""
    text = to_wire(document)
    definition, _ = evaluate.load("root", text, LIMITS)
    first = evaluate.open_environment(definition, world(FILES), Rot128(), limits=LIMITS)

    again = evaluate.open_environment(definition, world(FILES), Rot128(), limits=LIMITS)

    assert to_wire(first.environment) == to_wire(again.environment)
    assert first.diagnostics == again.diagnostics
