"""Documents of users and groups, in the forms that directories send."""

import json
from typing import Any

import pytest

from common.sign_in.scim.documents import parse_group, parse_user
from common.sign_in.scim.model import InvalidRequest, ScimType
from tests.sign_in.scim.directory_client import Directory


class TestParseUser:
    @pytest.mark.parametrize(
        ("attribute", "value", "expected"),
        [
            ("displayName", "Alice\r\nDoe\t", "Alice Doe"),
            ("title", "Boss\x00\x1b[31m", "Boss [31m"),
            ("name", {"givenName": "Al\nice"}, {"givenName": "Al ice"}),
            ("roles", [{"value": "admin\u2028", "display": "Ad\x85min"}], [{"value": "admin", "display": "Ad min"}]),
            ("emails", "a@example.com", [{"value": "a@example.com"}]),
            ("emails", {"value": "a@example.com"}, [{"value": "a@example.com"}]),
            ("addresses", [{"formatted": "1 Main St\nTown"}], [{"formatted": "1 Main St\nTown"}]),
        ],
    )
    @pytest.mark.dialects("sqlite")
    def test_keeps_names_on_one_line(self, directory: Directory, attribute: str, value: Any, expected: Any) -> None:
        """Line breaks and control characters in a name or role become spaces; a single value becomes a list."""
        user = directory.call("POST", "/Users", content=_json({"userName": "alice", attribute: value})).json()

        assert expected == user[attribute]

    @pytest.mark.parametrize(
        "attributes",
        [
            {"displayName": 3},
            {"displayName": {"value": "Alice"}},
            {"title": ["Boss"]},
            {"name": "Alice"},
            {"name": {"givenName": 3}},
            {"emails": [3]},
            {"emails": [{"value": 3}]},
            {"roles": 3},
            {"userName": "al\nice"},
            {"externalId": "a\tb"},
        ],
    )
    def test_refuses_a_wrong_type(self, attributes: dict[str, Any]) -> None:
        """An attribute of the wrong type is refused, and so is a user name or id with control characters."""
        with pytest.raises(InvalidRequest) as caught:
            parse_user({"userName": "alice", **attributes})

        assert ScimType.INVALID_VALUE == caught.value.scim_type


class TestParseGroup:
    @pytest.mark.parametrize("name", ["Ops\nEU", "Ops\x00", "Ops\u2028EU"])
    def test_refuses_control_characters(self, name: str) -> None:
        """A group's name has printable characters alone."""
        with pytest.raises(InvalidRequest) as caught:
            parse_group({"displayName": name})

        assert ScimType.INVALID_VALUE == caught.value.scim_type


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()
