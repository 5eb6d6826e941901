"""Forgotten passwords: a link is mailed to the address, and the person who follows it sets another password.

A request does the same for every address, with or without an account. The account is looked up when the mail is written.
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
from common.sign_in.accounts import one_time_links, passwords, steps
from common.sign_in.accounts.model import Link, LinkPurpose
from common.sign_in.accounts.repository import accounts
from common.sign_in.sessions import steps as sessions

_ADDRESS_TAKEN = "this address belongs to another account now; nothing was changed"


def request_reset(backend: Backend, email: str, *, captcha_answer: str = "", client: str = "") -> None:
    """Queue a mail with a link for an address; it is not sent if the address has no account.

    Raises BadRequest if the text is not an address, and TooManyRequests, with or without an account.
    """
    # No permission check: a person who forgot their password cannot sign in.
    steps.require_sign_in_enabled(backend.settings)
    address = steps.require_address(email)
    limits = [(rate_limits.RESET_OF_ADDRESS, address), (rate_limits.RESET_OF_CLIENT, rate_limits.client_subject(client))]
    rate_limits.count(backend, *limits)
    captcha.require_human(backend, captcha_answer, client)
    with backend.db.connect() as connection:
        mailing.queue(connection, backend, [NewMail(Purpose.RESET, address)])


def reset(backend: Backend, token: str, password: str, *, client: str = "") -> str:
    """Set a new password with a mailed link, sign out all browsers, and return the secret of a new session.

    The person who follows the link reads the mail of the address, so the address is confirmed. If it was not confirmed
    before, another person may have created the account: then every other way to sign in to it is revoked. Raises NotFound for
    a link that does not work, and BadRequest for a password that is not allowed, which leaves the link usable.
    """
    # No permission check: the link says who the caller is.
    steps.require_sign_in_enabled(backend.settings)
    with backend.db.connect() as connection:
        link = one_time_links.get(connection, backend, LinkPurpose.RESET, token)
        account = accounts.find(connection, link.user_id)
    if account is None:
        raise one_time_links.invalid_link()
    passwords.require_allowed(password, account.login, account.email)
    password_hash = passwords.hash_password(password)

    def attempt() -> str:
        with backend.db.begin() as tx:
            _update_password(tx, backend, one_time_links.use(tx, backend, LinkPurpose.RESET, token), password_hash)
            return sessions.start(tx, backend, link.user_id, provider=steps.PROVIDER, client=client)

    with unless_taken(_ADDRESS_TAKEN):
        return retry(attempt)


def _update_password(tx: Connection, backend: Backend, link: Link, password_hash: str) -> None:
    account = accounts.lock(tx, link.user_id)
    if account is None or account.email != link.email:
        raise one_time_links.invalid_link()
    steps.update_password(tx, backend, account.user_id, password_hash)
    accounts.update_pending(tx, account.user_id, None)
    if account.is_verified:
        return
    now = backend.clock.now()
    access.revoke_all_of_user(tx, account.user_id, now)
    accounts.delete_identities(tx, account.user_id)
    if not steps.assign_address(tx, account.user_id, account.email, unix_millis(now)):
        raise Conflict(_ADDRESS_TAKEN)
    accounts.update_address(tx, account.user_id, account.email, is_verified=True)
