"""Repairing states that break a rule of the integrity check."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.stacks.engine import checks, document, repair
from common.stacks.engine.repair import StepKind
from tests.stacks.engine.builders import dump, inner, make_resource, make_state, names, urn
from tests.stacks.engine.goldens import lines, member

PROVIDER: dict[str, Any] = {"urn": urn("p", "pulumi:providers:test"), "custom": True, "id": "1", "type": "pulumi:providers:test"}
# Every one can be mended without a decision.
MENDED: dict[str, tuple[list[dict[str, Any]], list[StepKind]]] = {
    "a parent that does not exist": ([make_resource("a", parent="urn:gone")], [StepKind.DROP_REFERENCE]),
    "dependencies that do not exist": (
        [make_resource("a", dependencies=["urn:gone"], propertyDependencies={"n": ["urn:gone"]}, deletedWith="urn:gone")],
        [StepKind.DROP_REFERENCE],
    ),
    "a dependency on itself": ([make_resource("a", dependencies=[urn("a")])], [StepKind.DROP_REFERENCE]),
    "a later dependency": ([make_resource("a", dependencies=[urn("b")]), make_resource("b")], [StepKind.REORDER]),
    "a later provider": ([make_resource("a", provider=PROVIDER["urn"] + "::1"), PROVIDER], [StepKind.REORDER]),
    "a circle": (
        [make_resource("a", dependencies=[urn("b")]), make_resource("b", dependencies=[urn("a")])],
        [StepKind.REORDER, StepKind.DROP_REFERENCE],
    ),
    "another id of the provider": ([PROVIDER, make_resource("a", provider=PROVIDER["urn"] + "::2")], [StepKind.SET_MEMBER]),
    "no type": ([make_resource("a", type="")], [StepKind.SET_MEMBER]),
    "an entry twice": ([make_resource("a", inputs={}), make_resource("a")], [StepKind.REMOVE_DUPLICATE]),
}
# In each a person has to decide.
EXPLAINED: dict[str, list[dict[str, Any]]] = {
    "no URN": [{"type": "t", "custom": True}],
    "two ids": [make_resource("a", id="1"), make_resource("a", id="2")],
    "a component with an id": [make_resource("a", custom=False)],
    "a provider that does not exist": [make_resource("a", provider=PROVIDER["urn"] + "::1")],
    "an unreadable provider": [make_resource("a", provider="nonsense")],
    "a provider with another URN": [make_resource("a", type="pulumi:providers:test")],
}


@pytest.mark.parametrize("name", MENDED)
def test_mended(name: str) -> None:
    """The plan has the steps, and the result is sound with every resource in it."""
    resources, steps = MENDED[name]
    plan = repair.plan(make_state(*resources))

    assert plan.error is not None
    assert steps == [step.kind for step in plan.steps]
    assert plan.remaining is None
    assert plan.text is not None
    assert checks.verify(plan.text) is None
    assert {item["urn"] for item in resources} == {item.urn for item in document.resources(plan.text)}


@pytest.mark.parametrize("name", EXPLAINED)
def test_explained(name: str) -> None:
    """Nothing is changed, and a step says what to decide."""
    plan = repair.plan(make_state(*EXPLAINED[name]))

    assert [StepKind.EXPLAIN] == [step.kind for step in plan.steps]
    assert plan.text is None
    assert plan.error == plan.remaining


def test_a_sound_state() -> None:
    """It has no steps."""
    assert repair.Plan(None) == repair.plan(make_state(make_resource("a")))


def test_the_newest_of_equal_entries_stays() -> None:
    """It was written last."""
    plan = repair.plan(make_state(make_resource("a", inputs={"n": 1}), make_resource("a", inputs={"n": 2})))

    assert plan.text is not None
    assert [{"n": 2}] == [item["inputs"] for item in inner(plan.text)["resources"]]


def test_resources_that_need_no_move_keep_their_order() -> None:
    """Only what has to be elsewhere is."""
    resources = [make_resource("a"), make_resource("b", dependencies=[urn("d")]), make_resource("c"), make_resource("d")]
    plan = repair.plan(make_state(*resources))

    assert plan.text is not None
    assert ["a", "d", "b", "c"] == names(plan.text)


def test_the_note_of_a_broken_replay_goes() -> None:
    """A repaired state does not say any more that it is broken; other members keep their bytes."""
    state = make_state(make_resource("a", parent="urn:gone"), metadata={"integrity_error": {"error": "x"}, "other": 1.0})
    plan = repair.plan(state.replace(b'"inputs":{"n":"a"}', b'"inputs":{"n":1E5}'))

    assert plan.text is not None
    assert {"other": 1.0} == inner(plan.text)["metadata"]
    assert b'{"n":1E5}' in plan.text


def test_the_checksum_of_the_manifest() -> None:
    """It is set to that of the version."""
    plan = repair.plan(make_state(make_resource("a")).replace(b'"magic":"', b'"magic":"0'))

    assert [StepKind.SET_MEMBER] == [step.kind for step in plan.steps]
    assert plan.remaining is None


class TestComplete:
    def test_every_broken_state_is_mended_or_explained(self) -> None:
        """Each rule of the reference has one."""
        for line in lines("integrity/cases.jsonl"):
            if json.loads(line)["valid"] is True:
                continue
            plan = repair.plan(document.container(member(line, "deployment")))
            is_explained = any(step.kind is StepKind.EXPLAIN for step in plan.steps)
            assert (plan.remaining is None) != is_explained, json.loads(line)["name"]


_NAMES = st.sampled_from(["a", "b", "c", "d", "gone"])


@given(
    st.lists(
        st.builds(
            lambda name, id_, needs, parent, delete: make_resource(
                name, id=id_, dependencies=[urn(other) for other in needs], parent=urn(parent) if parent else "", delete=delete
            ),
            st.sampled_from("abcd"),
            st.sampled_from(["1", "2"]),
            st.lists(_NAMES, max_size=3),
            st.none() | _NAMES,
            st.booleans(),
        ),
        max_size=8,
    )
)
def test_no_resource_is_lost(resources: list[dict[str, Any]]) -> None:
    """Whatever is broken: each (URN, id) is still there, and the result is sound or explained."""
    plan = repair.plan(make_state(*resources))
    if plan.error is None:
        return
    text = plan.text if plan.text is not None else make_state(*resources)
    kept = {(item["urn"], item["id"], item["delete"]) for item in inner(text)["resources"]}

    assert {(item["urn"], item["id"], item["delete"]) for item in resources} == kept
    assert plan.remaining is None or any(step.kind is StepKind.EXPLAIN for step in plan.steps)
    assert plan.remaining == checks.verify(text)
    assert dump(json.loads(text)) == text
