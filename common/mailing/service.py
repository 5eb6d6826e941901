"""The queue of mails: they are queued in the transaction that they belong to, and sent by a job.

A row has a mail's purpose and address, but no text and no secret: the text, with its link, is written at each attempt by the
sender (`Write`), and stored nowhere. Two senders at once cannot claim the same mail. When a sender dies after it handed a mail
over, the mail is sent again once the claim has expired.
"""

from collections.abc import Callable

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, NotFound
from common.core.ids import is_id
from common.core.paging import make_token, read_token, seal
from common.db.retry import retry
from common.mailing import repository, steps
from common.mailing.model import QueuedMail
from common.ports.mail import Mail, NotSent
from common.rights.caller import Caller

PAGE_SIZE = 50
# Longer than a mail server may take to answer.
CLAIM_MILLIS = 600_000
ATTEMPTS = 8
PAUSE_MILLIS, LONGEST_PAUSE_MILLIS = 60_000, 6 * 3_600_000
IN_THE_LOG = "no mail server is configured; the text is in the server's log"
ABANDONED = "every attempt to send it was interrupted"
_PROBLEM_LIMIT = 255

# Returns the text of a mail, with a new link, or None when it is no longer needed.
Write = Callable[[Backend, QueuedMail], Mail | None]


def send_one(backend: Backend, write: Write) -> int:
    """Send the mail that has been due for the longest time, and return how many mails were due: 0 or 1."""
    # No permission check: the schedule is part of the installation.
    now = unix_millis(backend.clock.now())
    with backend.db.connect() as connection:
        mail = repository.find_due(connection, now)
        if mail is None:
            return 0
        if not repository.claim(connection, mail, now + CLAIM_MILLIS):
            return 1
    if mail.attempts >= ATTEMPTS:
        _store_result(backend, mail, now + CLAIM_MILLIS, NotSent(ABANDONED, is_final=True))
        return 1
    text = write(backend, mail)
    if text is None:
        with backend.db.connect() as connection:
            repository.delete(connection, mail.id)
        return 1
    _store_result(backend, mail, now + CLAIM_MILLIS, _send(backend, text))
    return 1


def next_due_at(backend: Backend) -> int | None:
    """Return when the next mail is due, in unix milliseconds, or None if none waits."""
    # No permission check: the schedule is part of the installation.
    with backend.db.connect() as connection:
        return repository.find_next_due(connection)


def page_mails(backend: Backend, caller: Caller, token: str | None) -> tuple[list[QueuedMail], str | None]:
    """Return a page of mails, the newest first, and the token of the next page or None; for site administrators."""
    steps.require_site_admin(caller)
    sealed = seal(caller.user_id, "mails")
    before = _position(token, sealed) if token is not None else None
    with backend.db.connect() as connection:
        rows = repository.page(connection, before, PAGE_SIZE + 1)
    page = rows[:PAGE_SIZE]
    return page, make_token(sealed, str(page[-1].created_at), page[-1].id) if len(rows) > PAGE_SIZE else None


def retry_mail(backend: Backend, caller: Caller, mail_id: str) -> None:
    """Send a mail that was given up after all, with as many attempts as a new one. For site administrators.

    Raises NotFound if there is no such mail.
    """
    steps.require_site_admin(caller)
    with backend.db.connect() as connection:
        is_waiting = is_id(mail_id) and repository.retry(connection, mail_id, unix_millis(backend.clock.now()))
    if not is_waiting:
        raise NotFound("there is no mail with this id that was given up")


def _send(backend: Backend, text: Mail) -> NotSent | None:
    try:
        backend.mailer.send(text)
    except NotSent as error:
        return error
    return None


def _store_result(backend: Backend, mail: QueuedMail, claimed_until: int, problem: NotSent | None) -> None:
    now = unix_millis(backend.clock.now())
    due_at = sent_at = None
    problem_text = "" if problem is None else str(problem)[:_PROBLEM_LIMIT]
    if problem is None and backend.mailer.is_real:
        sent_at = now
    elif problem is None:
        problem_text = IN_THE_LOG
    elif not problem.is_final and mail.attempts + 1 < ATTEMPTS:
        due_at = now + min(PAUSE_MILLIS * 4**mail.attempts, LONGEST_PAUSE_MILLIS)

    def store() -> None:
        with backend.db.connect() as connection:
            repository.store_result(connection, mail.id, claimed_until, due_at=due_at, sent_at=sent_at, problem=problem_text)

    retry(store)


def _position(token: str, sealed: str) -> tuple[int, str]:
    created_at, mail_id = read_token(token, sealed, 2)
    if not (created_at.isascii() and created_at.isdigit() and len(created_at) < 20):
        raise BadRequest("the continuation token is not valid")
    return int(created_at), mail_id
