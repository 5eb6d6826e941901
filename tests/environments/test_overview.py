"""Lists of environments as people search them, and an environment at a glance, on both databases."""

import pytest

from common.backend import Backend
from common.environments.model import EnvironmentFilter, Reference
from common.environments.repository import summaries
from common.environments.repository.summaries import Word
from common.environments.service import overview, tags
from common.environments.service.listing import scope_of
from common.rights.caller import Caller
from tests.factories.environments import make_environment


@pytest.mark.parametrize(
    ("narrowed", "names"),
    [
        (EnvironmentFilter(), ["app/z", "web/a", "web/b"]),
        (EnvironmentFilter("WEB /a"), ["web/a"]),
        (EnvironmentFilter("team=pay"), ["web/b"]),
        (EnvironmentFilter("team=pay WEB"), ["web/b"]),
        (EnvironmentFilter("team pay"), ["web/b"]),
        (EnvironmentFilter("app team=pay"), []),
        (EnvironmentFilter("100%"), ["app/z"]),
        (EnvironmentFilter("1_0"), []),
        (EnvironmentFilter("\\"), []),
        (EnvironmentFilter(project="web", tag="team"), ["web/b"]),
        (EnvironmentFilter(tag="team", tag_value="100%"), ["app/z"]),
    ],
)
def test_search(backend: Backend, admin: Caller, narrowed: EnvironmentFilter, names: list[str]) -> None:
    """Words are looked for in names and tags, whatever their case; marks of patterns stand for themselves."""
    made = {name: make_environment(backend, admin, name) for name in ("web/a", "web/b", "app/z")}
    tags.create_tag(backend, admin, made["web/b"], "team", "payments")
    tags.create_tag(backend, admin, made["app/z"], "team", "100%")
    page = overview.page_summaries(backend, admin, "acme", narrowed, size=50, number=1)

    assert names == [row.path.in_org for row in page.environments]
    assert len(names) == page.total


def test_search_with_many_tags(backend: Backend, admin: Caller) -> None:
    """Where more tags have a word than a statement names, they are looked for by the word."""
    made = {name: make_environment(backend, admin, name) for name in ("web/a", "web/b", "app/payer")}
    tags.create_tag(backend, admin, made["web/b"], "team", "PAYMENTS")
    membership = admin.require_member("acme", missing="acme")
    many = [Word("pay", None), Word("b", None)]
    with backend.db.connect() as connection:
        assert [Word("pay", [("team", "PAYMENTS")])] == summaries.find_words(connection, "Pay")
        assert [Word("pay", None)] == summaries.find_words(connection, "Pay", tags_limit=0)
        assert [Word("absent", [])] == summaries.find_words(connection, "absent", pairs_limit=1)
        # More tags than are looked at, in whatever organization.
        assert [Word("absent", None)] == summaries.find_words(connection, "absent", pairs_limit=0)
        # The limit is one of all words together, and a word counts once.
        assert [Word("pay", None), Word("p", None)] == summaries.find_words(connection, "Pay p pay", tags_limit=1)
        scope = scope_of(admin, membership)
        for words, counts in ((many[:1], [("app", 1), ("web", 1)]), (many, [("web", 1)])):
            assert counts == summaries.count_by_project(connection, scope, EnvironmentFilter(), words)


def test_pages(backend: Backend, admin: Caller) -> None:
    """Pages follow each other without a gap, wherever a project ends."""
    names = ["a/1", "b/1", "b/2", "b/3", "c/1", "d/1"]
    for name in names:
        make_environment(backend, admin, name)
    for size in (1, 2, 4):
        pages = [
            overview.page_summaries(backend, admin, "acme", EnvironmentFilter(), size=size, number=number)
            for number in range(1, 8)
        ]
        assert names == [row.path.in_org for page in pages for row in page.environments]
        assert {len(names)} == {page.total for page in pages}


def test_overview(backend: Backend, admin: Caller) -> None:
    """The newest revision, its author, the owner, what it imports and what imports it."""
    make_environment(backend, admin, "app/base", "values: {a: 1}\n")
    path = make_environment(backend, admin, "app/dev", "imports: [app/base]\n")
    make_environment(backend, admin, "app/prod", "imports: [app/dev@1]\n")
    found = overview.get_overview(backend, admin, path)

    assert (2, "admin", "admin", "") == (found.entry.number, found.entry.creator.login, found.owner.login, found.managed_by)
    assert [Reference("app", "base")] == found.imports
    assert [("prod", "1")] == [(referrer.name, referrer.version) for referrer in found.referrers]
