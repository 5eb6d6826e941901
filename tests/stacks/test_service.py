from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from common.backend import Backend
from common.core.errors import BadRequest, Forbidden, NotFound
from common.db.faults import Contention
from common.db.tables.stacks import stack_tags
from common.rights.caller import Caller
from common.rights.permissions import Permission, Role
from common.stacks import steps as stack_steps
from common.stacks.model import StackPath
from common.stacks.service import attributes, lifecycle
from common.stacks.service import listing as stacks
from common.stacks.service.listing import Filters
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.people import caller_of, make_user
from tests.factories.stacks import make_stack, make_version

DEV = StackPath("acme", "shop", "dev")


def filter_rows(backend: Backend) -> list[tuple[str, str]]:
    """Return the rows that tag filters look at."""
    with backend.db.connect() as connection:
        return [(row.name, row.value) for row in connection.execute(select(stack_tags).order_by(stack_tags.c.name))]


class TestGetStack:
    def test_returns_names_owner_and_newest_version(self, backend: Backend, admin: Caller) -> None:
        """A stack comes with its names, tags and newest version, in one statement."""
        make_stack(backend, admin, tags={"env": "prod"})
        found = stack_steps.get_stack(backend, admin, DEV, Permission.STACK_READ)

        assert (DEV, {"env": "prod"}, admin.user_id) == (found.path, found.tags, found.created_by)
        assert (0, 0, None) == (found.latest.version, found.latest.resource_count, found.latest.checkpoint)

    @pytest.mark.parametrize(
        "path",
        [
            StackPath("acme", "shop", "none"),
            StackPath("unknown", "shop", "dev"),
            StackPath("acme", "Shop", "dev"),
            StackPath("acme", "shop", "dev "),
            StackPath("acme", "shop", ""),
            StackPath("acme", "..", "dev"),
        ],
        ids=str,
    )
    def test_refuses_what_is_not_there(self, backend: Backend, admin: Caller, path: StackPath) -> None:
        """Names are exact, and whatever is missing is missing in the same words."""
        make_stack(backend, admin)

        with pytest.raises(NotFound) as caught:
            stack_steps.get_stack(backend, admin, path, Permission.STACK_READ)
        assert f"Not Found: Stack '{path}' not found" == caught.value.message

    def test_spends_no_query_on_an_impossible_name(self, backend: Backend, admin: Caller, counter: Counter) -> None:
        """A name that no stack can have, or an organization that is not the caller's, never reaches the database."""
        counter.reset()
        for path in (StackPath("acme", "shop", "a b"), StackPath("acme", "s" * 101, "dev"), StackPath("beta", "shop", "dev")):
            with pytest.raises(NotFound):
                stack_steps.get_stack(backend, admin, path, Permission.STACK_READ)

        assert 0 == counter.statements

    def test_refuses_a_member_what_only_owners_may(self, backend: Backend, admin: Caller) -> None:
        """A member may read another's stack and not delete it; the refusal names who, what and where."""
        make_stack(backend, admin)
        alice = caller_of(backend, make_user(backend, "alice", org="acme"))

        assert DEV == stack_steps.get_stack(backend, alice, DEV, Permission.STACK_READ).path
        with pytest.raises(Forbidden) as caught:
            stack_steps.get_stack(backend, alice, DEV, Permission.STACK_DELETE)
        assert "Forbidden: alice, member of organization acme, lacks the permission stack:delete" == caught.value.message

    def test_lets_the_creator_do_more(self, backend: Backend, admin: Caller) -> None:
        """Users may delete and rename the stacks that they created."""
        alice = caller_of(backend, make_user(backend, "alice", org="acme"))
        make_stack(backend, alice)

        assert DEV == stack_steps.get_stack(backend, alice, DEV, Permission.STACK_DELETE).path

    def test_finds_a_former_name_only_if_asked(self, backend: Backend, admin: Caller) -> None:
        """After a rename the old name leads to the stack where ciphertexts are concerned, and is free otherwise."""
        make_stack(backend, admin)
        lifecycle.rename(backend, admin, DEV, "prod", "")
        found = stack_steps.get_stack(backend, admin, DEV, Permission.STACK_DECRYPT, former_names=True)

        assert "prod" == found.path.name
        with pytest.raises(NotFound):
            stack_steps.get_stack(backend, admin, DEV, Permission.STACK_DECRYPT)

    def test_prefers_the_name_of_today(self, backend: Backend, admin: Caller) -> None:
        """A new stack under a name that another one had before is never mistaken for it."""
        make_stack(backend, admin)
        lifecycle.rename(backend, admin, DEV, "prod", "")
        make_stack(backend, admin)
        found = stack_steps.get_stack(backend, admin, DEV, Permission.STACK_DECRYPT, former_names=True)

        assert "dev" == found.path.name

    def test_takes_the_one_that_left_a_name_last(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """When two stacks had the same name, its former holder is the one that gave it up last."""
        for name in ("first", "second"):
            make_stack(backend, admin)
            clock.pass_seconds(1)
            lifecycle.rename(backend, admin, DEV, name, "")
        found = stack_steps.get_stack(backend, admin, DEV, Permission.STACK_DECRYPT, former_names=True)

        assert "second" == found.path.name


class TestReplaceTags:
    def test_replaces_all(self, backend: Backend, admin: Caller) -> None:
        """Tags are replaced, not merged; the rows that filters look at follow."""
        make_stack(backend, admin, tags={"env": "dev", "old": "1"})
        attributes.replace_tags(backend, admin, DEV, {"env": "prod"})

        assert {"env": "prod"} == stack_steps.get_stack(backend, admin, DEV, Permission.STACK_READ).tags
        assert [("env", "prod")] == filter_rows(backend)

    def test_of_the_same_tags_is_harmless(self, backend: Backend, admin: Caller) -> None:
        """Setting the tags that are there answers as the first time."""
        make_stack(backend, admin)
        for _ in range(2):
            attributes.replace_tags(backend, admin, DEV, {"a": "", "b": "é"})

        assert [("a", ""), ("b", "é")] == filter_rows(backend)

    @pytest.mark.parametrize(
        "tags", [{"": "x"}, {"a b": "x"}, {"a" * 41: "x"}, {"é": "x"}, {"a": "é" * 129}, {"ok": "1", "no/": "2"}]
    )
    def test_refuses_bad_ones_as_a_whole(self, backend: Backend, admin: Caller, tags: dict[str, str]) -> None:
        """One bad name or value refuses all, and nothing changes; a value's limit counts bytes."""
        make_stack(backend, admin, tags={"env": "dev"})

        with pytest.raises(BadRequest):
            attributes.replace_tags(backend, admin, DEV, tags)
        assert [("env", "dev")] == filter_rows(backend)

    def test_of_a_stack_that_is_gone(self, backend: Backend, admin: Caller) -> None:
        """A stack that was deleted since it was read gets no tags, and the writer looks again."""
        make_stack(backend, admin, tags={"env": "dev"})
        read = stack_steps.get_stack(backend, admin, DEV, Permission.STACK_READ)
        lifecycle.delete(backend, admin, DEV, force=True)

        with pytest.raises(Contention), backend.db.begin() as tx:
            stack_steps.update_tags(tx, read, {"env": "test"})


class TestSingleTags:
    def test_are_added_changed_and_removed(self, backend: Backend, admin: Caller) -> None:
        """One tag is set or removed beside the others."""
        make_stack(backend, admin, tags={"a": "1"})
        attributes.create_tag(backend, admin, DEV, "b", "2")
        attributes.update_tag(backend, admin, DEV, "a", "3")
        attributes.delete_tag(backend, admin, DEV, "b")

        assert [("a", "3")] == filter_rows(backend)

    def test_that_are_missing(self, backend: Backend, admin: Caller) -> None:
        """Changing or removing a tag that is not there says so, and a removal twice does."""
        make_stack(backend, admin, tags={"a": "1"})
        attributes.delete_tag(backend, admin, DEV, "a")
        calls: list[Callable[[], object]] = [
            lambda: attributes.delete_tag(backend, admin, DEV, "a"),
            lambda: attributes.update_tag(backend, admin, DEV, "a", "1"),
        ]

        for call in calls:
            with pytest.raises(NotFound) as caught:
                call()
            assert "Not Found: Stack 'acme/shop/dev' has no tag 'a'" == caught.value.message

    def test_that_are_there(self, backend: Backend, admin: Caller) -> None:
        """Adding a tag that is there is refused, so that two who add it do not take each other's value for their own."""
        make_stack(backend, admin, tags={"a": "1"})

        with pytest.raises(BadRequest) as caught:
            attributes.create_tag(backend, admin, DEV, "a", "2")

        assert "Bad Request: Stack 'acme/shop/dev' has a tag 'a' already" == caught.value.message
        assert [("a", "1")] == filter_rows(backend)


class TestPageStacks:
    @pytest.fixture(autouse=True)
    def several(self, backend: Backend, admin: Caller) -> None:
        """Stacks of two organizations and two projects, some tagged."""
        for project in ("shop", "web"):
            for name in ("a", "b", "c"):
                make_stack(backend, admin, name, project=project, tags={"env": "prod" if name == "a" else "Prod"})
        make_stack(backend, admin, "own", org="admin", tags={"env": "prod "})

    @staticmethod
    def walk(backend: Backend, caller: Caller, size: int, **filters: Any) -> list[str]:
        """Return everything a listing gives, page by page."""
        found, token = [], None
        while True:
            page, token = stacks.page_stacks(backend, caller, Filters(**filters), token=token, limit=size)
            assert len(page) == size or token is None
            found += [str(one.path) for one in page]
            if token is None:
                return found

    @pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
    def test_gives_each_once_in_order(self, backend: Backend, admin: Caller, size: int) -> None:
        """Whatever the page size, each stack is listed once, by organization, project and name."""
        expected = [f"acme/{project}/{name}" for project in ("shop", "web") for name in "abc"] + ["admin/shop/own"]

        assert expected == self.walk(backend, admin, size)

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ({"organization": "acme", "project": "web"}, ["acme/web/a", "acme/web/b", "acme/web/c"]),
            ({"project": "Web"}, []),
            ({"tag_name": "env", "tag_value": "prod"}, ["acme/shop/a", "acme/web/a"]),
            ({"tag_name": "env", "tag_value": "prod "}, ["admin/shop/own"]),
            ({"tag_name": "env", "tag_value": ""}, []),
            ({"tag_name": "env", "project": "shop", "organization": "admin"}, ["admin/shop/own"]),
            ({"tag_name": "none"}, []),
        ],
    )
    def test_filters_exactly(self, backend: Backend, admin: Caller, filters: dict[str, str], expected: list[str]) -> None:
        """Filters are exact and applied before the page is cut; a tag's name alone means that the stack has it."""
        assert expected == self.walk(backend, admin, 2, **filters)

    def test_shows_only_the_callers_own(self, backend: Backend, admin: Caller) -> None:
        """Another's organization is not listed, and naming it is like naming one that does not exist."""
        stranger = caller_of(backend, make_user(backend, "mallory"))
        member = caller_of(backend, make_user(backend, "bob", org="acme", role=Role.BILLING_MANAGER))

        assert [] == self.walk(backend, stranger, 10)
        assert [] == self.walk(backend, member, 10)
        with pytest.raises(NotFound) as caught:
            self.walk(backend, stranger, 10, organization="acme")
        assert "Not Found: Organization 'acme' not found" == caught.value.message

    def test_goes_on_after_a_stack_that_is_gone(self, backend: Backend, admin: Caller) -> None:
        """A page begins after the last one's end, whether or not that stack still exists."""
        page, token = stacks.page_stacks(backend, admin, Filters(organization="acme"), token=None, limit=2)
        lifecycle.delete(backend, admin, page[-1].path, force=False)
        make_stack(backend, admin, "aa")
        rest, _ = stacks.page_stacks(backend, admin, Filters(organization="acme"), token=token, limit=10)

        assert ["c", "a", "b", "c"] == [one.path.name for one in rest]

    def test_shows_the_newest_version(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """A listed stack has the number of its resources and the time of its last update, none before the first."""
        make_version(backend, admin, StackPath("acme", "shop", "a"), "one", "two")
        page, _ = stacks.page_stacks(backend, admin, Filters(project="shop"), token=None, limit=2)

        assert [(2, int(clock.moment.timestamp())), (None, None)] == [(one.resource_count, one.last_update) for one in page]


class TestRequireProject:
    def test_needs_a_live_stack(self, backend: Backend, admin: Caller) -> None:
        """A project exists while it has a stack."""
        make_stack(backend, admin)
        stacks.require_project(backend, admin, "acme", "shop")
        lifecycle.delete(backend, admin, DEV, force=False)

        with pytest.raises(NotFound) as caught:
            stacks.require_project(backend, admin, "acme", "shop")
        assert "Not Found: Project 'acme/shop' not found" == caught.value.message
