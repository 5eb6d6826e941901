"""The outbox: what is queued goes out once, is tried again, given up, shown to administrators and forgotten."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from common.backend import Backend
from common.core.errors import BadRequest, Forbidden, NotFound
from common.db.tables.sign_in import mails
from common.mailing import cleanup
from common.mailing import service as mailing
from common.mailing import steps as mailing_steps
from common.mailing.model import NewMail, Purpose, QueuedMail, clean_address
from common.ports.mail import Mail, Mailer, NotSent
from common.rights.caller import Caller
from functions.jobs import JOBS, run_due
from tests.clocks import FrozenClock
from tests.factories.people import caller_of, make_user
from tests.factories.sign_in import at_once, delivered, opened, sign_up
from tests.interleaving import Crash, crash

MINUTE = 60


def write(_backend: Backend, mail: QueuedMail) -> Mail:
    """Write a mail that says what it is."""
    return Mail(mail.address, mail.purpose, "text")


def queued(server: Backend, *addresses: str) -> None:
    """Queues mails."""
    with server.db.begin() as tx:
        mailing_steps.queue(tx, server, [NewMail(Purpose.RESET, address) for address in addresses])


def sent(server: Backend) -> int:
    """Send what is due, and returns how often a mail was looked at."""
    return sum(iter(lambda: mailing.send_one(server, write), 0))


def only(server: Backend, admin: Caller) -> QueuedMail:
    """Return the one mail there is."""
    [mail], following = mailing.page_mails(server, admin, None)
    assert following is None
    return mail


class TestRetry:
    def test_sends_a_mail_that_was_given_up(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """A retry has as many attempts as a new mail."""
        server, box = opened(backend)
        queued(server, "a@example.com")
        box.refusal = NotSent("no such mailbox", is_final=True)
        sent(server)
        given_up = only(server, admin)
        box.refusal = None
        mailing.retry_mail(server, admin, given_up.id)

        assert (1, ["a@example.com"]) == (sent(server), [one.to for one in box.take()])
        assert (0, None) == (given_up.attempts - 1, given_up.due_at)
        assert only(server, admin).is_sent

    def test_is_for_mails_that_were_given_up(self, backend: Backend, admin: Caller) -> None:
        """One that waits, one that was sent, and an unknown one are not found."""
        server, _ = opened(backend)
        queued(server, "a@example.com")
        for mail_id in (only(server, admin).id, "x"):
            with pytest.raises(NotFound):
                mailing.retry_mail(server, admin, mail_id)
        sent(server)
        with pytest.raises(NotFound):
            mailing.retry_mail(server, admin, only(server, admin).id)

    def test_is_for_site_administrators(self, backend: Backend) -> None:
        """No one else sends mails again."""
        with pytest.raises(Forbidden):
            mailing.retry_mail(backend, caller_of(backend, make_user(backend, "alice", org=None)), "x")


class TestSendOne:
    def test_sends_the_oldest_first_and_each_once(self, backend: Backend, clock: FrozenClock) -> None:
        """What was queued first goes out first, and what went out is not sent again."""
        server, box = opened(backend)
        queued(server, "a@example.com")
        clock.pass_seconds(1)
        queued(server, "b@example.com", "c@example.com")

        assert 3 == sent(server)
        first, *others = [one.to for one in box.take()]
        assert ("a@example.com", ["b@example.com", "c@example.com"]) == (first, sorted(others))
        clock.pass_seconds(86_400)
        assert (0, []) == (sent(server), box.take())

    def test_goes_with_its_transaction(self, backend: Backend) -> None:
        """A mail of a change that did not happen is not sent."""
        server, box = opened(backend)

        def change() -> None:
            with server.db.begin() as tx:
                mailing_steps.queue(tx, server, [NewMail(Purpose.RESET, "a@example.com")])
                crash()

        with pytest.raises(Crash):
            change()
        assert (0, []) == (sent(server), box.take())

    def test_two_at_once_send_one(self, backend: Backend) -> None:
        """Two senders never take the same mail."""
        server, box = opened(backend)
        queued(server, *(f"a{number}@example.com" for number in range(6)))
        at_once(*[lambda: sent(server)] * 3)

        assert [f"a{number}@example.com" for number in range(6)] == sorted(one.to for one in box.take())

    def test_tries_again_after_longer_and_longer_pauses(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """A mail that the server does not take is tried after 1, 4, 16 minutes and so on, eight times, and then given up."""
        server, box = opened(backend)
        box.refusal = NotSent("the server answers 451")
        queued(server, "a@example.com")
        pauses = []
        for _ in range(7):
            assert 1 == sent(server)
            mail = only(server, admin)
            assert mail.due_at is not None
            pauses.append((mail.due_at - int(clock.moment.timestamp() * 1000)) // 60_000)
            clock.moment = clock.moment.fromtimestamp(mail.due_at / 1000, clock.moment.tzinfo)
        assert 1 == sent(server)
        mail = only(server, admin)

        assert [1, 4, 16, 64, 256, 360, 360] == pauses
        assert (None, None, 8, "the server answers 451") == (mail.due_at, mail.sent_at, mail.attempts, mail.problem)
        clock.pass_seconds(86_400)
        assert 0 == sent(server)

    def test_goes_out_when_the_server_is_back(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """A mail that was refused for a while is sent in the end, and its problem is forgotten."""
        server, box = opened(backend)
        box.refusal = NotSent("no answer in time")
        queued(server, "a@example.com")
        sent(server)
        box.refusal = None
        clock.pass_seconds(MINUTE)
        sent(server)

        assert ["a@example.com"] == [one.to for one in box.take()]
        assert (True, "", 2) == (only(server, admin).is_sent, only(server, admin).problem, only(server, admin).attempts)

    def test_gives_up_at_once_what_is_refused_for_good(self, backend: Backend, admin: Caller) -> None:
        """A recipient that the server will never take is tried once."""
        server, box = opened(backend)
        box.refusal = NotSent("the server refuses the recipient", is_final=True)
        queued(server, "a@example.com")
        sent(server)

        assert (None, 1) == (only(server, admin).due_at, only(server, admin).attempts)

    def test_survives_a_sender_that_died(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """A mail whose sender died is taken by another one later, and given up when that happens every time."""
        server, box = opened(backend)
        queued(server, "a@example.com")

        def die(_backend: Backend, _mail: QueuedMail) -> Mail:
            raise Crash

        for _ in range(8):
            with pytest.raises(Crash):
                mailing.send_one(server, die)
            assert 0 == sent(server)
            clock.pass_seconds(600)
        sent(server)

        assert (None, mailing.ABANDONED, []) == (only(server, admin).due_at, only(server, admin).problem, box.take())

    def test_a_late_sender_changes_nothing(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """A sender with an expired claim does not overwrite what another one stored."""
        server, box = opened(backend)
        queued(server, "a@example.com")

        class Slow:
            def send(self, mail: Mail) -> None:
                clock.pass_seconds(601)
                sent(server)
                raise NotSent(f"late for {mail.subject}")

            def check(self) -> None:
                raise NotSent("late")

        mailing.send_one(replace(server, mailer=Mailer(Slow(), is_real=True)), write)
        assert (1, True, "") == (len(box.take()), only(server, admin).is_sent, only(server, admin).problem)


class TestPageMails:
    def test_pages(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """Every mail is on one page, the newest first, and a foreign token is refused."""
        server, _ = opened(backend)
        for number in range(120):
            queued(server, f"a{number}@example.com")
            clock.pass_seconds(1)
        found: list[str] = []
        token: str | None = None
        sizes = []
        while token is not None or not found:
            page, token = mailing.page_mails(server, admin, token)
            found += [mail.address for mail in page]
            sizes.append(len(page))

        assert [50, 50, 20] == sizes
        assert sorted(f"a{number}@example.com" for number in range(120)) == sorted(found)
        assert "a119@example.com" == found[0]
        with pytest.raises(BadRequest):
            mailing.page_mails(server, admin, "rubbish")


class TestForgetExpired:
    def test_drops_old_ones(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """What was sent goes after a week, what was given up after a month, and what waits stays."""
        server, box = opened(backend)
        queued(server, "sent@example.com")
        sent(server)
        box.refusal = NotSent("no", is_final=True)
        queued(server, "refused@example.com")
        sent(server)
        queued(server, "waits@example.com")
        left = []
        for days in (6, 2, 21, 2):
            clock.pass_seconds(days * 86_400)
            cleanup.delete_expired(server)
            left.append([mail.address.partition("@")[0] for mail in mailing.page_mails(server, admin, None)[0]])

        assert [
            ["waits", "refused", "sent"],
            ["waits", "refused"],
            ["waits", "refused"],
            ["waits"],
        ] == left


class TestJobs:
    def test_send_and_forget(self, backend: Backend, clock: FrozenClock) -> None:
        """The schedule sends what is queued, and later drops it together with the session that has expired."""
        server, box = opened(backend)
        sign_up(server)
        run_due(server, JOBS)
        told = box.take()
        clock.pass_seconds(9 * 86_400)
        run_due(server, JOBS)

        assert ["alice@example.com"] == [one.to for one in told]
        with server.db.connect() as connection:
            assert 0 == connection.scalar(select(func.count()).select_from(mails))
        assert [] == delivered(server, box)


class TestCleanAddress:
    @pytest.mark.parametrize(
        ("text", "address"),
        [
            (" Alice@Example.COM ", "alice@example.com"),
            ("a.b+c@x", "a.b+c@x"),
            ("a@b@c", ""),
            ("a@-x.com", ""),
            ("@x", ""),
            ("a@", ""),
            ("a b@x.com", ""),
            ("a@x.com\nBcc: b@x.com", ""),
            (f"{'a' * 64}@{'b' * 189}", f"{'a' * 64}@{'b' * 189}"),
            (f"{'a' * 64}@{'b' * 190}", ""),
            ("ä@x.com", ""),
        ],
    )
    def test_takes_what_is_one(self, text: str, address: str) -> None:
        """An address comes in lower case; a bad one comes as an empty text."""
        assert address == clean_address(text)
