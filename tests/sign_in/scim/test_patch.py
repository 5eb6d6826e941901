"""Operations change a user's attributes and a group."""

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.core.errors import BackendError
from common.sign_in.scim.documents import parse_user
from common.sign_in.scim.group_patch import group_change
from common.sign_in.scim.model import InvalidRequest, ScimType
from common.sign_in.scim.operations import parse_operations
from common.sign_in.scim.paths import parse_path
from common.sign_in.scim.user_patch import apply_operations
from tests.sign_in.scim.directory_client import ENTERPRISE, USER

ALICE: dict[str, Any] = {
    "userName": "alice",
    "name": {"givenName": "Alice"},
    "active": True,
    "emails": [{"type": "work", "value": "a@example.com", "primary": True}, {"type": "home", "value": "h@example.com"}],
}
WORK = 'emails[type eq "work"]'
NAMES = st.sampled_from(
    [
        "userName",
        "name",
        "emails",
        "active",
        "name.givenName",
        "emails.value",
        WORK,
        f"{WORK}.value",
        ENTERPRISE,
        f"{ENTERPRISE}:x",
    ],
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.text(max_size=3),
    lambda part: st.lists(part, max_size=2) | st.dictionaries(NAMES, part, max_size=2),
    max_leaves=6,
)


def patch(*operations: dict[str, Any], start: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return Alice's attributes after some operations."""
    return apply_operations(copy.deepcopy(ALICE if start is None else start), parse_operations({"Operations": list(operations)}))


class TestApplyOperations:
    @pytest.mark.parametrize(
        "operation",
        [
            {"op": "replace", "value": {"active": False}},
            {"op": "Replace", "path": "active", "value": "False"},
            {"op": "REPLACE", "path": "Active", "value": False},
            {"op": "Add", "path": "active", "value": "false"},
            {"op": "replace", "path": f"{USER}:active", "value": False},
            {"op": "replace", "value": {f"{USER}:active": "False"}},
            {"op": "replace", "value": {"ACTIVE": False}},
        ],
    )
    def test_deactivates_in_every_spelling(self, operation: dict[str, Any]) -> None:
        """Every form in which a directory sends `active` deactivates the user."""
        assert parse_user(patch(operation)).active is False

    @pytest.mark.parametrize(
        ("operation", "attribute", "expected"),
        [
            ({"op": "Replace", "path": "name.givenName", "value": "Ann"}, "name", {"givenName": "Ann"}),
            ({"op": "add", "path": "name", "value": {"familyName": "Doe"}}, "name", {"givenName": "Alice", "familyName": "Doe"}),
            ({"op": "add", "value": {"name.familyName": "Doe"}}, "name", {"givenName": "Alice", "familyName": "Doe"}),
            ({"op": "remove", "path": "name.givenName"}, "name", {}),
            ({"op": "remove", "path": "name"}, "name", None),
            ({"op": "Add", "path": "title", "value": "Boss"}, "title", "Boss"),
            ({"op": "Add", "path": "title.x", "value": "y"}, "title", {"x": "y"}),
            ({"op": "replace", "path": "title", "value": None}, "title", None),
            ({"op": "remove", "path": "nothing.there"}, "nothing", None),
        ],
    )
    def test_changes_parts(self, operation: dict[str, Any], attribute: str, expected: object) -> None:
        """A path names an attribute or a part of it; a part that does not exist can be removed."""
        assert expected == patch(operation).get(attribute)

    def test_selects_a_value(self) -> None:
        """A filter in a path selects one address; the others stay."""
        changed = patch({"op": "Replace", "path": f"{WORK}.value", "value": "new@example.com"})

        assert ["new@example.com", "h@example.com"] == [email["value"] for email in changed["emails"]]
        assert "new@example.com" == parse_user(changed).email

    def test_creates_a_value_that_is_replaced(self) -> None:
        """A work address that Entra ID replaces is created if the user has none."""
        changed = patch({"op": "Add", "path": f"{WORK}.value", "value": "a@example.com"}, start={"userName": "alice"})

        assert [{"type": "work", "value": "a@example.com"}] == changed["emails"]

    def test_removes_values(self) -> None:
        """A filter selects the values to remove, and so does a list of values."""
        assert ["home"] == [email["type"] for email in patch({"op": "remove", "path": WORK})["emails"]]
        assert [ALICE["emails"][0]] == patch({"op": "remove", "path": "emails", "value": [ALICE["emails"][1]]})["emails"]
        assert "value" not in patch({"op": "remove", "path": f"{WORK}.value"})["emails"][0]

    def test_adds_a_value_once(self) -> None:
        """A value that is added again changes nothing."""
        more = {"op": "add", "path": "emails", "value": [{"type": "other", "value": "o@example.com"}]}

        assert 3 == len(patch(more, more)["emails"])

    @pytest.mark.parametrize(
        "operation",
        [
            {"op": "add", "path": f"{ENTERPRISE}:department", "value": "R&D"},
            {"op": "add", "value": {f"{ENTERPRISE}:department": "R&D"}},
            {"op": "add", "value": {ENTERPRISE: {"department": "R&D"}}},
            {"op": "add", "path": ENTERPRISE, "value": {"department": "R&D"}},
        ],
    )
    def test_reaches_extensions(self, operation: dict[str, Any]) -> None:
        """An attribute of an extension is stored under the extension's name."""
        assert {"department": "R&D"} == patch(operation)[ENTERPRISE]

    @pytest.mark.parametrize(
        ("document", "expected"),
        [
            ({}, ScimType.INVALID_SYNTAX),
            ({"Operations": []}, ScimType.INVALID_SYNTAX),
            ({"Operations": ["x"]}, ScimType.INVALID_SYNTAX),
            ({"Operations": [{"op": "copy", "path": "a", "value": 1}]}, ScimType.INVALID_SYNTAX),
            ({"Operations": [{"op": "remove"}]}, ScimType.NO_TARGET),
            ({"Operations": [{"op": "add", "value": 3}]}, ScimType.INVALID_VALUE),
            ({"Operations": [{"op": "add", "path": 3, "value": 3}]}, ScimType.INVALID_PATH),
            ({"Operations": [{"op": "add", "path": "a b", "value": 3}]}, ScimType.INVALID_PATH),
            ({"Operations": [{"op": "add", "path": "emails[type].value", "value": 3}]}, ScimType.INVALID_PATH),
            ({"Operations": [{"op": "add", "path": WORK, "value": "x"}]}, ScimType.INVALID_VALUE),
            ({"Operations": [{"op": "replace", "path": "userName", "value": " "}]}, ScimType.INVALID_VALUE),
            ({"Operations": [{"op": "remove", "path": "userName"}]}, ScimType.INVALID_VALUE),
            ({"Operations": [{"op": "replace", "path": "active", "value": "no"}]}, ScimType.INVALID_VALUE),
            ({"Operations": [{"op": "add", "path": "roles", "value": f"r{n}"} for n in range(501)]}, ScimType.TOO_MANY),
        ],
    )
    def test_refuses(self, document: dict[str, Any], expected: ScimType) -> None:
        """An invalid operation is refused with the protocol's keyword."""
        with pytest.raises(InvalidRequest) as caught:
            parse_user(apply_operations(copy.deepcopy(ALICE), parse_operations(document)))

        assert expected == caught.value.scim_type

    @settings(suppress_health_check=[HealthCheck.too_slow])  # on a machine that is busy with other tests
    @given(
        st.lists(
            st.fixed_dictionaries({"op": st.sampled_from(["add", "Replace", "remove"]), "path": NAMES, "value": VALUES}),
            max_size=4,
        )
    )
    def test_never_breaks(self, operations: list[dict[str, Any]]) -> None:
        """Any operations result in a user with a name, or in a refusal."""
        try:
            changed = parse_user(patch(*operations))
        except BackendError:
            return
        assert changed.user_name
        assert changed.name


class TestParsePath:
    @pytest.mark.parametrize("text", ["", ".", "a.", "a..b", "[x]", 'a[b eq "c"', "a]", "urn:x", "a.b.c", "x" * 2_001, None])
    def test_refuses(self, text: str | None) -> None:
        """A path has one attribute, and at most one part of it."""
        with pytest.raises(InvalidRequest):
            parse_path(text)


class TestGroupChange:
    def test_adds_up(self) -> None:
        """Operations apply in their order: the last one for a member decides."""
        change = group_change(
            parse_operations(
                {
                    "Operations": [
                        {"op": "add", "path": "members", "value": [{"value": "a"}, {"value": "b", "$ref": None}]},
                        {"op": "Remove", "path": "members", "value": [{"value": "a"}]},
                        {"op": "remove", "path": 'members[value eq "c"]'},
                        {"op": "Add", "path": "members", "value": {"value": "c"}},
                        {"op": "replace", "value": {"id": "x", "displayName": "New", "externalId": "e"}},
                    ]
                }
            )
        )

        assert (False, {"b", "c"}, {"a"}) == (change.replaces_members, change.added, change.removed)
        assert ("New", "e") == (change.display_name, change.external_id)

    def test_replaces_all_members(self) -> None:
        """A replace of all members, or their removal, overrides the operations before it."""
        change = group_change(
            parse_operations(
                {
                    "Operations": [
                        {"op": "add", "path": "members", "value": ["a"]},
                        {"op": "remove", "path": "members"},
                        {"op": "add", "path": "members", "value": ["b"]},
                    ]
                }
            )
        )

        assert (True, {"b"}, set()) == (change.replaces_members, change.added, change.removed)

    @pytest.mark.parametrize(
        ("operation", "expected"),
        [
            ({"op": "add", "path": "nickName", "value": "x"}, ScimType.INVALID_PATH),
            ({"op": "add", "path": 'members[value eq "a"]', "value": "x"}, ScimType.INVALID_PATH),
            ({"op": "remove", "path": 'members[type eq "a"]'}, ScimType.INVALID_PATH),
            ({"op": "add", "path": "members", "value": [{"id": "a"}]}, ScimType.INVALID_VALUE),
            ({"op": "add", "path": "members", "value": [[]]}, ScimType.INVALID_VALUE),
            ({"op": "remove", "path": "displayName"}, ScimType.MUTABILITY),
            ({"op": "add", "path": "members", "value": [str(n) for n in range(10_001)]}, ScimType.TOO_MANY),
        ],
    )
    def test_refuses(self, operation: dict[str, Any], expected: ScimType) -> None:
        """An operation that a group does not support is refused."""
        with pytest.raises(InvalidRequest) as caught:
            group_change(parse_operations({"Operations": [operation]}))

        assert expected == caught.value.scim_type
