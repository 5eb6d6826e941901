"""In which versions a resource changed, from its texts."""

import pytest

from common.stacks.overview.changes import ResourceVersion, find_changes
from tests.stacks.engine.builders import dump, make_resource


def versions(*texts: bytes | None) -> list[ResourceVersion]:
    """Return versions with the texts of a resource, the newest first."""
    return [ResourceVersion(len(texts) - index, 0, text) for index, text in enumerate(texts)]


def resource(**members: object) -> bytes:
    """Return the text of a resource."""
    return dump(make_resource("a", **members))


class TestChanges:
    def test_say_how(self) -> None:
        """A resource comes, changes, is replaced and goes; versions in which it is the same are left out."""
        first, second = resource(id="1", inputs={"n": 1}), resource(id="1", inputs={"n": 2})
        found = find_changes(versions(None, resource(id="2", inputs={"n": 2}), second, second, first, None))

        assert [(6, "delete"), (5, "replace"), (3, "update"), (2, "create")] == [(item.number, item.kind) for item in found]

    @pytest.mark.parametrize(
        ("before", "after", "expected"),
        [
            ({"inputs": {"n": 1}}, {"inputs": {"n": 2, "m": 0}}, ["m", "n"]),
            ({"inputs": {"n": 1}, "outputs": {"n": 1, "o": 1}}, {"inputs": {"n": 2}, "outputs": {"n": 2, "o": 2}}, ["n", "o"]),
            ({"protect": False}, {"protect": True}, ["protect"]),
            ({"inputs": {"__defaults": []}}, {"inputs": {"__defaults": ["x"]}}, []),
            ({"modified": "2026-01-01T00:00:00Z"}, {"modified": "2026-02-01T00:00:00Z"}, []),
            ({"inputs": [1]}, {"inputs": {"n": 1}}, ["n"]),
        ],
    )
    def test_name_what_is_different(self, before: dict[str, object], after: dict[str, object], expected: list[str]) -> None:
        """Properties by name, and members; what a client writes anew each time is no change."""
        found = find_changes(versions(resource(**after), resource(**before)))

        assert expected == [name for item in found for name in item.names]
        assert bool(expected) == bool(found)

    def test_of_texts_that_are_no_objects(self) -> None:
        """A damaged text does not break the list."""
        assert [] == find_changes(versions(b"[1]", b"[2]"))
