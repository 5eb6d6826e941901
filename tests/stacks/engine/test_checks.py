import json
from typing import Any

import pytest

from common.stacks.engine import checks
from tests.stacks.engine.builders import make_resource, make_state, urn
from tests.stacks.engine.goldens import lines, member

PROVIDER: dict[str, Any] = {"urn": urn("p", "pulumi:providers:test"), "custom": True, "id": "1", "type": "pulumi:providers:test"}


class TestVerify:
    @pytest.mark.parametrize(
        "resources",
        [
            [],
            [make_resource("a"), make_resource("b", dependencies=[urn("a")])],
            [make_resource("a", delete=True), make_resource("a", delete=True), make_resource("a")],
            [PROVIDER, make_resource("a", provider=PROVIDER["urn"] + "::1")],
            [make_resource("a", provider=PROVIDER["urn"] + "::2", pendingReplacement=True)],
            [make_resource("a", replaceWith=["urn:gone"], viewOf="urn:gone")],
        ],
    )
    def test_sound_states(self, resources: list[dict[str, Any]]) -> None:
        """A state is valid if all its references are to earlier resources."""
        assert checks.verify(make_state(*resources)) is None

    @pytest.mark.parametrize(
        ("resources", "message"),
        [
            ([{"type": "t"}], "resource at index 0 missing required 'urn' field"),
            ([{"urn": "u"}], "resource 'u' missing required 'type' field"),
            ([{"urn": "u", "type": "t", "id": "x"}], "resource 'u' has 'custom false but non-empty ID"),
            ([make_resource("a", parent=urn("a"))], f"child resource {urn('a')} refers to missing parent {urn('a')}"),
            (
                [make_resource("a", dependencies=[urn("b")]), make_resource("b")],
                f"resource {urn('a')}'s dependency {urn('b')} comes after it",
            ),
            (
                [make_resource("a", propertyDependencies={"x": None, "y": [urn("b")]})],
                f"resource {urn('a')} refers to missing property dependency {urn('b')}",
            ),
            (
                [make_resource("a", deletedWith=urn("b")), make_resource("b")],
                f"resource {urn('a')} is specified as being deleted with {urn('b')}, which comes after it",
            ),
            (
                [PROVIDER, make_resource("a", provider=PROVIDER["urn"] + "::")],
                f"resource {urn('a')} refers to unknown provider {PROVIDER['urn']}::",
            ),
            ([make_resource("b"), *[make_resource("a")] * 2], f"duplicate resource {urn('a')} (not marked for deletion)"),
        ],
    )
    def test_first_error_has_the_words_of_the_engine(self, resources: list[dict[str, Any]], message: str) -> None:
        """An unsound state gets the message that the engine itself would print."""
        assert message == checks.verify(make_state(*resources))

    def test_foreign_magic(self) -> None:
        """A magic that does not belong to the version is taken for tampering."""
        text = make_state().replace(b'"version":"v3.274.1"', b'"version":"v3.1.0"')

        assert "magic cookie mismatch: possible tampering/corruption detected" == checks.verify(text)

    def test_snippets_need_distinct_ids(self) -> None:
        """A snippet's uuid must be there and must not repeat."""
        one, none = {"uuid": "1"}, {"name": "x"}

        assert 'duplicate snippet uuid "1" at indexes 0 and 1' == checks.verify(make_state(snippets=[one, one]))
        assert "snippet at index 1 missing required 'uuid' field" == checks.verify(make_state(snippets=[one, none]))

    def test_every_golden(self) -> None:
        """Every golden state gets the reference's message, or any where the reference crashes."""
        for line in lines("integrity/cases.jsonl"):
            case = json.loads(line)

            found = checks.verify(b'{"version":3,"deployment":' + member(line, "deployment") + b"}")

            if case.get("panic"):
                assert found is not None, case["name"]
            else:
                assert case.get("error") == found, case["name"]
