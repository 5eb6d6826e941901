"""SAML, SCIM and the settings of an organization on pages."""

import pytest

from common.backend import Backend
from common.rights.caller import Caller
from common.rights.permissions import StackLevel
from common.stacks.model import UpdateMails
from common.stacks.retention import service as retention
from common.stacks.retention.model import Keep, RetentionPolicy
from common.stacks.service import notifications
from tests.counting import Counter
from tests.factories.people import ADMIN_TOKEN, caller_of, make_user
from tests.factories.stacks import make_stack, make_version
from tests.pages.org_pages import SETTINGS
from tests.pages.visiting import Visit, location, shown, values
from tests.peers.saml_idp import make_pair, metadata

pytestmark = pytest.mark.dialects("sqlite")
SAML, SCIM, GENERAL = f"{SETTINGS}/saml", f"{SETTINGS}/scim", f"{SETTINGS}/general"


class TestSaml:
    def test_shows_the_addresses_that_a_provider_needs(self, member: Visit) -> None:
        """Without a provider the page says so, and has the links to set one up with."""
        page = member.open(SAML)

        assert "No identity provider is set up" in shown(page)
        assert "/login/acme/sso/saml/metadata" in page.text
        assert "/login/acme/sso/saml/acs" in page.text
        assert "/signin/sso/acme" in page.text

    def test_takes_metadata(self, member: Visit) -> None:
        """The provider is shown; what is no metadata says why it cannot be used; an empty text deletes it."""
        saved = member.submit(SAML, on=SAML, metadata=metadata(make_pair("provider")))
        text = shown(member.open(SAML))
        member.submit(SAML, on=SAML, metadata="<x/>")
        bad = shown(member.open(SAML))
        member.submit(SAML, on=SAML, metadata="")

        assert f"{SAML}?done=saved" == location(saved)
        assert "SAML Set up" in text
        assert "Cannot be used" in bad
        assert "No identity provider is set up" in shown(member.open(SAML))

    def test_is_required_only_after_it_worked(self, member: Visit) -> None:
        """The page says what has to come first, and takes hours and a SAML admin."""
        member.submit(SAML, on=SAML, metadata=metadata(make_pair("provider")))
        refused = member.submit(f"{SAML}/rule", on=SAML, required="yes", hours="8")
        hours = member.submit(f"{SAML}/rule", on=SAML, hours="8")
        admin = member.submit(f"{SAML}/admin", on=SAML, login="admin")
        words = member.submit(f"{SAML}/rule", on=SAML, hours="often")

        assert 400 == refused.status_code
        assert "must have signed in through the provider first" in shown(refused)
        assert (303, 303, 400) == (hours.status_code, admin.status_code, words.status_code)
        assert "SAML admin admin" in shown(member.open(SAML))

    def test_is_shown_to_members(self, backend: Backend, visit: Visit) -> None:
        """A member sees what is set up, without forms."""
        visit.sign_in(make_user(backend, "bob", org="acme"))
        page = visit.open(SAML)

        assert 200 == page.status_code
        assert "Metadata of the provider" not in shown(page)


class TestScim:
    def test_token_is_shown_once_and_works(self, member: Visit) -> None:
        """The directory's token is on the page that creates it alone; another one replaces it, and it can be deleted."""
        page = member.submit(SCIM, on=SCIM)
        token = next(values(page, r'id="new-token"[^>]* value="([^"]*)"'))
        headers = {"Authorization": f"Bearer {token}"}
        users = "/scim/v2/acme/Users"
        before = member.client.get(users, headers=headers).status_code
        text = member.open(SCIM)
        deleted = member.submit(f"{SCIM}/delete", on=SCIM)

        assert (200, 401) == (before, member.client.get(users, headers=headers).status_code)
        assert token not in text.text
        assert "Create new token" in shown(text)
        assert f"{SCIM}?done=deleted" == location(deleted)
        assert 404 == member.submit(f"{SCIM}/delete", on=SCIM).status_code


class TestSettings:
    def test_are_changed(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """Levels, what members may do, and how long tokens live; a box that is not ticked is off."""
        assert admin.membership("acme")
        saved = member.submit(GENERAL, on=GENERAL, default_stack_permission="read", members_can_create_stacks="yes", days="")
        membership = caller_of(backend, ADMIN_TOKEN).membership("acme")

        assert f"{GENERAL}?done=saved" == location(saved)
        assert membership is not None
        settings = membership.settings
        assert (StackLevel.READ, True, False) == (
            settings.default_stack_permission,
            settings.members_can_create_stacks,
            settings.members_can_create_teams,
        )

    @pytest.mark.parametrize(("level", "days"), [("most", ""), ("read", "soon"), ("read", "9999"), ("read", "-1")])
    def test_that_cannot_be_are_refused(self, member: Visit, level: str, days: str) -> None:
        """An unknown level, and days that are none or too many, are problems on the page."""
        page = member.submit(GENERAL, on=GENERAL, default_stack_permission=level, days=days)

        assert 400 == page.status_code
        assert "There is a problem" in shown(page)

    def test_switch_the_mails_of_owners(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """New stacks begin with the switches of the organization; those there are follow where that is ticked."""
        old = make_stack(backend, admin)
        saved = member.submit(f"{GENERAL}/mails", on=GENERAL, on_failure="yes")
        new = make_stack(backend, caller_of(backend, ADMIN_TOKEN), "new")
        before = [notifications.get_metadata(backend, admin, path).mails for path in (old, new)]
        member.submit(f"{GENERAL}/mails", on=GENERAL, on_success="yes", all="yes")
        after = [notifications.get_metadata(backend, admin, path).mails for path in (old, new)]

        assert f"{GENERAL}?done=saved" == location(saved)
        assert [UpdateMails(), UpdateMails(on_failure=True)] == before
        assert [UpdateMails(on_success=True)] * 2 == after

    def test_show_what_a_retention_policy_would_delete_before_it_is_saved(
        self, backend: Backend, admin: Caller, member: Visit
    ) -> None:
        """The preview has the form that saves; a number that cannot be is a problem on the page."""
        path = make_stack(backend, admin)
        for name in ("a", "b", "c"):
            make_version(backend, admin, path, name)
        preview = member.open(f"{GENERAL}?keep=versions&count=1")
        wrong = member.open(f"{GENERAL}?keep=days&count=many")
        saved = member.submit(f"{GENERAL}/retention", on=f"{GENERAL}?keep=versions&count=1", keep="versions", count="1")

        assert "This deletes 2 versions of 1 stack, " in shown(preview)
        assert "Save: keep 1 versions" in shown(preview)
        assert (400, True) == (wrong.status_code, "There is a problem" in shown(wrong))
        assert f"{GENERAL}?done=saved" == location(saved)
        assert RetentionPolicy(Keep.VERSIONS, 1) == retention.get_policy(backend, admin, "acme")

    def test_are_read_only_for_members(self, backend: Backend, visit: Visit) -> None:
        """A member sees them and cannot change them."""
        visit.sign_in(make_user(backend, "bob", org="acme"))
        page = visit.open(GENERAL)
        key = visit.form_key("/settings/account")
        refused = visit.client.post(
            GENERAL, data={"form_key": key, "default_stack_permission": "admin"}, headers={"Accept": "text/html"}
        )

        mails = visit.client.post(f"{GENERAL}/mails", data={"form_key": key, "all": "yes"}, headers={"Accept": "text/html"})

        assert "Access to every stack Write" in shown(page)
        assert "An update fails No mail" in shown(page)
        assert "Save changes" not in shown(page)
        assert (403, 403) == (refused.status_code, mails.status_code)


@pytest.mark.parametrize("address", [SAML, SCIM, GENERAL])
def test_costs_few_statements(member: Visit, counter: Counter, address: str) -> None:
    """A page is at most six statements."""
    member.open(address)
    counter.reset()
    member.open(address)

    assert (6, 0, 0, 0) >= counter.cost


def test_personal_organization_has_no_pages_of_members(member: Visit) -> None:
    """A personal organization, which has one member, shows no lists of people and no sign-in of its own in its menu."""
    page = member.open("/admin/settings/general")

    assert 200 == page.status_code
    assert "/admin/settings/tokens" in page.text
    for part in ("members", "invitations", "saml", "scim"):
        assert f"/admin/settings/{part}" not in page.text
