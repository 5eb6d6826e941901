"""The pages of a stack: what they say, what they hide, what they cost, and that nothing in them is taken for markup."""

import re

import pytest
from sqlalchemy import select

from common.backend import Backend
from common.db.tables.audit import audit_events
from common.rights.caller import Caller
from common.rights.org_settings import OrgSettings
from common.rights.permissions import StackLevel
from common.stacks.model import StackPath
from functions.pages.paging import PAGE_ROWS
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.orgs import set_settings
from tests.factories.people import caller_of, make_org, make_user
from tests.factories.stacks import complete, make_running, make_stack, record_events
from tests.pages.stack_pages import PLAIN, STACK, make_events, make_full_stack, make_reported
from tests.pages.visiting import HTML, Visit, location, shown
from tests.stacks.engine.builders import urn

# The pages of a stack, with how many statements and reads of the store each may cost.
PAGES = {
    STACK: (4, 1),
    f"{STACK}/activity": (4, 0),
    f"{STACK}/updates": (4, 0),
    f"{STACK}/updates/2": (6, 0),
    f"{STACK}/updates/2?view=log": (6, 0),
    f"{STACK}/updates/2?view=details": (6, 0),
    f"{STACK}/updates/2?steps=all": (6, 0),
    f"{STACK}/updates/2/progress": (6, 0),
    f"{STACK}/updates/2/state": (6, 1),  # two of them record the export
    f"{STACK}/compare": (6, 2),
    f"{STACK}/repair": (4, 1),
    f"{STACK}/updates/1/restore": (6, 2),
    f"{STACK}/previews": (4, 0),
    f"{STACK}/policies": (6, 0),
    f"{STACK}/resources": (4, 1),
    f"{STACK}/resources?q=a&type=test%3Am%3ARes": (4, 1),
    f"{STACK}/resource?urn={urn('a')}": (4, 1),
    f"{STACK}/resources/graph": (4, 1),
    f"{STACK}/resources/graph?urn={urn('b')}": (4, 1),
    f"{STACK}/resource/versions?urn={urn('a')}": (4, 2),
    f"{STACK}/config": (4, 0),
    f"{STACK}/webhooks": (6, 0),
    f"{STACK}/webhooks/announce": (6, 0),
}


@pytest.fixture
def path(backend: Backend, admin: Caller) -> StackPath:
    """acme/shop/dev with outputs, resources and an update."""
    return make_full_stack(backend, admin)


@pytest.mark.usefixtures("path")
class TestPages:
    @pytest.mark.parametrize("address", PAGES)
    def test_cost_few_statements(self, member: Visit, counter: Counter, address: str) -> None:
        """However much a stack has, a page is a handful of statements and one read of its state."""
        member.open(address)
        counter.reset()
        found = member.open(address)
        statements, gets, puts, keys = counter.cost

        assert 200 == found.status_code
        assert (statements, gets) <= PAGES[address]
        assert statements <= PAGES[address][0]
        assert (0, 0) == (puts, keys)

    @pytest.mark.parametrize("address", PAGES)
    def test_never_show_a_secret(self, member: Visit, address: str) -> None:
        """Neither the plaintext nor a marker of its encryption stands on a page; a downloaded state is encrypted."""
        text = member.open(address).text

        assert PLAIN not in text
        assert address.endswith("/state") or "ciphertext" not in text

    def test_of_a_stack_has_what_matters(self, member: Visit) -> None:
        """Readme, outputs, newest update, resources, owner and tags."""
        text = shown(member.open(STACK))

        for part in ("Outputs", "plain hello", "password [secret]", "Update 2", "Result Succeeded", "Owner admin", "note: hello"):
            assert part in text

    def test_of_an_update_has_steps_and_log(self, member: Visit) -> None:
        """Steps with the properties that changed, diagnostics that lead into the log, and the log with a link to each line."""
        steps, log = shown(member.open(f"{STACK}/updates/2")), member.open(f"{STACK}/updates/2?view=log")
        details = shown(member.open(f"{STACK}/updates/2?view=details"))

        for part in ("warned hello", "update a", "+ hello", "Duration", "3s", "~1 updated"):
            assert part in steps
        assert '<li id="L1"><a href="#L1" aria-label="Line 1">1</a><span class="info">line hello</span></li>' in log.text
        assert "shop:key hello" in details
        assert "shop:password [secret]" in details

    def test_of_resources_have_a_tree(self, member: Visit) -> None:
        """Resources stand below their parent; one has its values and its neighbours."""
        rows, found = member.open(f"{STACK}/resources"), member.open(f"{STACK}/resources", q="::B")
        details = shown(member.open(f"{STACK}/resource", urn=urn("a")))

        assert 2 == rows.text.count('class="depth-1"')
        assert "1 resource" in shown(found)
        for part in ("Inputs", "pw [secret]", "Parent shop-dev", "Needed by b", "Depends on Nothing"):
            assert part in details
        assert "for hello" in shown(member.open(f"{STACK}/resource", urn=urn("b")))

    def test_of_a_graph_can_be_read_without_script(self, member: Visit) -> None:
        """A row for each resource, with what it needs, and a link to the graph around it; a URN that is missing is no page."""
        reply = member.open(f"{STACK}/resources/graph", urn=urn("b"))

        assert "Around b 3 of 3 resources, version 2" in shown(reply)
        assert '<tr data-node data-parent="1" data-needs="2">' in reply.text
        assert re.search(r'<script src="/assets/graph-\w+\.js" defer>', reply.text)
        assert 404 == member.open(f"{STACK}/resources/graph", urn="none").status_code

    def test_of_an_older_version_show_its_resources(self, member: Visit, backend: Backend, admin: Caller) -> None:
        """A version in the address is kept in the links."""
        assert "As of version 1" in shown(member.open(f"{STACK}/resources", version="1"))
        assert "version=1" in member.open(f"{STACK}/resources", version="1").text
        assert 404 == member.open(f"{STACK}/resources", version="99").status_code

    def test_overview_with_hidden_secrets_is_not_recorded(self, backend: Backend, member: Visit) -> None:
        """The audit log has no record of a look at a stack, since its secrets stay hidden."""
        member.open(STACK)
        with backend.db.connect() as connection:
            events = set(connection.scalars(select(audit_events.c.event)))

        assert "stack-created" in events
        assert "stack-outputs-read" not in events

    def test_state_is_a_file(self, member: Visit) -> None:
        """The state of a version comes as a file, with the name of its stack."""
        found = member.open(f"{STACK}/updates/1/state")

        assert 'attachment; filename="shop-dev-1.json"' == found.headers["content-disposition"]
        assert 3 == found.json()["version"]


class TestLive:
    def test_part_is_sent_once_for_each_change(self, backend: Backend, admin: Caller, member: Visit, counter: Counter) -> None:
        """While nothing is new the answer is 304 and reads no events; after an event it is the part; at the end it says so."""
        update = make_reported(backend, admin, make_stack(backend, admin), "hello")
        address = f"{STACK}/updates/1/progress"
        first = member.open(address)
        tag = first.headers["etag"]
        counter.reset()
        same = member.client.get(address, headers={**HTML, "If-None-Match": tag})
        statements = counter.cost[0]
        event = {**make_events("later")[2], "sequence": 7}
        record_events(backend, update, event)
        changed = member.client.get(address, headers={**HTML, "If-None-Match": tag})
        complete(backend, update)
        ended = member.client.get(address, headers={**HTML, "If-None-Match": changed.headers["etag"]})

        assert (200, 304, 200, 200) == (first.status_code, same.status_code, changed.status_code, ended.status_code)
        assert ("on", "on", "done") == (first.headers["x-live"], changed.headers["x-live"], ended.headers["x-live"])
        assert "<html" not in first.text
        assert statements <= 4

    def test_page_of_a_running_update_asks_again(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """The page of a running update has the part that is asked for again, and one that has ended has none."""
        update = make_reported(backend, admin, make_stack(backend, admin), "hello")
        running = member.open(f"{STACK}/updates/1").text
        complete(backend, update)

        assert f'<live-part id="progress" src="{STACK}/updates/1/progress">' in running
        assert "live-part" not in member.open(f"{STACK}/updates/1").text

    def test_update_is_cancelled(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """A button cancels an update as the command line does."""
        make_reported(backend, admin, make_stack(backend, admin), "hello")
        page = f"{STACK}/updates/1"
        response = member.submit(f"{page}/cancel", on=page)

        assert page == location(response)
        assert "Result Cancelled" in shown(member.open(page))

    def test_preview_has_the_same_page(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """A preview is shown like an update and is listed by the version it ran after."""
        running = make_running(backend, admin, make_stack(backend, admin), dry_run=True)
        record_events(backend, running, *make_events("hello"))

        assert "warned hello" in shown(member.open(f"{STACK}/previews/{running.id}"))
        assert f"{STACK}/previews/{running.id}" in member.open(f"{STACK}/previews").text
        assert 200 == member.open(f"{STACK}/previews/{running.id}/progress").status_code


class TestActivity:
    def test_has_updates_and_previews_by_time(self, backend: Backend, admin: Caller, member: Visit, clock: FrozenClock) -> None:
        """Both are in one list, newest first, on pages that leave none out."""
        path = make_stack(backend, admin)
        runs = []
        for number in range(PAGE_ROWS + 1):
            clock.pass_seconds(1)
            runs.append(make_running(backend, admin, path, dry_run=number % 2 == 0))
            complete(backend, runs[-1])
        addresses = [f"{STACK}/previews/{run.id}" if number % 2 == 0 else f"{STACK}/updates/" for number, run in enumerate(runs)]
        first, second = member.open(f"{STACK}/activity"), member.open(f"{STACK}/activity?page=2")
        links = [
            re.findall(rf'<th scope="row"><a href="({STACK}/(?:previews/[^"]*|updates/))', one.text) for one in (first, second)
        ]

        assert addresses[::-1] == links[0] + links[1]
        assert [PAGE_ROWS, 1] == [*map(len, links)]
        assert f"{STACK}/activity?page=2" in first.text


@pytest.mark.usefixtures("path")
class TestReveal:
    def test_shows_a_secret_and_records_it(self, backend: Backend, member: Visit) -> None:
        """The value is shown where it was asked for, on a page without script, and the audit log names the output."""
        response = member.submit(f"{STACK}/outputs/reveal", on=STACK, name="password")
        part = member.submit(f"{STACK}/outputs/reveal", on=STACK, headers={"HX-Request": "true"}, name="password")
        with backend.db.connect() as connection:
            query = select(audit_events.c.event, audit_events.c.description).where(audit_events.c.event == "secret-decrypted")
            recorded = connection.execute(query).all()

        assert PLAIN in shown(response)
        assert PLAIN in part.text
        assert "<html" not in part.text
        assert [("secret-decrypted", "Output password of stack acme/shop/dev")] * 2 == [tuple(row) for row in recorded]

    def test_of_what_is_not_there_is_a_page_that_is_missing(self, member: Visit) -> None:
        """An output that the stack does not have is not found."""
        assert 404 == member.submit(f"{STACK}/outputs/reveal", on=STACK, name="none").status_code

    def test_needs_the_permission(self, backend: Backend, visit: Visit) -> None:
        """Who may read a stack and not decrypt it sees no button, and a form of theirs is refused; nothing is recorded."""
        visit.sign_in(make_user(backend, "bob", org="acme"))
        set_settings(backend, "acme", OrgSettings(default_stack_permission=StackLevel.NONE))
        key = visit.form_key("/settings/account")
        response = visit.client.post(f"{STACK}/outputs/reveal", data={"form_key": key, "name": "password"}, headers=HTML)

        assert 404 == response.status_code
        assert PLAIN not in response.text

    def test_needs_the_form_key(self, member: Visit) -> None:
        """A form of another page cannot ask for a secret."""
        response = member.client.post(f"{STACK}/outputs/reveal", data={"name": "password"}, headers=HTML)

        assert 403 == response.status_code
        assert PLAIN not in response.text


class TestVisibility:
    @pytest.mark.parametrize("address", PAGES)
    def test_is_the_same_for_what_is_missing_and_what_is_hidden(self, backend: Backend, admin: Caller, address: str) -> None:
        """A stack of others, one without permission, and none at all are one page; strangers sign in first."""
        make_full_stack(backend, admin)
        owner = caller_of(backend, make_user(backend, "olga"))
        make_org(backend, "globex", owner)
        set_settings(backend, "acme", OrgSettings(default_stack_permission=StackLevel.NONE))
        bob = Visit(backend)
        assert location(bob.open(address)).startswith("/signin?return_to=")
        bob.sign_in(make_user(backend, "bob", org="acme"))
        found = [bob.open(address.replace(STACK, stack)) for stack in (STACK, "/acme/shop/none", "/globex/shop/dev", "/none/a/b")]

        assert {404} == {page.status_code for page in found}
        assert 1 == len({re.sub(r"[0-9a-f]{64}", "", page.text) for page in found})
