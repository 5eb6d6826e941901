"""The home of an organization: what is going on, what to do first, and what it costs."""

from common.backend import Backend
from common.rights.caller import Caller
from common.rights.org_settings import OrgSettings
from common.rights.permissions import StackLevel
from common.stacks.updates.model import Completion
from tests.counting import Counter
from tests.factories.orgs import set_settings
from tests.factories.people import make_user
from tests.factories.stacks import complete, make_running, make_stack
from tests.pages.visiting import Visit, location, shown


class TestHome:
    def test_of_a_new_organization_says_how_to_begin(self, member: Visit) -> None:
        """Commands to sign in and to make the first stack stand ready to be copied."""
        text = shown(member.open("/acme"))

        assert "Create the first stack" in text
        assert "pulumi login http" in text
        assert "acme/dev" in text

    def test_shows_what_runs_and_what_failed(self, backend: Backend, admin: Caller, member: Visit, counter: Counter) -> None:
        """Running and failed stacks come first, then what changed last; in four statements."""
        complete(backend, make_running(backend, admin, make_stack(backend, admin, "bad")), Completion.FAILED)
        make_running(backend, admin, make_stack(backend, admin, "busy"))
        make_stack(backend, admin, "calm")
        member.open("/acme")
        counter.reset()
        text = shown(member.open("/acme"))

        assert (4, 0, 0, 0) == counter.cost
        assert "Running now" in text
        assert text.index("shop/busy") < text.index("shop/bad") < text.index("shop/calm")

    def test_has_what_the_visitor_may_see(self, backend: Backend, admin: Caller, visit: Visit) -> None:
        """A member who may see no stack is told how to begin."""
        make_stack(backend, admin, "vault")
        set_settings(backend, "acme", OrgSettings(default_stack_permission=StackLevel.NONE))
        visit.sign_in(make_user(backend, "bob", org="acme"))

        assert "vault" not in visit.open("/acme").text
        assert 404 == visit.open("/globex").status_code

    def test_is_where_the_start_leads(self, member: Visit) -> None:
        """The start page leads to the organization that is not the visitor's alone."""
        assert "/acme" == location(member.open("/"))

    def test_project_leads_to_its_stacks(self, member: Visit) -> None:
        """An address of a project is the list of its stacks."""
        assert "/acme/stacks?project=shop" == location(member.open("/acme/shop"))
        assert 404 == member.open("/globex/shop").status_code
