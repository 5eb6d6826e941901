"""Makes what the tests of accounts need: a server that lets people sign up, its mailbox, people with passwords, links."""

import re
from collections.abc import Callable
from dataclasses import replace
from threading import Barrier, Thread
from typing import TypeVar

from sqlalchemy import update

from common.backend import Backend
from common.db.tables.sign_in import throttles
from common.mailing import service as mailing
from common.ports.mail import Mail, Mailer, NotSent
from common.rights.caller import Caller
from common.sign_in import rate_limits
from common.sign_in.accounts.model import NewAccount
from common.sign_in.accounts.service import accounts, email_addresses
from common.sign_in.accounts.service import sign_up as sign_ups
from common.sign_in.mails import service as mails
from common.sign_in.rate_limits import Limit
from common.sign_in.sessions import service as sessions
from tests.factories.settings import with_settings

PASSWORD = "correct horse battery"
OTHER = "staple of another kind"
_T = TypeVar("_T")


class Mailbox:
    """A mail server that takes everything, or refuses."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.refusal: NotSent | None = None

    def send(self, mail: Mail) -> None:
        """Take a mail."""
        if self.refusal is not None:
            raise self.refusal
        self.mails.append(mail)

    def check(self) -> None:
        """Refuse, or not."""
        if self.refusal is not None:
            raise self.refusal

    def take(self) -> list[Mail]:
        """Return what came since the last time."""
        taken, self.mails = self.mails, []
        return taken


def opened(backend: Backend, **settings: str) -> tuple[Backend, Mailbox]:
    """Return a server that lets everyone sign up, with more settings, and its mailbox."""
    box = Mailbox()
    server = with_settings(backend, **{"PULUMI_DISABLE_EMAIL_SIGNUP": "false", **settings})
    return replace(server, mailer=Mailer(box, is_real=True)), box


def use_up(backend: Backend, limit: Limit, client: str, *, left: int) -> None:
    """Count the tries of a client's network address until only so many are left."""
    (row_id,) = rate_limits.count(backend, (limit, rate_limits.client_subject(client)))
    with backend.db.connect() as connection:
        connection.execute(update(throttles).values(tries=limit.tries - left).where(throttles.c.id == row_id))


def new_account(login: str = "alice", **values: str) -> NewAccount:
    """Return an account to make."""
    filled = {"name": login.title(), "email": f"{login}@example.com", "password": PASSWORD, **values}
    return NewAccount(login, **filled)


def sign_up(backend: Backend, login: str = "alice", **values: str) -> Caller:
    """Make an account and return who its session belongs to."""
    return caller_of(backend, sign_ups.sign_up(backend, new_account(login, **values)))


def verified(backend: Backend, box: Mailbox, login: str = "alice", **values: str) -> Caller:
    """Make an account whose address is confirmed."""
    caller = sign_up(backend, login, **values)
    email_addresses.verify(backend, caller, token_in(delivered(backend, box)[-1]))
    return again(backend, login, values.get("password", PASSWORD))


def again(backend: Backend, login: str, password: str = PASSWORD) -> Caller:
    """Return who signs in with a login."""
    return caller_of(backend, accounts.sign_in(backend, login, password))


def caller_of(backend: Backend, secret: str) -> Caller:
    """Return who a session belongs to."""
    return sessions.authenticate(backend, sessions.cookie(backend, secret))


def delivered(backend: Backend, box: Mailbox) -> list[Mail]:
    """Send what is due, and return what came."""
    while mailing.send_one(backend, mails.write):
        pass
    return box.take()


def link_in(mail: Mail) -> str:
    """Return the one link in a mail's text, without the server's own address."""
    [found] = re.findall(r"^https?://[^/\s]+(/\S+)$", mail.body, re.MULTILINE)
    return str(found)


def token_in(mail: Mail) -> str:
    """Return the secret of the link in a mail."""
    return link_in(mail).partition("=")[2]


def at_once(*calls: Callable[[], _T]) -> list[_T | Exception]:
    """Make calls in threads that begin together, and return what each returned or raised."""
    barrier, results = Barrier(len(calls)), dict[int, _T | Exception]()

    def run(place: int, call: Callable[[], _T]) -> None:
        barrier.wait()
        try:
            results[place] = call()
        except Exception as error:  # noqa: BLE001 - it is what the call came to
            results[place] = error

    threads = [Thread(target=run, args=(place, call)) for place, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [results[place] for place in range(len(calls))]
