"""The texts of mails, each written anew for every attempt: what is in it may have changed, and its link is fresh."""

from common.backend import Backend
from common.config.public_urls import base_url
from common.core.errors import NotFound
from common.mailing import steps as mailing
from common.mailing.model import Purpose, QueuedMail
from common.people.orgs.invites import proofs as invite_proofs
from common.people.orgs.model import Invite
from common.ports.mail import Mail
from common.rights.caller import Caller
from common.sign_in import mail_texts
from common.sign_in.accounts import accounts, one_time_links, password_reset
from common.sign_in.accounts.one_time_links import LinkPurpose
from common.sign_in.accounts.repository import accounts as account_rows
from common.sign_in.accounts.repository.one_time_links import Link


def write(backend: Backend, mail: QueuedMail) -> Mail | None:
    """Return what to send, with a fresh link, or None when there is nothing to say any more."""
    # No permission check: the schedule, or whoever calls `make_link`, is allowed to.
    link = _link(backend, mail)
    if link is None:
        return None
    subject, body = _text(backend, mail, link)
    return Mail(mail.address, subject, body + mail_texts.FOOT.format(place=base_url(backend.settings)))


def make_link(backend: Backend, caller: Caller, mail_id: str) -> str:
    """Return a fresh link of a mail that no server took, for an administrator of the installation to pass on.

    Raises NotFound when there is no such mail, or nothing to follow any more.
    """
    mail = mailing.get_unsent(backend, caller, mail_id)
    link = _link(backend, mail)
    if not link:
        msg = "this mail has no link, or none that could still be followed"
        raise NotFound(msg)
    return link


def _link(backend: Backend, mail: QueuedMail) -> str | None:
    """Return a mail's link, an empty text for one without, or None when it is not to be sent any more."""
    match mail.purpose:
        case Purpose.INVITATION:
            return _invitation_link(backend, mail)
        case Purpose.VERIFICATION:
            return _verification_link(backend, mail)
        case Purpose.RESET:
            return _reset_link(backend, mail)
        case Purpose.ADDRESS_CHANGED:
            return ""


def _invitation_link(backend: Backend, mail: QueuedMail) -> str | None:
    invite = _invite(backend, mail)
    if invite is None:
        return None
    proof = invite_proofs.invite_proof(backend, invite)
    return f"{base_url(backend.settings)}/invites/{invite.org_login}/{invite.id}?proof={proof}"


def _verification_link(backend: Backend, mail: QueuedMail) -> str | None:
    with backend.db.connect() as connection:
        account = account_rows.find(connection, mail.user_id or "")
        if account is None or mail.address not in (account.pending_email, "" if account.is_verified else account.email):
            return None
        token = one_time_links.make(connection, backend, LinkPurpose.VERIFY, Link(account.user_id, mail.address))
    return f"{base_url(backend.settings)}/verify?token={token}"


def _reset_link(backend: Backend, mail: QueuedMail) -> str | None:
    if not accounts.is_login_offered(backend.settings):
        return None
    with backend.db.connect() as connection:
        account = password_reset.find_account(connection, mail.address)
        if account is None:
            return None
        token = one_time_links.make(connection, backend, LinkPurpose.RESET, Link(account.user_id, mail.address))
    return f"{base_url(backend.settings)}/reset/password?token={token}"


def _invite(backend: Backend, mail: QueuedMail) -> Invite | None:
    with backend.db.connect() as connection:
        return invite_proofs.find_open(connection, backend, mail.subject_id or "")


def _text(backend: Backend, mail: QueuedMail, link: str) -> tuple[str, str]:
    """Return the subject and the text of a mail."""
    match mail.purpose:
        case Purpose.INVITATION:
            invite = _invite(backend, mail)
            org, sender = (invite.org_login, invite.sent_by.login) if invite is not None else ("", "")
            text = mail_texts.INVITATION.format(org=org, sender=sender or "An administrator", link=link)
            return f"Invitation to the organization {org}", text
        case Purpose.VERIFICATION:
            return "Confirm your e-mail address", mail_texts.VERIFICATION.format(login=_login(backend, mail), link=link)
        case Purpose.RESET:
            return "Set a new password", mail_texts.RESET.format(link=link)
        case Purpose.ADDRESS_CHANGED:
            return "Your e-mail address was changed", mail_texts.ADDRESS_CHANGED.format(login=_login(backend, mail))


def _login(backend: Backend, mail: QueuedMail) -> str:
    with backend.db.connect() as connection:
        account = account_rows.find(connection, mail.user_id or "")
    return account.login if account is not None else ""
