import json
import pkgutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from common.core import names
from common.core.errors import BadRequest
from functions import pages
from tools.operations import routes

GOLDENS = Path(__file__).parents[3] / "shared" / "goldens" / "names.json"
CHECKS: dict[str, Callable[[str], object]] = {
    "stackName": names.require_stack_name,
    "projectName": names.require_project_name,
    "ownerName": names.require_owner_name,
    "stackTagName": lambda name: names.require_tag(name, ""),
    "stackTagValueLength": lambda size: names.require_tag("a", "x" * int(size)),
}
# `.` and `..` pass the client's alphabet and can never be addressed (common/core/names.py says why we refuse them).
STRICTER = {"stackName": {".", ".."}, "projectName": {".", ".."}}


def golden_cases() -> list[Any]:
    """Return the reference's verdicts, where they are at hand."""
    if not GOLDENS.exists():
        reason = "the reference's goldens are not beside the checkout (../shared)"
        return [pytest.param("", {}, marks=pytest.mark.skip(reason=reason))]
    tables = json.loads(GOLDENS.read_text("utf-8"))["tables"]
    return [
        pytest.param(table, case, id=f"{table}-{index}") for table in CHECKS for index, case in enumerate(tables[table]["cases"])
    ]


def is_valid(check: Callable[[str], object], name: str) -> bool:
    """Tell whether a name is accepted."""
    try:
        check(name)
    except BadRequest:
        return False
    return True


class TestGoldens:
    @pytest.mark.parametrize(("table", "case"), golden_cases())
    def test_agree_with_the_reference(self, table: str, case: dict[str, Any]) -> None:
        """What the client's own check accepts we accept, and what it refuses we refuse."""
        expected = case["valid"] and case["input"] not in STRICTER.get(table, set())

        assert expected == is_valid(CHECKS[table], case["input"])


class TestStackAndProjectNames:
    @pytest.mark.parametrize("name", ["a", "A-1_b.c", "prod.", "...", "-", "x" * 100])
    def test_that_are_good(self, name: str) -> None:
        """One to a hundred letters, digits, hyphens, underscores and periods."""
        names.require_stack_name(name)
        names.require_project_name(name)

        assert names.is_name(name)

    @pytest.mark.parametrize(
        "name", ["", ".", "..", "x" * 101, "a b", "a/b", "é", "a\n", "a\0", "\ud800", "😀", "%2e", "a" * 10_000]
    )
    def test_that_are_not(self, name: str) -> None:
        """Anything else is refused, and the message shows the name in plain letters and not too long."""
        for check, noun in ((names.require_stack_name, "stack"), (names.require_project_name, "project")):
            with pytest.raises(BadRequest) as caught:
                check(name)
            assert noun in caught.value.message
            assert caught.value.message.isascii() or "…" in caught.value.message
            assert len(caught.value.message) < 400
        assert not names.is_name(name)


class TestOwnerNames:
    @pytest.mark.parametrize(
        ("name", "good"),
        [
            ("abc", True),
            ("a-_b", True),
            ("x" * 40, True),
            ("ab", False),
            ("x" * 41, False),
            ("-ab", False),
            ("ab-", False),
            ("a.b", False),
            ("äbc", False),
            ("abc\n", False),
            ("", False),
        ],
    )
    def test_have_rules_of_their_own(self, name: str, good: bool) -> None:
        """Three to forty letters, digits, hyphens or underscores, beginning and ending with a letter or digit."""
        assert good == is_valid(names.require_owner_name, name)


class TestTags:
    @pytest.mark.parametrize(
        ("name", "good"),
        [
            ("a", True),
            ("pulumi:project", True),
            ("a.b-c_d:e", True),
            ("x" * 40, True),
            ("x" * 41, False),
            ("", False),
            ("a b", False),
            ("a/b", False),
            ("é", False),
            ("a\n", False),
        ],
    )
    def test_have_short_names(self, name: str, good: bool) -> None:
        """One to forty letters, digits, hyphens, underscores, periods or colons."""
        assert good == is_valid(CHECKS["stackTagName"], name)

    @pytest.mark.parametrize(
        ("value", "good"),
        [("", True), ("x" * 256, True), ("é" * 128, True), ("x" * 257, False), ("é" * 129, False), ("\ud800" * 86, False)],
    )
    def test_have_values_counted_in_bytes(self, value: str, good: bool) -> None:
        """A value may be empty and has up to 256 bytes."""
        assert good == is_valid(lambda text: names.require_tag("a", text), value)

    def test_are_good_or_bad_together(self) -> None:
        """One bad tag refuses all, and the message names it."""
        with pytest.raises(BadRequest) as caught:
            names.require_tags({"ok": "1", "no/": "2"})
        assert "'no/'" in caught.value.message


class TestReservedOwners:
    def test_hold_every_address_of_this_server(self) -> None:
        """No one can be called like the first part of an address of a page or a call: links to their stacks would lead there."""
        of_pages = [route.path for module in page_modules() for route in module.router.routes]
        served = {path.strip("/").partition("/")[0] for path in [*of_pages, *(route.path for route in routes())]}
        words = {word for word in served if not word.startswith("{") and is_valid(names.require_owner_name, word)}

        assert {"signin", "settings", "api", "assets"} <= words
        assert set() == words - names.RESERVED_OWNERS - {"admin"}

    def test_hold_what_stands_where_an_owner_may(self) -> None:
        """No user's name is a word of the API's addresses: `default` cannot be a name."""
        paths = [route.path.strip("/").split("/") for route in routes()]
        beside = {
            other[at]
            for path in paths
            for at, part in enumerate(path)
            if part in ("{org}", "{login}", "{user}", "{publisher}")
            for other in paths
            if other[:at] == path[:at] and len(other) > at and not other[at].startswith("{")
        }

        assert set() == beside - names.RESERVED_OWNERS

    @pytest.mark.parametrize("name", ["api", "signin", "settings", "assets", "invites", "login", "user", "API", "SignIn"])
    def test_are_refused_in_any_case(self, name: str) -> None:
        """A new user or organization may not be called so; who is called so already goes on."""
        names.require_owner_name(name)
        with pytest.raises(BadRequest, match="reserved"):
            names.require_new_owner_name(name)

    @pytest.mark.parametrize("name", ["admin", "acme", "apis", "user-1", "setting"])
    def test_are_whole_names(self, name: str) -> None:
        """Names that begin so, and the first administrator's, are free."""
        names.require_new_owner_name(name)


def page_modules() -> list[Any]:
    """Return the modules of the pages that have routes."""
    found = [import_module(f"functions.pages.{module.name}") for module in pkgutil.iter_modules(pages.__path__)]
    return [module for module in found if hasattr(module, "router")]
