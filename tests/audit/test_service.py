"""The audit log on each database: in the transaction of what it tells of, narrowed, paged, for those who may.

Each of these tests reads the log from the database, and from DynamoDB: readers get the same from both.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from common.audit import service as audit
from common.audit import steps
from common.audit.events import Actor, Entry, Search
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Forbidden, NotFound
from common.rights.caller import Caller
from common.rights.permissions import Role
from tests.aws.moto_process import Moto
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.audit_tables import copy_logs, make_table
from tests.factories.people import caller_of, make_user

ALL = Search()


@pytest.fixture(params=["database", "dynamodb"])
def backend(backend: Backend, request: pytest.FixtureRequest) -> Backend:
    """A backend whose readers get logs from each store."""
    if request.param == "database":
        return backend
    moto: Moto = request.getfixturevalue("moto")
    return replace(backend, audit_table=make_table(moto))


def acme(caller: Caller) -> str:
    """Return the id of acme."""
    return next(found.org_id for found in caller.memberships if found.login == "acme")


def record(backend: Backend, caller: Caller, number: int, event: Event = Event.TEAM_CREATED) -> None:
    """Record something that a caller did."""
    with backend.db.begin() as tx:
        steps.record(tx, backend, caller, acme(caller), event, description=f"number {number}")
    copy_logs(backend)


def everything(backend: Backend, caller: Caller, search: Search = ALL, **narrowed: frozenset[str]) -> list[Entry]:
    """Return the entries of all pages."""
    found, token = audit.page_entries(backend, caller, "acme", search, **narrowed)  # type: ignore[arg-type]
    while token is not None:
        more, token = audit.page_entries(backend, caller, "acme", search, token=token, **narrowed)
        found += more
    return found


def numbers(entries: list[Entry]) -> list[int]:
    """Return which entries they are."""
    return [int(entry.description.removeprefix("number ")) for entry in entries]


class TestRecord:
    def test_goes_with_its_transaction(self, backend: Backend, admin: Caller) -> None:
        """What was not done is not in the log."""

        def fail() -> None:
            with backend.db.begin() as tx:
                steps.record(tx, backend, admin, acme(admin), Event.TEAM_CREATED, description="x")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()

        assert [] == everything(backend, admin)

    def test_keeps_who_by_which_token_and_from_where(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """The actor is named as they were called, and long texts are cut, not lost."""
        actor = Actor("gone", "mallory", "t1", "n" * 300, "2001:db8::1")
        with backend.db.begin() as tx:
            steps.record_as(tx, backend, actor, acme(admin), Event.ISSUER_REFUSED, description="d" * 3_000)
        copy_logs(backend)
        (found,) = everything(backend, admin)

        assert ("mallory", "mallory", "2001:db8::1", "t1") == (
            found.actor.login,
            found.name,
            found.actor.source_ip,
            found.actor.token_id,
        )
        assert (unix_millis(clock.now()), 2_048, "…", 255) == (
            found.recorded_at,
            len(found.description),
            found.description[-1],
            len(found.actor.token_name),
        )


class TestPage:
    def test_is_newest_first_and_loses_none(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """Pages follow one another without gaps, also where many things happened in one instant; two statements each."""
        for number in range(230):
            record(backend, admin, number)
            clock.pass_seconds(number % 60 == 59)

        found = everything(backend, admin)

        assert sorted(range(230)) == sorted(numbers(found))
        assert sorted((entry.recorded_at for entry in found), reverse=True) == [entry.recorded_at for entry in found]

    def test_is_narrowed(self, backend: Backend, admin: Caller, clock: FrozenClock, counter: Counter) -> None:
        """By time, both bounds included, by event and by user; the bounds hold on later pages."""
        alice = caller_of(backend, make_user(backend, "alice", org="acme", role=Role.ADMIN))
        moments = []
        for number in range(4):
            moments.append(unix_millis(clock.now()))
            record(backend, alice if number % 2 else admin, number, Event.TEAM_DELETED if number == 3 else Event.TEAM_CREATED)
            clock.pass_seconds(timedelta(minutes=1).total_seconds())
        counter.reset()

        assert [2, 1] == numbers(everything(backend, admin, Search(moments[1], moments[2])))
        assert (1 if backend.audit_table is None else 2) == counter.statements
        assert [3] == numbers(everything(backend, admin, Search(events=frozenset({"team-deleted", "nonsense"}))))
        assert [3, 1] == numbers(everything(backend, admin, logins=frozenset({"alice"})))
        assert [3, 2, 1, 0] == numbers(everything(backend, admin, logins=frozenset({"alice", "admin"})))
        with pytest.raises(NotFound):
            everything(backend, admin, logins=frozenset({"alice", "nobody"}))

    def test_keeps_its_lower_bound(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """A client that repeats only the token gets no older events than it asked for at first."""
        record(backend, admin, 0)
        clock.pass_seconds(60)
        since = unix_millis(clock.now())
        for number in range(1, 151):
            record(backend, admin, number)
        _, token = audit.page_entries(backend, admin, "acme", Search(since))
        more, last = audit.page_entries(backend, admin, "acme", Search(), token=token)

        assert (50, None) == (len(more), last)
        assert 0 not in numbers(more)

    def test_is_for_those_who_may(self, backend: Backend, admin: Caller) -> None:
        """A plain member is refused, another organization's admin learns nothing, and no organization shows another's."""
        record(backend, admin, 1)
        bob = caller_of(backend, make_user(backend, "bob", org="acme"))
        mallory = caller_of(backend, make_user(backend, "mallory"))
        for call in (audit.page_entries, audit.export_entries):
            with pytest.raises(Forbidden):
                call(backend, bob, "acme", Search())
            with pytest.raises(NotFound):
                call(backend, mallory, "acme", Search())

        assert ([], None) == audit.page_entries(backend, mallory, "mallory", Search())
        _, token = audit.page_entries(backend, admin, "acme", Search())
        assert token is None
        with pytest.raises(BadRequest):
            audit.page_entries(backend, admin, "acme", Search(), token="rubbish")


class TestExport:
    def test_has_all_that_match(self, backend: Backend, admin: Caller) -> None:
        """An export has all that match, however many pages it is read in, and new records move none of its positions."""
        for number in range(25):
            record(backend, admin, number)

        entries = audit.export_entries(backend, admin, "acme", Search(), page_size=10)
        first = next(entries)
        record(backend, admin, 25)
        assert set(range(25)) <= set(numbers([first, *entries])) <= set(range(26))
