"""Mails to the owner of a stack about an update that has ended."""

from common.backend import Backend
from common.config.public_urls import base_url
from common.mailing.model import NewMail, Purpose, QueuedMail
from common.ports.mail import Mail
from common.stacks.model import Outcome
from common.stacks.updates.repository import mails as repository
from common.stacks.updates.repository.finishing import FinishingUpdate

_TEXT = """\
{kind} {version} of the stack {path}, which {author} started, {result}.

{link}

You get this mail because you own the stack. The stack's notification settings turn it off.

--\x20
Sent by the Pulumi backend at {place}. Replies to this mail are not read.
"""


def mails_at_end(finishing: FinishingUpdate, outcome: Outcome) -> list[NewMail]:
    """Return the mail that the stack's owner gets about the end of an update, if they get one."""
    is_wanted = finishing.mails_success if outcome is Outcome.SUCCEEDED else finishing.mails_failure
    if finishing.dry_run or not is_wanted or not finishing.owner_email:
        return []
    return [NewMail(Purpose.UPDATE_ENDED, finishing.owner_email, finishing.owner_id, finishing.update_id)]


def write(backend: Backend, mail: QueuedMail) -> Mail | None:
    """Return the mail to send, or None if the stack is gone, or the user is no longer its owner with this address."""
    # No permission check: the schedule calls this.
    with backend.db.connect() as connection:
        ended = repository.find(connection, mail.subject_id or "", mail.user_id or "", mail.address)
    if ended is None:
        return None
    place = base_url(backend.settings)
    text = _TEXT.format(
        kind=ended.kind.value.capitalize(),
        version=ended.version,
        path=ended.path,
        author=ended.author,
        result=ended.result,
        link=f"{place}/{ended.path}/updates/{ended.version}",
        place=place,
    )
    return Mail(mail.address, f"{ended.kind.value.capitalize()} {ended.version} of {ended.path} {ended.result}", text)
