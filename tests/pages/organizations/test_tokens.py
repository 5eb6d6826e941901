"""Access tokens of organizations and teams on pages: shown once, listed, revoked."""

import pytest

from common.backend import Backend
from common.people.teams import service as teams
from common.rights import built_in
from common.rights.caller import Caller
from common.rights.org_settings import OrgSettings
from tests.factories.orgs import set_settings
from tests.factories.people import caller_of
from tests.pages.org_pages import SETTINGS
from tests.pages.visiting import Visit, location, shown, values

pytestmark = pytest.mark.dialects("sqlite")
TOKENS = f"{SETTINGS}/tokens"
TEAM_TOKENS = f"{SETTINGS}/teams/web/tokens"
SECRET = r'id="new-token"[^>]* value="([^"]*)"'
DELETE = r'action="(/acme/settings/[^"]*/delete)"'


@pytest.fixture
def web(backend: Backend, admin: Caller) -> None:
    """Team web of acme."""
    teams.create_team(backend, admin, "acme", "web")


@pytest.mark.usefixtures("web")
@pytest.mark.parametrize("address", [TOKENS, TEAM_TOKENS])
class TestToken:
    def test_is_shown_once_and_works(self, backend: Backend, member: Visit, address: str) -> None:
        """The page that creates a token shows it with a button to copy it; no other page does."""
        page = member.submit(address, on=address, name="ci", description="nightly", days="90", role=built_in.MEMBER.id)
        token = next(values(page, SECRET))
        listed = member.open(address)

        assert 'data-copy="new-token"' in page.text
        assert caller_of(backend, token).membership("acme") is not None
        assert token not in listed.text
        assert "ci nightly" in shown(listed)
        assert "Not used yet" in shown(page)

    def test_expires_in_90_days_by_default(self, backend: Backend, member: Visit, address: str) -> None:
        """The list of lifetimes has 90 days chosen, and what the organization allows where that is less."""
        default = member.open(address).text
        set_settings(backend, "acme", OrgSettings(max_access_token_expiry_days=0))
        never = member.submit(address, on=address, name="for-ever", days="0")

        assert '<option value="90" selected>' in default
        assert "Never" in shown(never)

    def test_is_revoked(self, member: Visit, address: str) -> None:
        """A revoked token is gone from the list; a second time is a problem."""
        member.submit(address, on=address, name="ci", days="7")
        delete = next(values(member.open(address), DELETE))
        revoked = member.submit(delete, on=address)

        assert f"{address}?done=revoked" == location(revoked)
        assert "No access tokens yet" in shown(member.open(address))
        assert 404 == member.submit(delete, on=address).status_code

    def test_is_refused_with_a_reason(self, member: Visit, address: str) -> None:
        """A bad name, a lifetime that is no number, and a name that is taken are problems on the page."""
        member.submit(address, on=address, name="ci", days="7")
        statuses = [
            member.submit(address, on=address, name=name, days=days).status_code
            for name, days in (("a b", "7"), ("cd", "soon"), ("ci", "7"))
        ]

        assert [400, 400, 409] == statuses

    def test_is_found_by_its_address(self, member: Visit, address: str) -> None:
        """Text and state narrow the list; pages of older ones keep them."""
        for number in range(51):
            member.submit(address, on=address, name=f"ci-{number}", days="7")
        found = member.open(address, q="CI-5")

        assert "ci-50" in shown(found)
        assert "ci-1 " not in shown(found)
        assert "No access tokens match" in shown(member.open(address, state="expired"))
        older = next(values(member.open(address, q="ci"), r'href="([^"]*)" rel="next"'))
        assert "q=ci&after=" in older
        assert "ci-0 None" in shown(member.open(older))


def test_admin_token_is_an_admins(backend: Backend, member: Visit) -> None:
    """The role of a token is chosen from the list."""
    page = member.submit(TOKENS, on=TOKENS, name="ci", days="7", role=built_in.ADMIN.id)
    membership = caller_of(backend, next(values(page, SECRET))).membership("acme")

    assert membership is not None
    assert membership.is_admin
