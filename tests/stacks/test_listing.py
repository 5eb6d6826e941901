import pytest
from sqlalchemy import insert, select

from common.backend import Backend
from common.db.tables.access import stack_grants
from common.db.tables.people import organizations
from common.db.tables.stacks import stacks
from common.rights.caller import Caller
from common.rights.membership import StackScope
from common.rights.permissions import StackLevel
from common.rights.predicate import ALWAYS, NEVER, HasTag, Is, Not, Predicate, Some
from common.stacks.model import StackPath
from common.stacks.repository.listing import ORGANIZATIONS_READ_FIRST, Filter, page
from common.stacks.repository.visibility import in_scopes
from tests.counting import Counter
from tests.factories.people import ADMIN_TOKEN, caller_of, make_org
from tests.factories.stacks import make_stack

ORGS = [f"org{letter}" for letter in "abcdefghi"]
PROJECTS, NAMES = ("alpha", "beta"), ("dev", "Prod", "stage")
Scopes = dict[str, StackScope]


@pytest.fixture
def scopes(backend: Backend, admin: Caller) -> Scopes:
    """More organizations than are read in order, each with six stacks, and a member who can see some of them in each."""
    for login in ORGS:
        make_org(backend, login, admin)
    maker = caller_of(backend, ADMIN_TOKEN)
    for org in ORGS:
        for project in PROJECTS:
            for name in NAMES:
                make_stack(backend, maker, name, org=org, project=project, tags={"env": name.lower()})
    ids = _ids(backend)
    given = [StackPath(org, "alpha", "Prod") for org in ORGS[1::3]]
    with backend.db.begin() as tx:
        grant = {"principal_id": "team", "is_team": True, "permission": StackLevel.READ, "set_id": None, "created_at": 1}
        tx.execute(insert(stack_grants), [{**grant, "stack_id": ids[path]} for path in given])
        # The member created one stack in every fourth organization.
        made = [ids[StackPath(org, "beta", "stage")] for org in ORGS[2::4]]
        tx.execute(stacks.update().values(created_by="member").where(stacks.c.id.in_(made)))
        logins = {row.login: row.id for row in tx.execute(select(organizations.c.login, organizations.c.id))}
    tagged = HasTag("env", frozenset({"dev"}))
    one = Is(frozenset({ids[StackPath("orgd", "alpha", "dev")]}))
    many = Some(tuple(HasTag("env", frozenset({value, "stage"})) for value in "abcdefghijkl"))
    rules: list[Predicate] = [NEVER, ALWAYS, tagged, Some((tagged, one)), Not(tagged), many, one]
    return {org: StackScope(logins[org], rules[n % len(rules)], "member", ("member", "team")) for n, org in enumerate(ORGS)}


def _ids(backend: Backend) -> dict[StackPath, str]:
    query = select(organizations.c.login, stacks.c.project, stacks.c.name, stacks.c.id)
    with backend.db.connect() as connection:
        rows = connection.execute(query.join(stacks, stacks.c.org_id == organizations.c.id)).all()
    return {StackPath(*row[:3]): row[3] for row in rows}


def _seen(backend: Backend, scopes: Scopes) -> list[StackPath]:
    """Return what is in the scopes, by asking of every stack whether it is."""
    query = select(organizations.c.login, stacks.c.project, stacks.c.name).join(stacks, stacks.c.org_id == organizations.c.id)
    with backend.db.connect() as connection:
        found = connection.execute(query.where(in_scopes(list(scopes.values())))).all()
    return [StackPath(*row) for row in sorted(tuple(row) for row in found)]


class TestPage:
    @pytest.mark.parametrize("size", [1, 2, 7, 1000])
    def test_shows_every_stack_once_and_in_order(self, backend: Backend, scopes: Scopes, size: int) -> None:
        """Page by page comes what is in the scopes, wherever a page ends and however many reasons there are to see a stack."""
        expected = _seen(backend, scopes)
        found: list[StackPath] = []
        with backend.db.connect() as connection:
            after: tuple[str, ...] | None = None
            for _ in range(len(expected) + 1):
                rows = page(connection, scopes, Filter(after=after), limit=size, now_millis=1)
                found += [row.path for row in rows]
                if len(rows) < size:
                    break
                after = (rows[-1].path.org, rows[-1].path.project, rows[-1].path.name)

        assert len(ORGS) > ORGANIZATIONS_READ_FIRST
        assert expected == found
        assert len(ORGS) < len(expected) < len(_ids(backend))

    def test_shows_all_at_once_without_a_limit(self, backend: Backend, scopes: Scopes) -> None:
        """Old clients get everything."""
        expected = _seen(backend, scopes)

        with backend.db.connect() as connection:
            found = page(connection, scopes, Filter(), limit=None, now_millis=1)

        assert expected == [row.path for row in found]

    @pytest.mark.parametrize("limit", [3, 1000, None])
    def test_narrows_to_a_project_and_a_tag(self, backend: Backend, scopes: Scopes, limit: int | None) -> None:
        """Filters hold for whatever shows a stack."""
        expected = [path for path in _seen(backend, scopes) if path.project == "beta" and path.name == "stage"]

        with backend.db.connect() as connection:
            found = page(connection, scopes, Filter("beta", ("env", "stage")), limit=limit, now_millis=1)

        assert expected[:limit] == [row.path for row in found]
        assert expected

    def test_takes_two_statements_at_most(self, backend: Backend, scopes: Scopes, counter: Counter) -> None:
        """A page that the first organizations fill takes one."""
        with backend.db.connect() as connection:
            counter.reset()
            page(connection, scopes, Filter(), limit=2, now_millis=1)
            first = len(counter.texts)
            page(connection, scopes, Filter(), limit=1000, now_millis=1)

        assert (1, 3) == (first, len(counter.texts))

    def test_shows_nothing_without_a_visible_stack(self, backend: Backend, scopes: Scopes) -> None:
        """Without organizations there is no page, and after the last stack an empty one."""
        with backend.db.connect() as connection:
            assert [] == page(connection, {}, Filter(), limit=5, now_millis=1)
            assert [] == page(connection, {}, Filter(), limit=None, now_millis=1)
            assert [] == page(connection, scopes, Filter(after=("zzz", "", "")), limit=5, now_millis=1)
