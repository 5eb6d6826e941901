"""The values of an environment on its pages: what is known without opening, what an open gives, and secrets on demand."""

import pytest

from common.backend import Backend
from common.environments.model import EnvironmentPath
from common.environments.service import definitions
from common.rights.caller import Caller
from common.rights.permissions import Role
from functions.pages.environments.opened_values import read_value, read_values
from tests.counting import Counter
from tests.factories.people import make_user
from tests.pages.environment_pages import PLAIN, E, make_full_environment, recorded
from tests.pages.visiting import Visit, shown, values

pytestmark = pytest.mark.dialects("sqlite")
PREVIEW = f"{E}/preview"
PART = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def path(backend: Backend, admin: Caller) -> EnvironmentPath:
    """acme/shop/dev with everything."""
    return make_full_environment(backend, admin)


def opened(visit: Visit) -> str:
    """Open the environment, and return the session that its page has."""
    return next(values(visit.submit(PREVIEW, on=PREVIEW, version="latest"), r'name="session" value="([0-9a-f]+)"'))


class TestPreview:
    def test_shows_what_is_known(self, member: Visit) -> None:
        """Values by path, with where they come from; secrets are hidden."""
        page = member.open(PREVIEW)
        text = shown(page)

        assert "nested.deep.value hello 2 This environment" in text
        assert "base hello shop/base" in text
        assert "environmentVariables.TEXT hello 2" in text
        assert PLAIN not in page.text
        assert "Show all secrets" not in text

    def test_costs_few_statements(self, member: Visit, counter: Counter) -> None:
        """Each import is a statement of its own."""
        member.open(PREVIEW)
        counter.reset()

        assert 200 == member.open(PREVIEW).status_code
        assert counter.statements <= 5

    def test_explains_a_definition_that_has_errors_by_now(
        self, backend: Backend, admin: Caller, member: Visit, path: EnvironmentPath
    ) -> None:
        """What was imported is gone: the page says so."""
        definitions.delete(backend, admin, EnvironmentPath(path.org, "shop", "base"))
        page = member.open(PREVIEW)

        assert 400 == page.status_code
        assert "environment 'shop/base' not found" in shown(page)

    def test_of_a_revision(self, member: Visit) -> None:
        """An older revision has its own values."""
        assert "environmentVariables.TEXT hello This" in shown(member.open(PREVIEW, version="2"))
        assert 404 == member.open(PREVIEW, version="77").status_code
        assert 404 == member.open(PREVIEW, version="a b").status_code


class TestOpened:
    def test_hides_secrets_until_someone_asks(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """Each is shown alone, as a part of the page or as a page of its own; every step is recorded."""
        page = member.submit(PREVIEW, on=PREVIEW, version="latest")
        assert "The environment is open" in shown(page)
        assert PLAIN not in page.text
        session = opened(member)
        reveal = f"{PREVIEW}/reveal"
        part = member.submit(reveal, on=PREVIEW, headers=PART, session=session, property="password")

        assert f'<span class="value">{PLAIN}</span>' == part.text.strip()
        assert PLAIN in shown(member.submit(reveal, on=PREVIEW, session=session, property="environmentVariables.PASSWORD"))
        assert "Read a value of environment acme/shop/dev, which was opened" in recorded(backend, admin)[0]

    def test_shows_all_secrets(self, member: Visit) -> None:
        """One button shows them all."""
        page = member.submit(PREVIEW, on=PREVIEW, version="latest", session=opened(member), show="all")

        assert PLAIN in page.text
        assert "Show all secrets" not in page.text

    def test_is_for_those_who_opened_it(self, backend: Backend, member: Visit) -> None:
        """A session of someone else, an unknown one and a path that does not exist are refused."""
        session = opened(member)
        olga = Visit(backend)
        olga.sign_in(make_user(backend, "olga", org="acme", role=Role.ADMIN))
        reveal = f"{PREVIEW}/reveal"

        assert 404 == olga.submit(reveal, on=PREVIEW, session=session, property="password").status_code
        assert 404 == member.submit(reveal, on=PREVIEW, session="0" * 64, property="password").status_code
        none = member.submit(reveal, on=PREVIEW, headers=PART, session=session, property="none")
        assert "has no property" in none.text


def test_rows_have_paths() -> None:
    """Scalars, empty lists and objects, secrets and unknown values are one row each; names are quoted where they must be."""
    reply = (
        b'{"properties":{"a b":{"value":{"c":{"value":[{"value":1,"trace":{"def":{"environment":"x/y"}}},{"value":[]}]}}},'
        b'"s":{"value":"[secret]","secret":true},"u":{"value":"[unknown]","unknown":true},'
        b'"files":{"value":{"F":{"value":"x"}}}}}'
    )
    found = read_values(reply)
    rows = [(row.path, row.text, row.environment) for section in found.sections for row in section.rows]

    assert ["Files", "Values"] == [section.title for section in found.sections]
    assert [("files.F", "x", ""), ('["a b"].c[0]', "1", "x/y"), ('["a b"].c[1]', "[]", "")] == rows[:3]
    assert found.has_secrets
    assert found.has_unknown
    assert '{"a": [true, null]}' == read_value(b'{"value":{"a":{"value":[{"value":true},{"value":null}]}}}')
