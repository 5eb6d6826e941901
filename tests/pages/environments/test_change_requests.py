"""Pages of change requests and change gates: from a draft in the editor to a revision, and access that is requested."""

import pytest

from common.approvals.gates import GateRequest, NamedApprover
from common.approvals.model import Action, ApproverKind, GateTarget
from common.backend import Backend
from common.change_requests.service import gates
from common.environments.model import EnvironmentPath
from common.environments.service import definitions, drafts
from common.rights.caller import Caller
from common.rights.permissions import Permission, Role
from tests.counting import Counter
from tests.factories.environments import make_environment
from tests.factories.people import make_user
from tests.factories.roles import hold, make_role
from tests.pages.environment_pages import E, make_change_request, make_full_environment
from tests.pages.visiting import Visit, location, shown, values

pytestmark = pytest.mark.dialects("sqlite")
LIST, GATES, EDIT = f"{E}/change-requests", f"{E}/settings/gates", f"{E}/edit"
TEXT = "values:\n  a: 1\n  b: 2\n  c: 3\n  d: 4\n"
GATE = {"name": "two eyes", "target": "this", "action": "update", "approvals": "1", "users": "rita", "enabled": "yes"}


@pytest.fixture
def path(backend: Backend, admin: Caller) -> EnvironmentPath:
    """acme/shop/dev with a short definition."""
    return make_environment(backend, admin, "shop/dev", TEXT)


@pytest.fixture
def reviewer(backend: Backend, admin: Caller) -> Visit:
    """A browser that rita is signed in with, another administrator."""
    assert admin.login
    visit = Visit(backend)
    visit.sign_in(make_user(backend, "rita", org="acme", role=Role.ADMIN))
    return visit


def make_draft(visit: Visit, text: str) -> str:
    """Save a draft in the editor, and return the address of its change request."""
    etag = next(values(visit.open(EDIT), r'name="etag" value="([^"]*)"'))
    sent = visit.submit(EDIT, on=EDIT, definition=text, etag=etag, action="draft")
    return location(sent).partition("?")[0]


def stored(backend: Backend, admin: Caller, path: EnvironmentPath) -> str:
    """The newest definition."""
    return definitions.get(backend, admin, path).text.decode()


@pytest.mark.usefixtures("path")
class TestDraft:
    def test_becomes_a_revision(
        self, *, backend: Backend, admin: Caller, member: Visit, reviewer: Visit, path: EnvironmentPath
    ) -> None:
        """A draft is saved in the editor, submitted, approved by someone else, and applied; each page says what comes next."""
        assert f"{GATES}?done=created" == location(member.submit(GATES, on=GATES, headers=None, **GATE))
        refused = member.submit(EDIT, on=EDIT, definition="values: {a: 7}\n", action="save")
        assert (400, True) == (refused.status_code, "need an approval" in shown(refused))

        draft = make_draft(member, TEXT.replace("a: 1", "a: 7"))
        assert TEXT == stored(backend, admin, path)
        page = shown(member.open(draft))
        assert "Draft without a description" in page
        assert "two eyes 0 of 1" in page
        assert f"{draft}?done=submitted" == location(member.submit(f"{draft}/submit", on=draft, description="More load"))
        assert "two eyes has 0 of 1 approvals" in shown(member.open(LIST))
        page = shown(member.open(draft))
        assert "You are not among the approvers" in page
        assert "More load Needs approval" in page
        early = member.submit(f"{draft}/apply", on=draft)
        assert (409, True) == (early.status_code, "needs more approvals" in shown(early))

        changes = shown(reviewer.open(f"{draft}/changes"))
        assert "removed: a: 1 added: a: 7" in changes
        assert "admin created the request" in changes
        approved = reviewer.submit(f"{draft}/approve", on=draft, revision="0", comment="Looks good")
        assert f"{draft}?done=approved" == location(approved)
        assert "two eyes 1 of 1 rita" in shown(member.open(draft))
        assert f"{draft}?done=applied" == location(member.submit(f"{draft}/apply", on=draft))
        assert TEXT.replace("a: 1", "a: 7") == stored(backend, admin, path)
        assert "removed: a: 1 added: a: 7" in shown(member.open(f"{draft}/changes"))
        assert "No open change requests" in shown(member.open(LIST))
        assert "More load" in shown(member.open(LIST, show="closed"))

    def test_shows_older_revisions_to_those_who_may_read_them(self, backend: Backend, member: Visit) -> None:
        """After a request has ended it is compared with an older revision, which needs the permission to read revisions."""
        draft = make_draft(member, TEXT.replace("a: 1", "a: 7"))
        visit = Visit(backend)
        visit.sign_in(make_user(backend, "vera", org="acme"))
        hold(backend, "vera", make_role(backend, Permission.ENVIRONMENT_READ))
        assert "removed: a: 1" in shown(visit.open(f"{draft}/changes"))
        member.submit(f"{draft}/close", on=draft)

        assert 404 == visit.open(f"{E}/revisions/1").status_code
        assert "removed: a: 1" not in shown(visit.open(f"{draft}/changes"))
        assert "removed: a: 1" in shown(member.open(f"{draft}/changes"))

    def test_is_edited_and_asks_for_approval_again(self, member: Visit, reviewer: Visit) -> None:
        """A new revision of a draft makes approvals lapse, and an approval of the revision before is refused."""
        member.submit(GATES, on=GATES, headers=None, reapproval="yes", **GATE)
        draft = make_draft(member, TEXT.replace("a: 1", "a: 7"))
        member.submit(f"{draft}/submit", on=draft)
        reviewer.submit(f"{draft}/approve", on=draft, revision="0")
        assert "Ready" in shown(member.open(draft))
        etag = next(values(member.open(f"{draft}/edit"), r'name="etag" value="([^"]*)"'))
        text = TEXT.replace("a: 1", "a: 8")
        saved = member.submit(f"{draft}/edit", on=f"{draft}/edit", definition=text, etag=etag, action="save")

        assert f"{draft}?done=saved" == location(saved)
        assert "rita approved revision 0 (does not count: revision 1 is newer)" in shown(member.open(draft))
        old = reviewer.submit(f"{draft}/approve", on=draft, revision="0")
        assert (400, True) == (old.status_code, "look at revision 1" in shown(old))

    def test_keeps_what_was_written(self, member: Visit) -> None:
        """A draft that someone else changed, or a text with mistakes, comes back with what was written."""
        draft = make_draft(member, TEXT.replace("a: 1", "a: 7"))
        edit = f"{draft}/edit"
        late = member.submit(edit, on=edit, definition=TEXT.replace("a: 1", "a: 9"), etag='"other"', action="save")
        assert 409 == late.status_code
        assert "Revision 0 of the draft was saved in the meantime" in shown(late)
        assert "removed: a: 7 added: a: 9" in shown(late)
        wrong = member.submit(edit, on=edit, definition="values: {a: '${none}'}", action="save")
        assert (400, True) == (wrong.status_code, "${none}" in wrong.text)
        checked = member.submit(edit, on=edit, definition="values: {a: '${none}'}", action="check")
        assert (200, True) == (checked.status_code, "1 problem" in shown(checked))

    def test_is_rebased(self, backend: Backend, admin: Caller, member: Visit, path: EnvironmentPath) -> None:
        """A rebase merges what changed in the environment; where both changed, the lines are named and nothing is lost."""
        near = make_draft(member, TEXT.replace("a: 1", "a: 7"))
        far = make_draft(member, TEXT.replace("d: 4", "d: 8"))
        definitions.update(backend, admin, path, TEXT.replace("a: 1", "a: 5").encode())
        assert "Rebase the draft before it is applied" in shown(member.open(far))

        clash = member.submit(f"{near}/rebase", on=near)
        assert (409, True) == (clash.status_code, "1 conflict" in shown(clash))
        assert "line 2 of the draft, line 2 of revision 3" in shown(clash)
        assert f"{far}?done=rebased" == location(member.submit(f"{far}/rebase", on=far))
        member.submit(f"{far}/submit", on=far)
        member.submit(f"{far}/apply", on=far)
        assert TEXT.replace("a: 1", "a: 5").replace("d: 4", "d: 8") == stored(backend, admin, path)

    def test_is_described_commented_and_closed(self, member: Visit) -> None:
        """A request is described, commented, approved and no longer, and closed; its log has all of it."""
        draft = make_draft(member, "values: {a: 7}\n")
        member.submit(f"{draft}/submit", on=draft, description="First")
        for action, fields in {
            "describe": {"description": "Second"},
            "comment": {"comment": "Please wait"},
            "approve": {"revision": "0"},
            "close": {"comment": "Not needed"},
        }.items():
            assert 303 == member.submit(f"{draft}/{action}", on=draft, headers=None, **fields).status_code or action == "approve"

        log = shown(member.open(f"{draft}/changes"))
        words = ("created the request", "submitted the request", "changed the description", "Please wait", "Not needed")
        assert all(text in log for text in words)
        page = member.open(draft)
        assert "Second Closed" in shown(page)
        assert not any(f"{draft}/{action}" in page.text for action in ("edit", "submit", "approve", "apply", "close", "rebase"))
        assert 404 == member.open(f"{draft}/edit").status_code

    def test_belongs_to_its_environment(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """The address of another environment does not lead to a request, and nothing is done with it there."""
        make_environment(backend, admin, "shop/other", TEXT)
        draft = make_draft(member, "values: {a: 7}\n")
        elsewhere = draft.replace("/dev/", "/other/")

        assert [404, 404, 404] == [member.open(f"{elsewhere}{part}").status_code for part in ("", "/changes", "/edit")]
        assert 404 == member.submit(f"{elsewhere}/close", on=draft).status_code
        assert "Close request" in shown(member.open(draft))


class TestList:
    def test_is_filtered_and_paged_by_the_address(
        self, backend: Backend, admin: Caller, member: Visit, path: EnvironmentPath
    ) -> None:
        """Filters and the page are in the address; a page has fifty requests."""
        for number in range(51):
            drafts.create(backend, admin, path, f"values: {{a: {number}}}\n".encode())
        first = member.open(LIST)
        (older,) = values(first, r'href="([^"]*after=[^"]*)"')

        assert [50, 1] == [page.text.count(f'href="{LIST}/') for page in (first, member.open(older))]
        assert "Newest" in shown(member.open(older))
        assert "No change requests match" in shown(member.open(LIST, by="rita"))
        assert 50 == member.open(LIST, by="admin", kind="update").text.count(f'href="{LIST}/')
        assert "No change requests match" in shown(member.open(LIST, kind="open"))
        assert 400 == member.open(LIST, after="rubbish").status_code

    def test_costs_few_statements(self, backend: Backend, admin: Caller, member: Visit, counter: Counter) -> None:
        """A list and a request cost at most six statements, with approvers whose permissions a gate looks at."""
        make_full_environment(backend, admin)
        at = make_change_request(backend, admin)
        for address in (LIST, f"{LIST}/{at['request_id']}", f"{LIST}/{at['request_id']}/changes", f"{GATES}/{at['gate_id']}"):
            member.open(address)
            counter.reset()
            assert 200 == member.open(address).status_code
            assert counter.statements <= 6, address


@pytest.mark.usefixtures("path")
class TestAccess:
    def test_is_requested_approved_and_used(self, member: Visit, reviewer: Visit) -> None:
        """Opening behind a gate names the way: a request with its terms, approved by someone else, applied by its author."""
        wrong = member.submit(LIST, on=LIST, access_hours="72", grant_hours="25")
        assert (400, True) == (wrong.status_code, "needs an approval to be opened" in shown(wrong))
        member.submit(GATES, on=GATES, headers=None, **{**GATE, "action": "open"})
        refused = member.submit(f"{E}/preview", on=f"{E}/preview", version="latest")
        assert "request access" in shown(refused)
        assert 400 == member.submit(LIST, on=LIST, access_hours="many", grant_hours="25").status_code

        long = member.submit(LIST, on=LIST, description="x" * 10_001, access_hours="2", grant_hours="24")
        assert (400, True) == (long.status_code, "No open change requests" in shown(member.open(LIST)))
        sent = member.submit(LIST, on=LIST, description="Incident 12", access_hours="2", grant_hours="24")
        address = location(sent).partition("?")[0]
        page = shown(reviewer.open(address))
        assert "Incident 12" in page
        assert "Access 2 hours" in page
        reviewer.submit(f"{address}/approve", on=address, revision="0")
        assert f"{address}?done=applied" == location(member.submit(f"{address}/apply", on=address))
        opened = member.submit(f"{E}/preview", on=f"{E}/preview", version="latest")
        assert "The environment is open" in shown(opened)


@pytest.mark.usefixtures("path")
class TestGates:
    def test_are_created_changed_and_deleted(self, backend: Backend, admin: Caller, member: Visit, reviewer: Visit) -> None:
        """A gate is created, shown with its approvers, changed and deleted on its pages."""
        assert reviewer.is_signed_in()
        member.submit(GATES, on=GATES, headers=None, permission="environment:write", **GATE)
        page = member.open(GATES)
        assert "Everyone who may edit the environment" in shown(page)
        (address,) = values(page, rf'href="({GATES}/[^"]+)"')
        changed = member.submit(
            address, on=address, headers=None, **{**GATE, "name": "four eyes", "approvals": "2", "target": "all"}
        )
        assert f"{address}?done=saved" == location(changed)
        (gate,) = (one.gate for one in gates.list_gates(backend, admin, "acme"))
        assert ("four eyes", "", 2, True) == (gate.name, gate.target.qualified_name, gate.rule.approvals_required, gate.enabled)
        assert (1, False) == (len(gate.rule.approvers), gate.rule.requires_reapproval)
        assert f"{GATES}?done=deleted" == location(member.submit(f"{address}/delete", on=address))
        assert "No change gates" in shown(member.open(GATES))

    @pytest.mark.parametrize(
        ("field", "text", "problem"),
        [
            ("approvals", "0", "from 1 to 50"),
            ("approvals", "many", "from 1 to 50"),
            ("users", "", "name someone who may approve"),
            ("users", "unknown", "not found in organization acme"),
            ("action", "", "choose what needs an approval"),
        ],
    )
    def test_come_back_with_what_is_wrong(self, member: Visit, field: str, text: str, problem: str) -> None:
        """A form with a mistake comes back with what was entered."""
        sent = member.submit(GATES, on=GATES, headers=None, **{**GATE, "users": "admin", field: text})

        assert sent.status_code in (400, 404)
        assert problem.lower() in shown(sent).lower()
        assert 'value="two eyes"' in sent.text

    def test_keep_what_the_form_does_not_offer(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """A permission that another client chose is in the form of the gate, ticked."""
        approver = NamedApprover(ApproverKind.PERMISSION, "environment:rotate")
        target = GateTarget("environment", "shop/dev", (Action.UPDATE,))
        request = GateRequest("other", True, target, 1, False, True, (approver,))
        gate = gates.create_gate(backend, admin, "acme", request).gate

        assert 'value="environment:rotate" checked' in member.open(f"{GATES}/{gate.id}").text

    def test_of_other_environments_are_missing(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """The address of another environment does not lead to a gate."""
        make_environment(backend, admin, "shop/other", TEXT)
        member.submit(GATES, on=GATES, headers=None, **{**GATE, "users": "admin"})
        (address,) = values(member.open(GATES), rf'href="({GATES}/[^"]+)"')
        elsewhere = address.replace("/dev/", "/other/")

        assert 404 == member.open(elsewhere).status_code
        assert 404 == member.submit(f"{elsewhere}/delete", on=address).status_code

    def test_are_for_readers_to_see(self, backend: Backend, member: Visit) -> None:
        """Who may not change gates sees them without a form."""
        member.submit(GATES, on=GATES, headers=None, **{**GATE, "users": "admin"})
        bob = Visit(backend)
        bob.sign_in(make_user(backend, "bob", org="acme"))
        hold(backend, "bob", make_role(backend, Permission.ENVIRONMENT_READ))
        page = bob.open(GATES)

        assert (200, False) == (page.status_code, "Create change gate" in page.text)
