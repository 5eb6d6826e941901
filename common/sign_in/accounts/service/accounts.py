"""Sign-in with an address, or a login, and a password; changes of the password and the name.

A wrong password and an account that does not exist get the same answer, after the same time.
"""

from collections.abc import Callable

from sqlalchemy import Connection

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.errors import Forbidden, NotFound, Unauthorized
from common.db.retry import retry
from common.mailing.model import clean_address
from common.people.users import steps as users
from common.rights.caller import Caller
from common.sign_in import rate_limits
from common.sign_in.accounts import passwords, steps
from common.sign_in.accounts.model import PasswordAccount
from common.sign_in.accounts.repository import accounts
from common.sign_in.accounts.service import failed_sign_ins
from common.sign_in.accounts.steps import WRONG_PASSWORD
from common.sign_in.sessions import steps as sessions
from common.telemetry.instruments import SIGN_INS

_NAME_LIMIT = 255


def sign_in(backend: Backend, name: str, password: str, *, client: str = "") -> str:
    """Return the secret of a new session for the user with this address or login and this password.

    `client` is the network address of the request, if it is known. Raises Unauthorized, TooManyRequests, and Forbidden if
    passwords are switched off.
    """

    def start_session(tx: Connection, user_id: str) -> str:
        return sessions.start(tx, backend, user_id, provider=steps.PROVIDER, client=client)

    return _sign_in(backend, name, password, client, start_session)


def sign_in_for_token(backend: Backend, name: str, password: str, *, client: str = "") -> str:
    """Return a personal access token that expires, where `sign_in` returns a session."""

    def create_token(tx: Connection, user_id: str) -> str:
        token = steps.create_token(tx, backend, user_id, "e-mail sign-in")
        backend.telemetry.record(SIGN_INS, 1, "ok")
        description = "Signed in with a password for an access token"
        audit.record_for_user(tx, backend, user_id, Event.USER_LOGIN, description=description, client=client)
        return token

    return _sign_in(backend, name, password, client, create_token)


def change_password(backend: Backend, caller: Caller, old: str, new: str) -> str:
    """Change the caller's password, sign out all their browsers, and return the secret of a new session.

    Raises Forbidden if the old password is wrong, BadRequest if the new one is not allowed.
    """
    account = require_password(backend, caller, old)
    passwords.require_allowed(new, account.login, account.email)
    password_hash = passwords.hash_password(new)

    def change() -> str:
        with backend.db.begin() as tx:
            steps.require_unchanged(tx, account)
            steps.update_password(tx, backend, account.user_id, password_hash)
            return sessions.start(tx, backend, account.user_id, provider=steps.PROVIDER, client=caller.source_ip)

    return retry(change)


def change_name(backend: Backend, caller: Caller, name: str) -> None:
    """Change the name that others see of the caller; raises BadRequest if it is empty or too long."""
    steps.require_themselves(caller)

    def change() -> None:
        with backend.db.begin() as tx:
            users.rename(tx, caller.user_id, name)

    retry(change)


def find_account(backend: Backend, caller: Caller) -> PasswordAccount | None:
    """Return the caller's account, or None if they have no password."""
    # No permission check: it is the caller's own.
    with backend.db.connect() as connection:
        return accounts.find(connection, caller.user_id)


def require_password(backend: Backend, caller: Caller, password: str) -> PasswordAccount:
    """Return the caller's account if this is its password. Use it first in what a stolen session must not do.

    Raises Forbidden for a wrong password, TooManyRequests after several, NotFound for a caller without a password.
    """
    steps.require_themselves(caller)
    steps.require_sign_in_enabled(backend.settings)
    counted = rate_limits.count(backend, (rate_limits.PASSWORD_OF_ACCOUNT, caller.user_id))
    account = find_account(backend, caller)
    if account is None:
        raise NotFound("you have no password yet")
    if passwords.find_match([account.password_hash], password, 1) is None:
        raise Forbidden("the current password is wrong")
    rate_limits.refund(backend, counted)
    return account


def _sign_in(backend: Backend, name: str, password: str, client: str, finish: Callable[[Connection, str], str]) -> str:
    # No permission check: the password says who the caller is.
    steps.require_sign_in_enabled(backend.settings)
    name = name.strip()[:_NAME_LIMIT].encode("utf-8", "replace").decode()
    by_address = "@" in name
    key = (clean_address(name) or name.lower()) if by_address else name
    # The name first, so that repeated tries of one name do not use up the limit of everyone behind the same proxy.
    limits = [(rate_limits.SIGN_IN_OF_NAME, key or " "), (rate_limits.SIGN_IN_OF_CLIENT, rate_limits.client_subject(client))]
    counted = rate_limits.count(backend, *limits)
    try:
        account = _find_matching(backend, key, password, by_address=by_address)
    except Unauthorized:
        backend.telemetry.record(SIGN_INS, 1, "failed")
        failed_sign_ins.queue(backend, key, client, by_address=by_address)
        raise

    def attempt() -> str:
        with backend.db.begin() as tx:
            steps.require_unchanged(tx, account)
            return finish(tx, account.user_id)

    secret = retry(attempt)
    rate_limits.refund(backend, counted)
    return secret


def _find_matching(backend: Backend, key: str, password: str, *, by_address: bool) -> PasswordAccount:
    """Return the account with this name and password. An address may belong to two accounts, and both are always tried."""
    with backend.db.connect() as connection:
        find = accounts.find_by_address if by_address else accounts.find_by_login
        candidates = find(connection, key)
    hashes = [account.password_hash for account in candidates]
    position = passwords.find_match(hashes, password, 2 if by_address else 1)
    if position is None:
        raise Unauthorized(WRONG_PASSWORD)
    account = candidates[position]
    if not passwords.is_outdated(account.password_hash):
        return account
    return _replace_hash(backend, account, passwords.hash_password(password))


def _replace_hash(backend: Backend, account: PasswordAccount, password_hash: str) -> PasswordAccount:
    def replace() -> PasswordAccount | None:
        with backend.db.connect() as connection:
            accounts.replace_hash(connection, account.user_id, account.password_hash, password_hash)
            return accounts.find(connection, account.user_id)

    current = retry(replace)
    if current is None or current.password_hash != password_hash:
        raise Unauthorized(WRONG_PASSWORD)
    return current
