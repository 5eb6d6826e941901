"""Forgotten passwords: a link is mailed to the address, and whoever follows it sets another password.

Asking does the same for every address, with an account or without: who has one is looked up when the mail is written.
"""

from sqlalchemy import Connection

from common.access import service as access
from common.backend import Backend
from common.clock import unix_millis
from common.db.faults import repeated, unless_taken
from common.errors import Conflict
from common.identity import account_rows, accounts, addresses, captcha, links, passwords, sessions, throttle
from common.identity.account_rows import Account
from common.identity.link_rows import Link
from common.identity.links import LinkPurpose
from common.mailing import service as mailing
from common.mailing.model import NewMail, Purpose

_TAKEN = "this address has become another account's; nothing was changed"


def request_reset(backend: Backend, email: str, *, captcha_answer: str = "", client: str = "") -> None:
    """Queue a mail with a link for an address; nothing is sent if it has no account.

    Raises BadRequest for what is no address and TooManyRequests, whether there is an account or not.
    """
    # No permission check: whoever forgot a password cannot sign in.
    accounts.require_login_offered(backend.settings)
    address = addresses.require_address(email)
    asked = [(throttle.RESET_OF_ADDRESS, address), (throttle.RESET_OF_CLIENT, throttle.client_subject(client))]
    throttle.take(backend, *asked)
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
        link = links.get(connection, backend, LinkPurpose.RESET, token)
        account = account_rows.find(connection, link.user_id)
    if account is None:
        raise links.no_link()
    passwords.require_fit(password, account.login, account.email)
    password_hash = passwords.hashed(password)

    def attempt() -> str:
        with backend.db.begin() as tx:
            _set(tx, backend, links.use(tx, backend, LinkPurpose.RESET, token), password_hash)
            return sessions.start(tx, backend, link.user_id, provider=accounts.PROVIDER)

    with unless_taken(_TAKEN):
        return repeated(attempt)


def _set(tx: Connection, backend: Backend, link: Link, password_hash: str) -> None:
    account = account_rows.hold(tx, link.user_id)
    if account is None or account.email != link.email:
        raise links.no_link()
    accounts.store_password(tx, backend, account.user_id, password_hash)
    account_rows.put_pending(tx, account.user_id, None)
    if account.is_verified:
        return
    now = backend.clock.now()
    access.revoke_all_of_user(tx, account.user_id, now)
    account_rows.drop_identities(tx, account.user_id)
    if not addresses.take_address(tx, account.user_id, account.email, unix_millis(now)):
        raise Conflict(_TAKEN)
    account_rows.put_address(tx, account.user_id, account.email, is_verified=True)
