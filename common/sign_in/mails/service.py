"""Mails that sign-in sends. Each is written anew for every attempt: its content may have changed, and it needs a new link."""

from dataclasses import dataclass, field

from common.backend import Backend
from common.config.public_urls import base_url
from common.core.errors import NotFound
from common.mailing import steps as mailing
from common.mailing.model import Purpose, QueuedMail
from common.people.orgs.invites import proofs as invite_proofs
from common.ports.mail import Mail
from common.rights.caller import Caller
from common.sign_in.accounts import one_time_links, steps
from common.sign_in.accounts.model import Link, LinkPurpose
from common.sign_in.mails import texts


@dataclass(frozen=True, slots=True)
class _Content:
    """The subject and text of a mail, and the link in it, or an empty text."""

    subject: str
    text: str
    link: str = field(default="", repr=False)


def write(backend: Backend, mail: QueuedMail) -> Mail | None:
    """Return the mail to send, with a new link, or None if its reason is gone."""
    # No permission check: the schedule calls this.
    content = _content(backend, mail)
    if content is None:
        return None
    return Mail(mail.address, content.subject, content.text + texts.FOOTER.format(place=base_url(backend.settings)))


def make_link(backend: Backend, caller: Caller, mail_id: str) -> str:
    """Return a new link of a mail that could not be sent, for an administrator of the installation to pass on.

    Raises NotFound if there is no such mail, or its reason is gone.
    """
    mail = mailing.get_unsent(backend, caller, mail_id)
    content = _content(backend, mail)
    if content is None or not content.link:
        raise NotFound("this mail has no link, or its link can no longer be used")
    return content.link


def _content(backend: Backend, mail: QueuedMail) -> _Content | None:
    match mail.purpose:
        case Purpose.INVITATION:
            return _invitation(backend, mail)
        case Purpose.VERIFICATION:
            return _verification(backend, mail)
        case Purpose.RESET:
            return _reset(backend, mail)
        case Purpose.ADDRESS_CHANGED:
            return _address_changed(backend, mail)
        case Purpose.UPDATE_ENDED:
            return None  # common/stacks/updates/mails.py writes it


def _invitation(backend: Backend, mail: QueuedMail) -> _Content | None:
    with backend.db.connect() as connection:
        invite = invite_proofs.find_open(connection, backend, mail.subject_id or "")
    if invite is None:
        return None
    proof = invite_proofs.invite_proof(backend, invite)
    link = f"{base_url(backend.settings)}/invites/{invite.org_login}/{invite.id}?proof={proof}"
    sender = invite.sent_by.login or "An administrator"
    text = texts.INVITATION.format(org=invite.org_login, sender=sender, link=link)
    return _Content(f"Invitation to the organization {invite.org_login}", text, link)


def _verification(backend: Backend, mail: QueuedMail) -> _Content | None:
    with backend.db.connect() as connection:
        account = steps.find_account(connection, mail.user_id or "")
        if account is None or mail.address not in (account.pending_email, "" if account.is_verified else account.email):
            return None
        token = one_time_links.create(connection, backend, LinkPurpose.VERIFY, Link(account.user_id, mail.address))
    link = f"{base_url(backend.settings)}/verify?token={token}"
    return _Content("Confirm your e-mail address", texts.VERIFICATION.format(login=account.login, link=link), link)


def _reset(backend: Backend, mail: QueuedMail) -> _Content | None:
    if not steps.is_sign_in_enabled(backend.settings):
        return None
    with backend.db.connect() as connection:
        account = steps.find_account_to_reset(connection, mail.address)
        if account is None:
            return None
        token = one_time_links.create(connection, backend, LinkPurpose.RESET, Link(account.user_id, mail.address))
    link = f"{base_url(backend.settings)}/reset/password?token={token}"
    return _Content("Set a new password", texts.RESET.format(link=link), link)


def _address_changed(backend: Backend, mail: QueuedMail) -> _Content:
    with backend.db.connect() as connection:
        account = steps.find_account(connection, mail.user_id or "")
    login = account.login if account is not None else ""
    return _Content("Your e-mail address was changed", texts.ADDRESS_CHANGED.format(login=login))
