"""Upstream's table of operations and the routes of this server, held against one another."""

from collections import Counter
from importlib import import_module

import pytest
from starlette.routing import Match

from functions.http.groups import GROUPS, Group
from tools import generate_docs, operations
from tools.operations import Operation, Route, Status

# What an unmodified command line uses in daily work.
DAILY_TIER = 1
OPERATIONS, ROUTES = operations.operations(), operations.routes()


def label(row: Operation | Route) -> str:
    """Return a row's name in a failure."""
    return f"{row.method} {row.path}"


class TestTable:
    def test_holds_all_of_upstream(self) -> None:
        """The table has each of upstream's 671 operations once."""
        assert len(OPERATIONS) == 671
        assert [key for key, count in Counter((row.method, row.path) for row in OPERATIONS).items() if count > 1] == []

    def test_gives_a_reason_for_what_is_not_planned(self) -> None:
        """Every group with an operation that is not planned says why."""
        groups = {row.group for row in OPERATIONS if operations.status(row) is Status.NOT_PLANNED}

        assert groups - set(operations.NOT_PLANNED) == set()

    def test_has_every_operation_of_daily_work(self) -> None:
        """Everything the command line calls in daily work is served."""
        assert [label(row) for row in OPERATIONS if row.tier == DAILY_TIER and operations.status(row) is not Status.DONE] == []


class TestRoutes:
    def test_can_be_reached(self) -> None:
        """No route lies behind another group's wildcard, or outside all patterns of its own group."""
        assert [label(route) for route in ROUTES if not operations.is_reachable(route)] == []

    def test_answer_for_themselves(self) -> None:
        """Inside a group no route lies behind an earlier one that takes its address and method."""
        assert [label(route) for route in ROUTES if first_match(route) != route.declared] == []

    def test_are_known_upstream_or_declared(self) -> None:
        """A route that upstream does not have is declared as our own addition, with what it is for; no other is."""
        own = {(route.method, route.path) for route in operations.own_routes()}

        assert own == set(operations.ADDITIONS)

    def test_have_unique_names(self) -> None:
        """Two handlers never serve the same method of the same address."""
        assert [
            key for key, count in Counter((row.method, operations.shape(row.path)) for row in ROUTES).items() if count > 1
        ] == []

    @pytest.mark.parametrize("group", [group for group in GROUPS if group.package == "api"], ids=lambda group: group.module)
    def test_leave_no_pattern_unused(self, group: Group) -> None:
        """Every pattern of a group leads to a route of the group."""
        for pattern in group.patterns:
            assert any(takes(pattern, operations.sample(route.path)) for route in ROUTES if route.module == group.module), pattern


def test_the_documents_are_up_to_date() -> None:
    """docs/configuration.md and docs/compatibility.md say what the code says: else run `make docs`."""
    assert generate_docs.main(["--check"]) == 0


def takes(pattern: str, path: str) -> bool:
    """Whether a pattern of the table of contents takes an address."""
    wanted, segments = pattern.split("/"), path.split("/")
    if wanted[-1] == "**":
        wanted, segments = wanted[:-1], segments[: len(wanted) - 1]
    return len(wanted) == len(segments) and all(one in ("*", other) for one, other in zip(wanted, segments, strict=True))


def first_match(route: Route) -> str:
    """Return the path of the handler that answers a request for a route's address, as its module spells it."""
    scope = {"type": "http", "method": route.method, "path": operations.sample(route.path), "root_path": "", "headers": []}
    handlers = import_module(f"functions.api.{route.module}").router.routes
    return next((handler.path for handler in handlers if handler.matches(scope)[0] is Match.FULL), "")
