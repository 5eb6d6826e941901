"""`fn::validate` passes its value on, and says where it does not fit. Compared with upstream's evaluator."""

import pytest

from common.environments.language import evaluate
from common.environments.language.limits import Limits
from tests.environments.language.documents import checked, opened, plain, summaries
from tests.environments.language.goldens import Num


def validated(schema: str, value: str) -> list[str]:
    """Return what is wrong with a value."""
    return summaries(opened(f"values:\n  v: {{'fn::validate': {{schema: {schema}, value: {value}}}}}\n").diagnostics)


class TestValidate:
    @pytest.mark.parametrize(
        ("schema", "value", "problems"),
        [
            ("{type: string}", "x", []),
            ("{type: string}", "5", ["expected string, got number"]),
            ("true", "5", []),
            ("false", "5", []),
            ("{const: a}", "b", ['expected "a"']),
            ("{const: 1.0}", "1", []),
            ("{enum: [a, 1]}", "c", ['expected one of ["a",1]']),
            ("{enum: [a]}", "c", ['expected "a"']),
            (
                "{anyOf: [{type: string}, {type: number}]}",
                "true",
                ["expected string, got boolean", "expected number, got boolean", "at least one subschema must match"],
            ),
            ("{oneOf: [{type: string}, {minLength: 1}]}", "x", ["exactly one subschema may match"]),
            ("{multipleOf: 2}", "3", ["expected a multiple of 2"]),
            ("{minimum: 1}", "0", ["expected a number greater than or equal to 1"]),
            ("{exclusiveMinimum: 1}", "1", ["expected a number greater than 1"]),
            ("{maximum: 1}", "2", ["expected a number less than or equal to1"]),
            ("{exclusiveMaximum: 1}", "1", ["expected a number less than 1"]),
            ("{minLength: 3}", "é", ["expected a string of at least length 3"]),
            ("{maxLength: 1}", "é", ["expected a string of at most length 1"]),
            ("{pattern: '^a+$'}", "b", ['string must match the pattern "^a+$"']),
            ("{minItems: 2}", "[1]", ["expected an array with at least 2 items"]),
            ("{maxItems: 0}", "[1]", ["expected an array with at most 0 items"]),
            ("{minProperties: 2}", "{a: 1}", ["expected an object with at least 2 properties"]),
            ("{maxProperties: 0}", "{a: 1}", ["expected an object with at most 0 properties"]),
            ("{type: object, required: [a, b]}", "{a: 1}", ["missing required properties: b"]),
            ("{type: object, dependentRequired: {a: [b]}}", "{a: 1}", ["missing required properties: b"]),
            ("{type: array, items: {type: string}}", "[1, a]", ["expected string, got number"]),
            ("{type: array, prefixItems: [{type: string}], items: false}", "[a, b]", []),
            ("{$ref: '#/$defs/x', $defs: {x: {type: string}}}", "5", ["expected string, got number"]),
        ],
    )
    def test_conditions(self, schema: str, value: str, problems: list[str]) -> None:
        """Each condition has its own text; a schema that accepts nothing fails without one."""
        assert problems == validated(schema, value)

    @pytest.mark.parametrize(
        ("schema", "problem"),
        [
            ("{pattern: '['}", "invalid schema: error parsing regexp: missing closing ]: `[`"),
            ("{pattern: '(?=a)'}", "invalid schema: error parsing regexp: invalid or unsupported Perl syntax: `(?=`"),
            ("{minLength: 1.5}", 'invalid schema: strconv.ParseUint: parsing "1.5": invalid syntax'),
            ("{$ref: '#/$defs/y'}", "invalid schema: unknown subschema #/$defs/y"),
            ("{$ref: 'http://x'}", "invalid schema: only fragment references of the form #/$defs/ref are supported"),
        ],
    )
    def test_a_schema_that_cannot_be_used_is_reported(self, schema: str, problem: str) -> None:
        """The value is passed on unchecked."""
        assert [problem] == validated(schema, "x")

    def test_a_value_that_does_not_fit_is_passed_on(self) -> None:
        """Validation reports, it does not take away."""
        evaluation = opened("values:\n  v: {'fn::validate': {schema: {type: string}, value: [1]}}\n")

        assert {"v": [Num(1)]} == plain(evaluation)

    def test_a_value_that_is_not_known_is_checked_by_its_schema(self) -> None:
        """In a check, the provider's schema says what the value will be."""
        text = (
            "values:\n  o: {'fn::open::schema': {}}\n"
            "  v: {'fn::validate': {schema: {type: object, properties: {number: {type: string}}}, value: '${o}'}}\n"
        )

        assert ["number: expected string, got number"] == summaries(checked(text).diagnostics)

    def test_an_evil_pattern_is_fast(self) -> None:
        """A pattern that would take `re` for ever is matched in time linear to the text."""
        assert ['string must match the pattern "^(a+)+$"'] == validated("{pattern: '^(a+)+$'}", "'" + "a" * 5000 + "!'")

    def test_a_schema_that_refers_to_itself_is_cut_off(self) -> None:
        """A circle of references is a diagnostic, though each round asks twice."""
        loop = "{$ref: '#/$defs/x', $defs: {x: {anyOf: [{$ref: '#/$defs/x'}, {$ref: '#/$defs/x'}]}}}"

        evaluation = opened(f"values:\n  v: {{'fn::validate': {{schema: {loop}, value: x}}}}\n", limits=Limits(values=20_000))

        assert ["the environment is too large to evaluate"] == summaries(evaluation.diagnostics)
        assert evaluation.environment is None

    @pytest.mark.parametrize(
        ("argument", "problem"),
        [
            ("5", "the argument to fn::validate must be an object containing 'schema' and 'value'"),
            ("{schema: true}", "missing required property 'value'"),
            ("{value: 1}", "missing required property 'schema'"),
        ],
    )
    def test_a_call_of_the_wrong_shape_is_reported(self, argument: str, problem: str) -> None:
        """The shape is checked when the definition is loaded."""
        _, diagnostics = evaluate.load("e", f"values:\n  v: {{'fn::validate': {argument}}}\n".encode())

        assert [problem] == summaries(diagnostics)
