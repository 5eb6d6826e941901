"""Addresses of accounts: confirmed by a link in a mail, changed with the password and another link.

A link confirms an address only for the person who is signed in to its account. So a person cannot be tricked into confirming
an account that another one created with their address.
"""

from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Conflict, Forbidden
from common.db.faults import unless_taken
from common.db.retry import retry
from common.mailing import steps as mailing
from common.mailing.model import NewMail, Purpose
from common.rights.caller import Caller
from common.sign_in import rate_limits
from common.sign_in.accounts import one_time_links, passwords, steps
from common.sign_in.accounts.model import Link, LinkPurpose
from common.sign_in.accounts.repository import accounts
from common.sign_in.accounts.service.accounts import find_account, require_password
from common.sign_in.accounts.steps import ADDRESS_TAKEN


def add_account(backend: Backend, caller: Caller, email: str, password: str) -> None:
    """Give a caller who signed in with a provider or a token an address and a password to sign in with.

    An address that is known to be the caller's is confirmed already; for others a mail is sent. Raises BadRequest if the
    address or the password is not allowed, Conflict if the caller has an account.
    """
    steps.require_themselves(caller)
    steps.require_sign_in_enabled(backend.settings)
    address = steps.require_address(email)
    passwords.require_allowed(password, caller.login, address)
    rate_limits.count(backend, (rate_limits.MAIL_OF_ACCOUNT, caller.user_id))
    password_hash = passwords.hash_password(password)

    def add() -> None:
        with backend.db.begin() as tx:
            if accounts.find(tx, caller.user_id) is not None:
                raise Conflict("you already have a password")
            is_proven = address == caller.email
            steps.create_account(tx, backend, caller.user_id, address, password_hash, is_proven=is_proven)

    retry(add)


def request_change(backend: Backend, caller: Caller, password: str, email: str) -> None:
    """Mail a link to the caller's new address, which replaces the present one when they follow the link.

    Raises Forbidden if the password is wrong, BadRequest if the address is not valid or is the present one.
    """
    account = require_password(backend, caller, password)
    address = steps.require_address(email)
    if address == account.email and account.is_verified:
        raise BadRequest("this is already your address")
    rate_limits.count(backend, (rate_limits.MAIL_OF_ACCOUNT, caller.user_id))
    is_same = address == account.email

    def request() -> None:
        with backend.db.begin() as tx:
            steps.require_unchanged(tx, account)
            accounts.update_pending(tx, account.user_id, None if is_same else address)
            one_time_links.revoke_of_user(tx, account.user_id)
            mailing.queue(tx, backend, [NewMail(Purpose.VERIFICATION, address, account.user_id)])

    retry(request)


def resend(backend: Backend, caller: Caller) -> None:
    """Mail another link to the caller's unconfirmed address; BadRequest without such an address."""
    steps.require_themselves(caller)
    address = find_unconfirmed(backend, caller)
    if address is None:
        raise BadRequest("you have no address to confirm")
    rate_limits.count(backend, (rate_limits.MAIL_OF_ACCOUNT, caller.user_id))
    with backend.db.connect() as connection:
        mailing.queue(connection, backend, [NewMail(Purpose.VERIFICATION, address, caller.user_id)])


def verify(backend: Backend, caller: Caller, token: str) -> str:
    """Confirm the address of a link, use the link up, and return the address.

    Raises NotFound for a link that does not work, Forbidden if it is for another account, and Conflict if the address belongs
    to another account now; nothing is changed then.
    """
    steps.require_themselves(caller)

    def confirm() -> str:
        with backend.db.begin() as tx:
            return _confirm(tx, backend, caller, one_time_links.use(tx, backend, LinkPurpose.VERIFY, token))

    with unless_taken(ADDRESS_TAKEN):
        return retry(confirm)


def find_unconfirmed(backend: Backend, caller: Caller) -> str | None:
    """Return the address that the caller must confirm, or None."""
    # No permission check: it is the caller's own.
    account = find_account(backend, caller)
    return account.unconfirmed_email if account is not None else None


def has_verified(caller: Caller) -> bool:
    """Return whether the caller is a person with a confirmed address."""
    # No permission check: it is the caller's own.
    return caller.is_person and bool(caller.email)


def cancel_change(backend: Backend, caller: Caller) -> None:
    """Cancel the caller's change of address and revoke its link; BadRequest if there is no change to cancel."""
    steps.require_themselves(caller)

    def cancel() -> None:
        with backend.db.begin() as tx:
            if not accounts.delete_pending(tx, caller.user_id):
                raise BadRequest("you have no change of address to cancel")
            one_time_links.revoke_of_user(tx, caller.user_id)

    retry(cancel)


def _confirm(tx: Connection, backend: Backend, caller: Caller, link: Link) -> str:
    if link.user_id != caller.user_id:
        raise Forbidden("this link is for another account; sign in to that one to confirm its address")
    account = accounts.lock(tx, link.user_id)
    if account is None or link.email not in (account.email, account.pending_email):
        raise one_time_links.invalid_link()
    if not steps.assign_address(tx, account.user_id, link.email, unix_millis(backend.clock.now())):
        raise Conflict(ADDRESS_TAKEN)
    accounts.update_address(tx, account.user_id, link.email, is_verified=True)
    one_time_links.revoke_of_user(tx, account.user_id)
    if account.is_verified and account.email != link.email:
        mailing.queue(tx, backend, [NewMail(Purpose.ADDRESS_CHANGED, account.email, account.user_id)])
    return link.email
