"""Lists of environments as people search them, and an environment at a glance, on both databases."""

import pytest

from common.backend import Backend
from common.environments.model import EnvironmentFilter, Reference
from common.environments.service import overview, tags
from common.rights.caller import Caller
from tests.factories.environments import make_environment


@pytest.mark.parametrize(
    ("narrowed", "names"),
    [
        (EnvironmentFilter(), ["app/z", "web/a", "web/b"]),
        (EnvironmentFilter("WEB /a"), ["web/a"]),
        (EnvironmentFilter("team=pay"), ["web/b"]),
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


def test_overview(backend: Backend, admin: Caller) -> None:
    """The newest revision, its author, the owner, what it imports and what imports it."""
    make_environment(backend, admin, "app/base", "values: {a: 1}\n")
    path = make_environment(backend, admin, "app/dev", "imports: [app/base]\n")
    make_environment(backend, admin, "app/prod", "imports: [app/dev@1]\n")
    found = overview.get_overview(backend, admin, path)

    assert (2, "admin", "admin", "") == (found.entry.number, found.entry.creator.login, found.owner.login, found.managed_by)
    assert [Reference("app", "base")] == found.imports
    assert [("prod", "1")] == [(referrer.name, referrer.version) for referrer in found.referrers]
