"""References: what they find, and how each fault is reported. Compared with upstream's evaluator."""

import pytest

from tests.environments.language.documents import checked, opened, plain, shown, summaries, value_of
from tests.environments.language.goldens import Num

OBJECT = "values:\n  o: {name: 1, list: [a, {x: y}], s: {'fn::secret': z}}\n"


class TestAccess:
    @pytest.mark.parametrize(
        ("access", "value"),
        [
            ("o.name", Num(1)),
            ('o["list"][1].x', "y"),
            ("o.list", ["a", {"x": "y"}]),
            ("context.currentEnvironment.name", "app/dev"),
            ("context.rootEnvironment.name", "app/dev"),
            ("context.pulumi.user.id", "USER_123"),
            ("imports.base.b", "from base"),
            ("environments.p.e.v", "elsewhere"),
        ],
    )
    def test_a_reference_finds_a_value(self, access: str, value: object) -> None:
        """It keeps its type: in own values, in imports by name, in other environments, and in the context."""
        text = f"imports:\n  - base: {{merge: false}}\n{OBJECT}  v: ${{{access}}}\n"

        assert value == value_of(text, {"base": "values: {b: from base}", "p/e": "values: {v: elsewhere}"})

    @pytest.mark.parametrize(
        ("access", "problem"),
        [
            ("o.nam", 'unknown property "nam"; did you mean "name"?'),
            ("o.zzzzzz", 'unknown property "zzzzzz"'),
            ("o.list.x", "cannot access an array element using a property name"),
            ("o.list[-1]", "array indices must not be negative"),
            ("o.list[3]", "array index 3 out-of-bounds for array of length 2"),
            ("o[0]", "cannot access an object property using an integer index"),
            ("o.name.x", "receiver must be an array or an object"),
            ("environments.p.missing.v", 'environment "p/missing" not found'),
        ],
    )
    def test_a_fault_makes_the_reference_unknown(self, access: str, problem: str) -> None:
        """The author is told, and the rest of the environment is evaluated."""
        evaluation = opened(f"{OBJECT}  v: ${{{access}}}\n  w: 1\n")

        assert [problem] == summaries(evaluation.diagnostics)
        assert {"v": "[unknown]", "w": Num(1)} == {name: plain(evaluation)[name] for name in ("v", "w")}

    def test_a_fault_is_reported_on_its_step(self) -> None:
        """The range covers the name that is wrong."""
        assert ['values.v 3:9-13[72-76] unknown property "nme"; did you mean "name"?'] == shown(
            opened(f"{OBJECT}  v: ${{o.nme}}\n").diagnostics
        )

    def test_members_of_one_object_refer_to_each_other(self) -> None:
        """What is written out is stepped into, not evaluated."""
        assert {"a": "x", "b": "x!"} == value_of("values:\n  v: {a: x, b: '${v.a}!'}\n")

    def test_a_reference_is_bound_where_it_is_written(self) -> None:
        """Who imports an environment does not change what its references mean."""
        assert "theirs" == value_of("imports: [base]\nvalues: {name: ours}\n", {"base": "values: {name: theirs, v: '${name}'}"})

    def test_into_what_is_not_known_the_schema_shows_the_way(self) -> None:
        """During a check, each step is checked against what the provider will return."""
        text = "values:\n  o: {'fn::open::schema': {}}\n  v: ${o.record.foo}\n  w: ${o.string.foo}\n"

        evaluation = checked(text)

        assert ["receiver must be an array or an object"] == summaries(evaluation.diagnostics)
        assert "[unknown]" == plain(evaluation)["v"]

    @pytest.mark.parametrize(
        ("values", "path"),
        [("a: ${b}\n  b: ${a}", "a"), ("a: {b: '${a}'}", "a"), ("a: ['${a[0]}']", "a[0]"), ("a: x${a}", "a")],
    )
    def test_a_circle_is_reported(self, values: str, path: str) -> None:
        """Each value of the circle is unknown, and the evaluation ends."""
        assert f"cyclic reference to {path}" in summaries(opened(f"values:\n  {values}\n").diagnostics)
