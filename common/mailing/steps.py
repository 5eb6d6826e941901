"""Queues mails in the transaction that they belong to."""

from collections.abc import Sequence

from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import Forbidden, NotFound
from common.core.ids import is_id, new_id
from common.mailing import repository
from common.mailing.model import NewMail, QueuedMail
from common.rights.caller import Caller

# The same mail is not sent again before this time, or a member could fill a mailbox with invitations.
AGAIN_AFTER_MILLIS = 300_000


def queue(tx: Connection, backend: Backend, new: Sequence[NewMail]) -> None:
    """Queue mails, which are sent after the caller's transaction is committed."""
    if new:
        repository.add(tx, [(new_id(), mail) for mail in new], unix_millis(backend.clock.now()))


def queue_unless_recent(tx: Connection, backend: Backend, mail: NewMail) -> None:
    """Queue a mail unless the same one was queued within the last minutes."""
    if not repository.has_recent(tx, mail, unix_millis(backend.clock.now()) - AGAIN_AFTER_MILLIS):
        queue(tx, backend, [mail])


def give_up_waiting(tx: Connection, problem: str) -> None:
    """Give up all mails that wait, in an installation that no server runs on."""
    repository.give_up_waiting(tx, problem)


def get_unsent(backend: Backend, caller: Caller, mail_id: str) -> QueuedMail:
    """Return a mail that no mail server accepted; NotFound for any other. For site administrators."""
    require_site_admin(caller)
    with backend.db.connect() as connection:
        mail = repository.find(connection, mail_id) if is_id(mail_id) else None
    if mail is None or mail.is_sent:
        raise NotFound("there is no unsent mail with this id")
    return mail


def require_site_admin(caller: Caller) -> None:
    """Raise Forbidden unless the caller is a site administrator who signed in themselves."""
    if not (caller.site_admin and caller.is_themselves):
        raise Forbidden("only administrators of this server can do this")
