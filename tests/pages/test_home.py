"""The home of an organization: what is going on, what to do first, and what it costs."""

import re

from common.backend import Backend
from common.people.tokens import service as tokens
from common.people.tokens.model import NewToken
from common.rights.caller import Caller
from common.rights.org_settings import OrgSettings
from common.rights.permissions import StackLevel
from common.stacks.model import Kind, StackPath
from common.stacks.updates.model import Completion
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.orgs import set_settings
from tests.factories.people import make_user
from tests.factories.stacks import complete, make_running, make_stack, record_events
from tests.pages.visiting import Visit, location, shown


def finish(
    backend: Backend, admin: Caller, path: StackPath, kind: Kind, changes: dict[str, int], *, dry_run: bool = False
) -> None:
    """Run something on a stack that counted changes."""
    running = make_running(backend, admin, path, dry_run=dry_run, kind=kind)
    record_events(backend, running, {"sequence": 1, "timestamp": 1, "summaryEvent": {"resourceChanges": changes}})
    complete(backend, running)


class TestHome:
    def test_of_a_new_organization_says_how_to_begin(self, member: Visit) -> None:
        """Commands to sign in and to make the first stack stand ready to be copied."""
        text = shown(member.open("/acme"))

        assert "Create the first stack" in text
        assert "pulumi login http" in text
        assert "acme/dev" in text

    def test_shows_what_runs_and_what_failed(self, backend: Backend, admin: Caller, member: Visit, counter: Counter) -> None:
        """Running and failed stacks come first, then what changed last; in six statements."""
        complete(backend, make_running(backend, admin, make_stack(backend, admin, "bad")), Completion.FAILED)
        make_running(backend, admin, make_stack(backend, admin, "busy"))
        make_stack(backend, admin, "calm")
        member.open("/acme")
        counter.reset()
        text = shown(member.open("/acme"))

        assert (6, 0, 0, 0) == counter.cost
        assert "Running now" in text
        assert text.index("shop/busy") < text.index("shop/bad") < text.index("shop/calm")

    def test_shows_stacks_that_have_drifted(self, backend: Backend, admin: Caller, member: Visit, clock: FrozenClock) -> None:
        """A stack has drifted while its newest run is a refresh, or a preview of one, that found changes."""
        for name, kind, changes in (
            ("calm", Kind.REFRESH, {"same": 3}),
            ("gone", Kind.REFRESH, {"delete": 1, "same": 2}),
        ):
            finish(backend, admin, make_stack(backend, admin, name), kind, changes)
        finish(backend, admin, make_stack(backend, admin, "program"), Kind.PREVIEW, {"update": 1}, dry_run=True)
        mended = make_stack(backend, admin, "mended")
        finish(backend, admin, mended, Kind.REFRESH, {"update": 1})
        clock.pass_seconds(1)
        finish(backend, admin, mended, Kind.UPDATE, {"update": 1})
        previewed = make_stack(backend, admin, "previewed")
        finish(backend, admin, previewed, Kind.REFRESH, {"update": 2}, dry_run=True)
        page = member.open("/acme").text
        drifted = page[page.index('id="drifted"') : page.index('id="recent"')]

        assert {"shop/gone", "shop/previewed"} == set(re.findall(r'<th scope="row"><a [^>]*>([^<]*)', drifted))
        assert "/acme/shop/gone/updates/1" in drifted
        assert "/acme/shop/previewed/previews/" in drifted

    def test_shows_tokens_that_expire_soon(self, backend: Backend, admin: Caller, member: Visit, visit: Visit) -> None:
        """The reader's own, and the organization's for those who may see them; no one else's, and none that has time."""
        now = int(backend.clock.now().timestamp())
        soon, later = now + 13 * 86_400, now + 15 * 86_400
        for name, expires in (("deploys", soon), ("backups", later)):
            tokens.create_org_token(backend, admin, "acme", NewToken("", expires, name))
        tokens.create_personal_token(backend, admin, NewToken("laptop", soon))
        make_stack(backend, admin)
        own = shown(member.open("/acme"))
        visit.client.cookies.clear()
        visit.sign_in(make_user(backend, "bob", org="acme"))

        assert "laptop of yours expires" in own
        assert "deploys of acme expires" in own
        assert "backups" not in own
        assert "expire soon" not in shown(visit.open("/acme"))

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
