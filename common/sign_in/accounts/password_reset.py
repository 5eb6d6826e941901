"""Forgotten passwords: a link is mailed to the address, and whoever follows it sets another password.

Asking does the same for every address, with an account or without: who has one is looked up when the mail is written.
"""

from sqlalchemy import Connection

from common.access import tokens as access
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import Conflict
from common.db.faults import unless_taken
from common.db.retry import retry
from common.mailing import steps as mailing
from common.mailing.model import NewMail, Purpose
from common.sign_in import captcha, rate_limits
from common.sign_in.accounts import accounts, email_addresses, one_time_links, passwords
from common.sign_in.accounts.one_time_links import LinkPurpose
from common.sign_in.accounts.repository import accounts as account_rows
from common.sign_in.accounts.repository.accounts import Account
from common.sign_in.accounts.repository.one_time_links import Link
from common.sign_in.sessions import sessions

_TAKEN = "this address has become another account's; nothing was changed"


def request_reset(backend: Backend, email: str, *, captcha_answer: str = "", client: str = "") -> None:
    """Queue a mail with a link for an address; nothing is sent if it has no account.

    Raises BadRequest for what is no address and TooManyRequests, whether there is an account or not.
    """
    # No permission check: whoever forgot a password cannot sign in.
    accounts.require_login_offered(backend.settings)
    address = email_addresses.require_address(email)
    asked = [(rate_limits.RESET_OF_ADDRESS, address), (rate_limits.RESET_OF_CLIENT, rate_limits.client_subject(client))]
    rate_limits.take(backend, *asked)
    captcha.require_human(backend, captcha_answer, client)
    with backend.db.connect() as connection:
        mailing.queue(connection, backend, [NewMail(Purpose.RESET, address)])


def find_account(connection: Connection, email: str) -> Account | None:
    """Return the account that a reset for an address is about, a step: the one it belongs to, else the one that claims it."""
    return next(iter(account_rows.find_by_address(connection, email)), None)


def reset(backend: Backend, token: str, password: str) -> str:
    """Set a new password by a link that was mailed, sign all browsers out, and return the secret of a fresh session.

    Whoever follows the link reads the address's mail, so the address is confirmed. If it was not before, somebody else may
    have made the account: then everything it could be entered with is revoked. Raises NotFound for a link that is not good
    and BadRequest for a password that may not be, which leaves the link good.
    """
    # No permission check: the link is what says who asks.
    accounts.require_login_offered(backend.settings)
    with backend.db.connect() as connection:
        link = one_time_links.get(connection, backend, LinkPurpose.RESET, token)
        account = account_rows.find(connection, link.user_id)
    if account is None:
        raise one_time_links.no_link()
    passwords.require_fit(password, account.login, account.email)
    password_hash = passwords.hashed(password)

    def attempt() -> str:
        with backend.db.begin() as tx:
            _set(tx, backend, one_time_links.use(tx, backend, LinkPurpose.RESET, token), password_hash)
            return sessions.start(tx, backend, link.user_id, provider=accounts.PROVIDER)

    with unless_taken(_TAKEN):
        return retry(attempt)


def _set(tx: Connection, backend: Backend, link: Link, password_hash: str) -> None:
    account = account_rows.hold(tx, link.user_id)
    if account is None or account.email != link.email:
        raise one_time_links.no_link()
    accounts.store_password(tx, backend, account.user_id, password_hash)
    account_rows.put_pending(tx, account.user_id, None)
    if account.is_verified:
        return
    now = backend.clock.now()
    access.revoke_all_of_user(tx, account.user_id, now)
    account_rows.drop_identities(tx, account.user_id)
    if not email_addresses.take_address(tx, account.user_id, account.email, unix_millis(now)):
        raise Conflict(_TAKEN)
    account_rows.put_address(tx, account.user_id, account.email, is_verified=True)
