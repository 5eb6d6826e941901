"""Whose an address is: given with an account, confirmed by a link in a mail, changed with the password and another link.

A link confirms an address for whoever is signed in to its account, and for nobody else: so nobody can be made to confirm an
account that somebody else made with their address.
"""

from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Conflict, Forbidden
from common.db.faults import unless_taken
from common.db.retry import retry
from common.mailing import steps as mailing
from common.mailing.model import NewMail, Purpose, clean_address
from common.people.users import steps as users
from common.rights.caller import Caller
from common.sign_in import rate_limits
from common.sign_in.accounts import accounts, one_time_links, passwords
from common.sign_in.accounts.one_time_links import LinkPurpose
from common.sign_in.accounts.repository import accounts as account_rows
from common.sign_in.accounts.repository.accounts import Account
from common.sign_in.accounts.repository.one_time_links import Link
from common.sign_in.external.linking import address_key
from common.sign_in.repository import identities

_OTHERS = "this address belongs to another account here; sign in to that one, or use another address"
_CLAIMED = "another account waits for the confirmation of this address; if it is yours, reset its password"


def add_account(backend: Backend, caller: Caller, email: str, password: str) -> None:
    """Give the caller, who signed in some other way, an address and a password to sign in with.

    The address is confirmed already if it is known to be the caller's; else a mail asks. Raises BadRequest for an address or
    a password that cannot be, Conflict when there is an account already.
    """
    accounts.require_themselves(caller)
    accounts.require_login_offered(backend.settings)
    address = require_address(email)
    passwords.require_fit(password, caller.login, address)
    rate_limits.take(backend, (rate_limits.MAIL_OF_ACCOUNT, caller.user_id))
    password_hash = passwords.hashed(password)

    def add() -> None:
        with backend.db.begin() as tx:
            if account_rows.find(tx, caller.user_id) is not None:
                msg = "you have a password already"
                raise Conflict(msg)
            open_account(tx, backend, caller.user_id, address, password_hash, is_proven=address == caller.email)

    retry(add)


def open_account(
    tx: Connection,
    backend: Backend,
    user_id: str,
    address: str,
    password_hash: str,
    *,
    is_proven: bool,
) -> None:
    """Store a user's address and password, a step; a mail asks to confirm an address that is not proven to be theirs.

    Raises Conflict for a proven address that belongs to another user, and for one that is not and that another account
    claims: whether it belongs to anybody is not told then.
    """
    now_millis = unix_millis(backend.clock.now())
    if is_proven and not take_address(tx, user_id, address, now_millis):
        raise Conflict(_OTHERS)
    with unless_taken(_OTHERS if is_proven else _CLAIMED):
        account_rows.add(
            tx,
            user_id=user_id,
            email=address,
            is_verified=is_proven,
            password_hash=password_hash,
            now_millis=now_millis,
        )
    if not is_proven:
        mailing.queue(tx, backend, [NewMail(Purpose.VERIFICATION, address, user_id)])


def request_change(backend: Backend, caller: Caller, password: str, email: str) -> None:
    """Mail a link to the address that the caller wants instead of their own; it is theirs when they follow the link.

    Raises Forbidden for a wrong password, BadRequest for an address that cannot be or is the present one.
    """
    account = accounts.require_password(backend, caller, password)
    address = require_address(email)
    if address == account.email and account.is_verified:
        msg = "this is your address already"
        raise BadRequest(msg)
    rate_limits.take(backend, (rate_limits.MAIL_OF_ACCOUNT, caller.user_id))
    is_same = address == account.email

    def request() -> None:
        with backend.db.begin() as tx:
            accounts.require_unchanged(tx, account)
            account_rows.put_pending(tx, account.user_id, None if is_same else address)
            one_time_links.revoke_of_user(tx, account.user_id)
            mailing.queue(tx, backend, [NewMail(Purpose.VERIFICATION, address, account.user_id)])

    retry(request)


def send_again(backend: Backend, caller: Caller) -> None:
    """Mail another link to the address that waits for the caller's confirmation; BadRequest when none does."""
    accounts.require_themselves(caller)
    account = accounts.find_account(backend, caller)
    waiting = _waiting(account) if account is not None else None
    if waiting is None:
        msg = "no address of yours waits to be confirmed"
        raise BadRequest(msg)
    rate_limits.take(backend, (rate_limits.MAIL_OF_ACCOUNT, caller.user_id))
    with backend.db.connect() as connection:
        mailing.queue(connection, backend, [NewMail(Purpose.VERIFICATION, waiting, caller.user_id)])


def verify(backend: Backend, caller: Caller, token: str) -> str:
    """Confirm the address that a link was mailed to, use the link up, and return the address.

    Raises NotFound for a link that is not good, Forbidden when it is another account's, and Conflict when the address has
    become another account's: then nothing is changed.
    """
    accounts.require_themselves(caller)

    def confirm() -> str:
        with backend.db.begin() as tx:
            return _confirm(tx, backend, caller, one_time_links.use(tx, backend, LinkPurpose.VERIFY, token))

    with unless_taken(_OTHERS):
        return retry(confirm)


def find_waiting(backend: Backend, caller: Caller) -> str | None:
    """Return the address that waits for the caller's confirmation, or None."""
    # No permission check: it is the caller's own.
    account = accounts.find_account(backend, caller)
    return _waiting(account) if account is not None else None


def has_verified(caller: Caller) -> bool:
    """Tell whether the caller is a person with an address that is known to be theirs."""
    # No permission check: it is the caller's own.
    return caller.is_person and bool(caller.email)


def cancel_change(backend: Backend, caller: Caller) -> None:
    """Forget the address that the caller asked to change to, and its link; BadRequest when they asked for none."""
    accounts.require_themselves(caller)

    def cancel() -> None:
        with backend.db.begin() as tx:
            if not account_rows.clear_pending(tx, caller.user_id):
                msg = "no change of address waits for its confirmation"
                raise BadRequest(msg)
            one_time_links.revoke_of_user(tx, caller.user_id)

    retry(cancel)


def require_address(text: str) -> str:
    """Return an address in lower case; raises BadRequest for what is none."""
    address = clean_address(text)
    if not address:
        msg = "this is not an e-mail address"
        raise BadRequest(msg)
    return address


def take_address(tx: Connection, user_id: str, address: str, now_millis: int) -> bool:
    """Store that an address is known to be a user's, a step; False when it is another user's.

    It is decided in turn with people who come from providers with the same address.
    """
    identities.hold_address(tx, address_key(address), now_millis)
    return users.set_email(tx, user_id, address)


def _confirm(tx: Connection, backend: Backend, caller: Caller, link: Link) -> str:
    if link.user_id != caller.user_id:
        msg = "this link is for another account; sign in to that one to confirm its address"
        raise Forbidden(msg)
    account = account_rows.hold(tx, link.user_id)
    if account is None or link.email not in (account.email, account.pending_email):
        raise one_time_links.no_link()
    if not take_address(tx, account.user_id, link.email, unix_millis(backend.clock.now())):
        raise Conflict(_OTHERS)
    account_rows.put_address(tx, account.user_id, link.email, is_verified=True)
    one_time_links.revoke_of_user(tx, account.user_id)
    if account.is_verified and account.email != link.email:
        mailing.queue(tx, backend, [NewMail(Purpose.ADDRESS_CHANGED, account.email, account.user_id)])
    return link.email


def _waiting(account: Account) -> str | None:
    return account.pending_email or (None if account.is_verified else account.email)
