"""What is different between two states, case by case: `cases.yaml` says for each what a person is told."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from common.stacks.comparison.model import PropertyDifference, StateDifference
from common.stacks.comparison.properties import PROPERTY_LIMIT
from common.stacks.comparison.resources import compare_states, find_secrets
from common.stacks.engine.document import StoredResource
from tests.stacks.engine.builders import dump

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "cases.yaml").read_text(encoding="utf-8"))
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
TYPE = "test:m:Res"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_compare(case: dict[str, Any]) -> None:
    """Each resource that is different is told once, with each property that is."""
    states = state(case["before"]), state(case["after"], case.get("other", "dev"))
    assert case["differences"] == told(compare_states(*states, case.get("plaintexts", {})))


def test_no_secret_is_told() -> None:
    """Neither a ciphertext nor a plaintext of a secret is in a difference."""
    for case in CASES:
        states = state(case["before"]), state(case["after"], case.get("other", "dev"))
        text = repr(compare_states(*states, case.get("plaintexts", {})))
        assert not any(part in text for part in ("'AA'", "'BB'", "ciphertext", "plaintext"))


def test_only_secrets_of_one_state_are_opened() -> None:
    """What both states have needs no decryption."""
    before = state([{"name": "a", "inputs": {"p": {"secret": "AA"}, "q": {"secret": "CC"}}}])
    after = state([{"name": "a", "inputs": {"p": {"secret": "BB"}, "q": {"secret": "CC"}}}])

    assert ({"AA"}, {"BB"}) == find_secrets(before, after)


def test_many_properties_are_cut() -> None:
    """A resource with more differences than are listed says so."""
    count = PROPERTY_LIMIT + 1
    before = state([{"name": "a", "inputs": {"l": [1] * count}}])
    after = state([{"name": "a", "inputs": {"l": [2] * count}}])
    (item,) = compare_states(before, after).resources

    assert (PROPERTY_LIMIT, True) == (len(item.inputs), item.is_cut)


@pytest.mark.parametrize("levels", [300, 450, 900])
def test_deep_values_are_compared_as_a_whole(levels: int) -> None:
    """A value of hundreds of levels ends the comparison of its parts, not the process."""
    start, end = b'{"urn":"urn:pulumi:dev::shop::t::a","inputs":{"x":' + b"[" * levels, b"]" * levels + b"}}"
    before, after = ([StoredResource("urn:pulumi:dev::shop::t::a", start + digit + end)] for digit in (b"1", b"2"))

    for states in ((before, after), ([], after), (before, [])):
        (item,) = compare_states(*states).resources
        assert 1 == len(item.inputs)


def test_large_states() -> None:
    """Of 5,000 resources the 20 that are different are told."""
    specs = [{"name": f"r{number}", "id": str(number), "inputs": {"n": number}} for number in range(5000)]
    changed = [{**spec, "inputs": {"n": -1}} if place % 250 == 0 else spec for place, spec in enumerate(specs)]
    difference = compare_states(state(specs), state(changed))

    assert (20, 4980) == (len(difference.resources), difference.unchanged)


def state(specs: list[Any], stack: str = "dev") -> list[StoredResource]:
    """Return a state of resources in short form; a name stands for the URN of the resource with that name."""
    return [stored(resource(spec, stack)) for spec in specs]


def stored(members: dict[str, Any]) -> StoredResource:
    """Return a resource as a state has it."""
    return StoredResource(members["urn"], dump(members))


def resource(spec: Any, stack: str) -> dict[str, Any]:
    """Return a resource in full."""
    if spec == "root":
        kind = "pulumi:pulumi:Stack"
        return {"urn": f"urn:pulumi:{stack}::shop::{kind}::shop-{stack}", "type": kind, "custom": False}
    members = {name: value for name, value in spec.items() if name != "name" and value is not None}
    kind = members.setdefault("type", TYPE)
    for name in ("inputs", "outputs"):
        if name in members:
            members[name] = sealed(members[name])
    for name in ("aliases", "dependencies"):
        if name in members:
            members[name] = [urn(item, TYPE, stack) for item in members[name]]
    if "parent" in members:
        root = f"urn:pulumi:{stack}::shop::pulumi:pulumi:Stack::shop-{stack}"
        members["parent"] = root if members["parent"] == "root" else urn(members["parent"], TYPE, stack)
    return {"urn": urn(spec["name"], kind, stack), "custom": True, "id": f"{spec['name']}-id", **members}


def urn(name: str, kind: str, stack: str) -> str:
    """Return the URN of a resource."""
    return f"urn:pulumi:{stack}::shop::{kind}::{name}"


def sealed(value: Any) -> Any:
    """Return values with secrets as states have them."""
    if isinstance(value, dict) and "secret" in value:
        return {**SECRET, "ciphertext": value["secret"]}
    if isinstance(value, dict) and "secret in clear" in value:
        return {**SECRET, "plaintext": value["secret in clear"]}
    if isinstance(value, dict):
        return {name: sealed(part) for name, part in value.items()}
    return value


def told(difference: StateDifference) -> list[str]:
    """Return a comparison as lines: each resource with its properties, then how many are unchanged."""
    lines = []
    for item in difference.resources:
        parts = [f"{item.change} {item.name}"]
        parts += [f"was {item.former_urn.rpartition('::')[2]}"] if item.former_urn else []
        parts += [f"other {' and '.join(item.moves)}"] if item.moves else []
        parts += [f"input {prop(one)}" for one in item.inputs]
        parts += [f"output {prop(one)}" for one in item.outputs]
        parts += [f"member {prop(one)}" for one in item.others]
        lines.append("; ".join(parts))
    return [*lines, f"{difference.unchanged} unchanged"]


def prop(item: PropertyDifference) -> str:
    """Return a property as text."""
    values = {"added": item.after, "removed": item.before, "changed": f"{item.before} to {item.after}"}
    return f"{item.path} {item.change}: {' '.join(values[item.change].split())}"
