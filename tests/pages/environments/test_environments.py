"""Lists of environments, and an environment at a glance: what they say, what they hide and what they cost."""

import pytest

from common.backend import Backend
from common.environments.model import EnvironmentPath
from common.environments.service import definitions, tags
from common.rights.caller import Caller
from tests.counting import Counter
from tests.factories.environments import make_environment
from tests.factories.people import make_user
from tests.pages.environment_pages import PLAIN, E, make_full_environment
from tests.pages.visiting import Visit, location, shown, values

pytestmark = pytest.mark.dialects("sqlite")
LIST = "/acme/esc"
ROW = r'<th scope="row"[^>]*><a href="([^"]*)"'


@pytest.fixture
def path(backend: Backend, admin: Caller) -> EnvironmentPath:
    """acme/shop/dev with everything."""
    return make_full_environment(backend, admin)


def rows(visit: Visit, **query: str) -> list[str]:
    """The addresses that the rows of the list lead to."""
    page = visit.open(LIST, **query)
    assert 200 == page.status_code
    return list(values(page, ROW))


class TestList:
    def test_says_how_to_begin(self, member: Visit) -> None:
        """Without environments the page says what they are for."""
        page = shown(member.open(LIST))

        assert "No environments yet" in page
        assert "pulumi env init acme/project/environment" in page

    def test_groups_by_project(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """Environments are in order of project and name, and the main list leads to them."""
        for name in ("web/b", "web/a", "app/z"):
            make_environment(backend, admin, name)

        assert ["/acme/esc/app/z", "/acme/esc/web/a", "/acme/esc/web/b"] == rows(member)
        assert '<a href="/acme/esc" data-key="g e"' in member.open("/acme").text
        assert ["None"] * 3 == list(values(member.open(LIST), r'<td data-label="Tags">([^<]*)<'))

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ({"q": "we"}, ["web/a", "web/b"]),
            ({"q": "WEB /a"}, ["web/a"]),
            ({"q": "web/b"}, ["web/b"]),
            ({"q": "team=pay"}, ["web/b"]),
            ({"q": "%"}, []),
            ({"q": "_"}, []),
            ({"q": "\\"}, []),
            ({"project": "app"}, ["app/z"]),
            ({"tag": "team"}, ["app/z", "web/b"]),
            ({"tag": "team=payments"}, ["web/b"]),
            ({"tag": "team=x"}, []),
            ({"page": "2"}, []),
            ({"page": "x"}, ["app/z", "web/a", "web/b"]),
        ],
    )
    def test_is_narrowed_by_its_address(
        self, backend: Backend, admin: Caller, member: Visit, query: dict[str, str], names: list[str]
    ) -> None:
        """Names, projects and tags are searched; a mark of patterns stands for itself."""
        made = {name: make_environment(backend, admin, name) for name in ("web/a", "web/b", "app/z")}
        tags.create_tag(backend, admin, made["web/b"], "team", "payments")
        tags.create_tag(backend, admin, made["app/z"], "team", "other")

        assert [f"/acme/esc/{name}" for name in names] == rows(member, **query)

    def test_shows_what_one_may_see(self, backend: Backend, admin: Caller) -> None:
        """A member sees their own environments, and no one else's."""
        make_environment(backend, admin, "app/hidden")
        bob = Visit(backend)
        bob.sign_in(make_user(backend, "bob", org="acme"))
        bob.submit(LIST, on=LIST, project="app", name="mine")

        assert ["/acme/esc/app/mine"] == rows(bob)
        assert 404 == bob.open("/acme/esc/app/hidden").status_code

    def test_creates(self, member: Visit) -> None:
        """A new environment leads to its editor; a name that is taken, or cannot be, comes back with the reason."""
        assert f"{E}/edit" == location(member.submit(LIST, on=LIST, project="shop", name="dev"))
        assert "/acme/esc/default/dev/edit" == location(member.submit(LIST, on=LIST, project="", name="dev"))

        taken = member.submit(LIST, on=LIST, project="shop", name="dev")
        assert 409 == taken.status_code
        assert "already exists" in shown(taken)
        assert 'value="dev"' in taken.text
        assert 400 == member.submit(LIST, on=LIST, project="shop", name="a b").status_code

    def test_restores(self, backend: Backend, admin: Caller, member: Visit, path: EnvironmentPath) -> None:
        """Deleted environments are listed, and come back with what they had."""
        definitions.delete(backend, admin, path)
        deleted = f"{LIST}?show=deleted"
        assert "shop/dev" in shown(member.open(deleted))

        assert E == location(member.submit(deleted, on=deleted, project="shop", name="dev"))
        assert "No deleted environments" in shown(member.open(deleted))
        assert 404 == member.submit(deleted, on=LIST, project="shop", name="dev").status_code

    def test_costs_few_statements(self, backend: Backend, admin: Caller, member: Visit, counter: Counter) -> None:
        """A page of the list costs five statements at most, however long the list is."""
        for number in range(60):
            made = make_environment(backend, admin, f"web/e{number}")
            tags.create_tag(backend, admin, made, "team", "x")
        member.open(LIST)
        counter.reset()

        assert 50 == len(rows(member, q="web", tag="team=x"))
        assert counter.statements <= 5


@pytest.mark.usefixtures("path")
class TestOverview:
    def test_shows_what_there_is(self, member: Visit) -> None:
        """The definition without plaintext of secrets, owner, tags, newest revision, imports and referrers."""
        page = member.open(E)
        text = shown(page)

        for part in ("fn::secret", "Owner admin", "note: hello", "Revision 3", "shop/base", "Imported by shop/prod"):
            assert part in text
        assert '<span class="yaml-key">plain</span>' in page.text
        assert PLAIN not in page.text

    @pytest.mark.parametrize("version", ["2", "stable"])
    def test_address_with_a_version_leads_to_the_revision(self, member: Visit, version: str) -> None:
        """The command line adds a version to the address."""
        assert f"{E}/revisions/{version}" == location(member.open(E, version=version))

    def test_costs_few_statements(self, member: Visit, counter: Counter) -> None:
        """Six statements, two of which record that the definition was read."""
        member.open(E)
        counter.reset()

        assert 200 == member.open(E).status_code
        assert counter.statements <= 6
