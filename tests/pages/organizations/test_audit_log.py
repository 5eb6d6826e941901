"""The audit log on pages: what is shown, found and exported, what proves it, and what it costs."""

import pytest
from sqlalchemy import update

from common.audit import integrity
from common.backend import Backend
from common.db.tables.audit import audit_events
from common.rights.caller import Caller
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.people import caller_of, make_user
from tests.factories.stacks import make_stack
from tests.pages.org_pages import SETTINGS
from tests.pages.visiting import Visit, location, shown, values

LOG = f"{SETTINGS}/audit-log"
DAY_SECONDS = 86_400
RECORD = r'<th scope="row"><a href="(/acme/settings/audit-log/[^"]*)"'


def events(visit: Visit, **query: str) -> list[str]:
    """The titles of the events on a page, in order."""
    page = visit.open(LOG, **query)
    assert 200 == page.status_code
    return list(values(page, r'<td data-label="Event">([^<]*)<'))


@pytest.fixture
def records(backend: Backend, admin: Caller, clock: FrozenClock) -> None:
    """Three records of two users on two days; the visitor's sign-in is a fourth."""
    make_stack(backend, admin, "dev")
    clock.pass_seconds(DAY_SECONDS)
    make_stack(backend, admin, "prod")
    make_stack(backend, caller_of(backend, make_user(backend, "olga", org="acme")), "test")


@pytest.mark.usefixtures("records")
class TestList:
    def test_has_the_newest_first(self, member: Visit) -> None:
        """Each record has its time, user, event, description and address; the chain is not signed yet."""
        text = shown(member.open(LOG))

        assert ["Stack created"] * 3 + ["User login"] == sorted(events(member))
        assert "3 Jan 2026, 03:04 UTC" in text
        assert "not signed yet" in text

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"user": "olga"}, 1),
            ({"user": "nobody"}, 0),
            ({"event": "stack-created"}, 3),
            ({"event": "stack-deleted"}, 0),
            ({"event": "nonsense"}, 0),
            ({"since": "2026-01-03"}, 3),
            ({"until": "2026-01-02"}, 1),
            ({"since": "2026-01-02", "until": "2026-01-02"}, 1),
            ({"since": "yesterday", "until": "2026-13-40"}, 4),
            ({"since": "0001-01-01", "until": "9999-12-31"}, 4),
        ],
    )
    def test_is_narrowed_by_its_address(self, member: Visit, query: dict[str, str], expected: int) -> None:
        """User, event and days are a part of the address, and stand in the fields again; what cannot be a day narrows nothing."""
        assert expected == len(events(member, **query))
        for value in query.values():
            assert value in member.open(LOG, **query).text

    def test_says_that_a_user_is_unknown(self, member: Visit) -> None:
        """A login that the log has never seen is named."""
        assert "No user is named nobody" in shown(member.open(LOG, user="nobody"))

    def test_costs_few_statements(self, member: Visit, counter: Counter) -> None:
        """The visitor, the user of the filter, the page and the signed end: one statement each."""
        member.open(LOG)
        counter.reset()
        events(member, user="olga", event="stack-created", since="2026-01-01")

        assert (4, 0, 0, 0) == counter.cost

    def test_record_has_a_page(self, member: Visit) -> None:
        """It says everything, and no other address leads to a record."""
        (path, *_) = values(member.open(LOG, user="olga"), RECORD)
        text = shown(member.open(path))

        for part in ("Stack created", "acme/shop/test", "User olga", "Email olga@example.com", "stack-created"):
            assert part in text
        bad = [f"{LOG}/x", f"{path}0", f"{LOG}/1-{path.partition('-log/')[2].partition('-')[2]}", f"{LOG}/{'9' * 30}-{'a' * 32}"]
        assert [404] * 4 == [member.open(other).status_code for other in bad]

    @pytest.mark.parametrize(("form", "begin"), [("csv", "Timestamp,Name,Login"), ("cef", "Jan 03"), ("nonsense", "Timestamp")])
    def test_is_exported(self, member: Visit, form: str, begin: str) -> None:
        """The records that match come as a file; the page has the links with its filters."""
        response = member.open(f"{LOG}/export", format=form, user="olga")

        assert response.text.startswith(begin)
        assert "acme/shop/test" in response.text
        assert "acme/shop/dev" not in response.text
        assert response.headers["content-disposition"].startswith('attachment; filename="acme-audit-log.c')
        assert "/acme/settings/audit-log/export?user=olga&amp;format=csv" in member.open(LOG, user="olga").text


class TestPages:
    def test_of_a_long_log_lead_on(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """A hundred records a page; the filters go along, and a link leads back to the newest."""
        for number in range(101):
            make_stack(backend, admin, f"s{number:03}")
        (older,) = values(member.open(LOG, event="stack-created"), r'<a href="([^"]*)" rel="next">Older')
        second = member.open(older)

        assert "event=stack-created" in older
        assert 1 == len([*values(second, RECORD)])
        assert [f"{LOG}?event=stack-created"] == [*values(second, r'<a href="([^"]*)">Newest')]
        assert 400 == member.open(LOG, after="nonsense").status_code

    def test_of_an_empty_log_say_so(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """A log without records says what will be in it."""
        with backend.db.begin() as tx:
            tx.execute(audit_events.delete())

        assert admin.site_admin
        assert "No records yet" in shown(member.open(LOG))


@pytest.mark.usefixtures("records")
class TestSignedEnd:
    def test_is_named(self, backend: Backend, member: Visit) -> None:
        """After the hourly job the page says up to which record the chain is signed."""
        integrity.sign_heads(backend, "")

        assert "It is signed up to record 4 of 3 Jan 2026, 03:04 UTC , and the signature matches." in shown(member.open(LOG))

    @pytest.mark.parametrize("change", [{"hash": "0" * 64}, {"sequence": 99}])
    def test_that_does_not_match_is_a_warning(self, backend: Backend, member: Visit, change: dict[str, str]) -> None:
        """A record that was changed or removed after it was signed shows."""
        integrity.sign_heads(backend, "")
        with backend.db.begin() as tx:
            tx.execute(update(audit_events).where(audit_events.c.sequence == 4).values(**change))
        text = shown(member.open(LOG))

        assert "The signature of record 4 does not match" in text
        assert "stackhold audit verify" in text


def test_is_for_those_who_may_read_it(backend: Backend, admin: Caller, visit: Visit) -> None:
    """A member without the permission finds no page and no link to one; strangers sign in first."""
    assert admin.site_admin
    first = visit.open(LOG)
    visit.sign_in(make_user(backend, "bob", org="acme"))

    assert location(first).startswith("/signin")
    assert [404, 404, 404] == [visit.open(path).status_code for path in (LOG, f"{LOG}/export", f"{LOG}/1-{'0' * 32}")]
    assert "audit-log" not in visit.open("/acme").text
