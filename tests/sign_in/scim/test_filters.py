"""Filters of lists."""

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.sign_in.scim.filters import Condition, Operator, parse_filter
from common.sign_in.scim.model import InvalidRequest, ScimType

EQUAL, PRESENT = Operator.EQUAL, Operator.PRESENT


class TestParseFilter:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('userName eq "alice@example.com"', (Condition("username", EQUAL, "alice@example.com"),)),
            ('USERNAME EQ "a b"', (Condition("username", EQUAL, "a b"),)),
            ('  externalId  eq  "x\\"y\\u00e9"  ', (Condition("externalid", EQUAL, 'x"yé'),)),
            ("active eq true", (Condition("active", EQUAL, value=True),)),
            ("externalId pr", (Condition("externalid", PRESENT),)),
            (
                'displayName sw "Pla" and externalId pr',
                (
                    Condition("displayname", Operator.STARTS, "Pla"),
                    Condition("externalid", PRESENT),
                ),
            ),
            ('id eq "1" and members eq "2"', (Condition("id", EQUAL, "1"), Condition("members", EQUAL, "2"))),
            ('emails[type eq "work"].value eq "a@example.com"', (Condition("emails.value", EQUAL, "a@example.com"),)),
            ('urn:ietf:params:scim:schemas:core:2.0:User:userName co "a"', (Condition("username", Operator.CONTAINS, "a"),)),
        ],
    )
    def test_reads(self, text: str, expected: tuple[Condition, ...]) -> None:
        """A filter is comparisons joined by `and`; neither the case of words nor a schema before a name counts."""
        assert expected == parse_filter(text)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " ",
            "userName",
            "userName eq",
            'userName ne "a"',
            'userName gt "a"',
            'userName eq "a" or userName eq "b"',
            'not (userName eq "a")',
            '(userName eq "a")',
            'userName eq "a',
            "userName eq a",
            "userName eq 'a'",
            "userName eq 3",
            'userName eq "a" and',
            'and userName eq "a"',
            'userName eq "a" userName eq "b"',
            '"userName" eq "a"',
            'userName eq "\\x"',
            "active co true",
            "active eq null",
            'emails[type eq "work"] eq "a"',
            'userName eq "a"; drop',
            'emails[type eq "work" and primary eq true].value eq "a"',
            'userName eq"a"',
            " and ".join(['a eq "b"'] * 11),
            "x" * 2_001,
        ],
    )
    def test_refuses(self, text: str) -> None:
        """Every other filter is refused, also one that RFC 7644 allows."""
        with pytest.raises(InvalidRequest) as caught:
            parse_filter(text)

        assert ScimType.INVALID_FILTER == caught.value.scim_type

    @given(st.text(max_size=60))
    def test_keeps_any_value(self, value: str) -> None:
        """Any text can be compared with, quoted as JSON quotes it."""
        text = msgspec.json.encode(value.encode("utf-8", "replace").decode()).decode()

        assert (Condition("id", EQUAL, msgspec.json.decode(text)),) == parse_filter(f"id eq {text}")

    @given(st.text(alphabet='aeq ndpr"\\[].:()\x00é', max_size=40))
    def test_never_breaks(self, text: str) -> None:
        """Any text is a filter or refused."""
        with suppress(InvalidRequest):
            assert parse_filter(text)


class TestCondition:
    @pytest.mark.parametrize(
        ("condition", "value", "expected"),
        [
            (Condition("type", EQUAL, "Work"), "work", True),
            (Condition("type", EQUAL, "work"), 3, False),
            (Condition("primary", EQUAL, value=True), "True", True),
            (Condition("primary", EQUAL, value=True), False, False),
            (Condition("value", Operator.CONTAINS, "LIC"), "alice", True),
            (Condition("value", Operator.STARTS, "li"), "alice", False),
            (Condition("value", PRESENT), [], False),
            (Condition("value", PRESENT), 0, True),
        ],
    )
    def test_matches(self, condition: Condition, value: object, *, expected: bool) -> None:
        """Inside a path a condition compares JSON values; booleans may be texts, and case does not count."""
        assert expected is condition.matches(value)
