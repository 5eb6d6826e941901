"""How many statements a directory's everyday calls take, the one that says who calls among them."""

import pytest

from tests.counting import Counter
from tests.sign_in.scim.directory_client import Directory

LOOK = ("GET", '/Users?filter=userName eq "alice@example.com"', None)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (LOOK, 2),
        (("GET", "/Users?startIndex=1&count=1", None), 3),
        (("GET", "/Users/{user}", None), 2),
        (("GET", "/Groups", None), 4),
        (("GET", "/Groups?excludedAttributes=members", None), 2),
        (("POST", "/Users", {"userName": "bob@example.com"}), 18),
        (("PUT", "/Users/{user}", {"userName": "alice@example.com", "active": True, "title": "Boss"}), 5),
        (("PATCH", "/Users/{user}", {"Operations": [{"op": "replace", "value": {"active": False}}]}), 12),
        (("PATCH", "/Groups/{group}", {"Operations": [{"op": "remove", "path": "members"}]}), 7),
        (("DELETE", "/Users/{user}", None), 16),
        (("DELETE", "/Groups/{group}", None), 14),
    ],
)
def test_of_statements(directory: Directory, counter: Counter, call: tuple[str, str, object], expected: int) -> None:
    """No everyday call takes more statements than this, transactions' ends not counted. Two of each change record it."""
    user, other = (directory.add(f"{name}@example.com")["id"] for name in ("alice", "carol"))
    group = directory.make("Groups", displayName="Ops", members=[{"value": user}, {"value": other}])["id"]
    method, path, body = call
    counter.reset()
    reply = directory.call(method, path.format(user=user, group=group), **({} if body is None else {"json": body}))

    assert 2 == reply.status_code // 100, reply.text
    assert counter.statements <= expected, counter.texts
