"""Signing in with an address, or a login, and a password; changing the password.

What is said of a wrong password is said of an account that does not exist, after the same time.
"""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Connection

from common.access import authentication as access
from common.access import tokens
from common.backend import Backend
from common.config.settings import Settings
from common.core.clock import unix_millis
from common.core.errors import Forbidden, NotFound, Unauthorized
from common.db.retry import retry
from common.mailing.model import clean_address
from common.people.users import steps as users
from common.rights.caller import Caller
from common.sign_in import rate_limits
from common.sign_in.accounts import one_time_links, passwords
from common.sign_in.accounts.repository import accounts
from common.sign_in.accounts.repository.accounts import Account
from common.sign_in.sessions import sessions

# What a client gets that signs in by itself, as an installer does.
TOKEN_FOR = timedelta(days=30)
PROVIDER = "password"
_NAME_LIMIT = 255
_WRONG = "the name or the password is wrong"


def is_login_offered(settings: Settings) -> bool:
    """Tell whether people can sign in with an address and a password."""
    return not (settings.disable_email_login or settings.hide_email_login)


def sign_in(backend: Backend, name: str, password: str, *, client: str = "") -> str:
    """Return the secret of a fresh session of whoever has this address or login and this password.

    `client` is the network address that asks, if it is known. Raises Unauthorized, TooManyRequests, and Forbidden when
    passwords are switched off.
    """
    return _signed_in(backend, name, password, client, lambda tx, user: sessions.start(tx, backend, user, provider=PROVIDER))


def sign_in_for_token(backend: Backend, name: str, password: str, *, client: str = "") -> str:
    """Return a personal access token, good for a while, as `sign_in` returns a session."""
    return _signed_in(backend, name, password, client, lambda tx, user_id: issue_token(tx, backend, user_id, "e-mail sign-in"))


def change_password(backend: Backend, caller: Caller, old: str, new: str) -> str:
    """Change the caller's password, sign all their browsers out, and return the secret of a fresh session.

    Raises Forbidden for a wrong old password, BadRequest for a new one that may not be.
    """
    account = require_password(backend, caller, old)
    passwords.require_fit(new, account.login, account.email)
    password_hash = passwords.hashed(new)

    def change() -> str:
        with backend.db.begin() as tx:
            require_unchanged(tx, account)
            store_password(tx, backend, account.user_id, password_hash)
            return sessions.start(tx, backend, account.user_id, provider=PROVIDER)

    return retry(change)


def change_name(backend: Backend, caller: Caller, name: str) -> None:
    """Change the name that others see of the caller; raises BadRequest for an empty or a long one."""
    require_themselves(caller)

    def change() -> None:
        with backend.db.begin() as tx:
            users.rename(tx, caller.user_id, name)

    retry(change)


def find_account(backend: Backend, caller: Caller) -> Account | None:
    """Return the caller's address and what is to become of it, or None when they have no password."""
    # No permission check: it is the caller's own.
    with backend.db.connect() as connection:
        return accounts.find(connection, caller.user_id)


def require_password(backend: Backend, caller: Caller, password: str) -> Account:
    """Return the caller's account if this is its password: the first line of what a stolen session must not do.

    Raises Forbidden for a wrong one, TooManyRequests after several, NotFound for a caller without a password.
    """
    require_themselves(caller)
    require_login_offered(backend.settings)
    taken = rate_limits.take(backend, (rate_limits.PASSWORD_OF_ACCOUNT, caller.user_id))
    account = find_account(backend, caller)
    if account is None:
        msg = "you have no password yet"
        raise NotFound(msg)
    if passwords.find_match([account.password_hash], password, 1) is None:
        msg = "the present password is wrong"
        raise Forbidden(msg)
    rate_limits.give_back(backend, taken)
    return account


def require_themselves(caller: Caller) -> None:
    """Raise Forbidden unless a person calls who signed in themselves."""
    if not caller.is_themselves:
        msg = "only a person who signed in themselves can do this"
        raise Forbidden(msg)


def require_login_offered(settings: Settings) -> None:
    """Raise Forbidden when nobody signs in with an address and a password here."""
    if not is_login_offered(settings):
        msg = "signing in with an address and a password is switched off on this server"
        raise Forbidden(msg)


def store_password(tx: Connection, backend: Backend, user_id: str, password_hash: str) -> None:
    """Store a new password, sign all browsers of its owner out, and make links in older mails useless: a step."""
    now = backend.clock.now()
    accounts.put_password(tx, user_id, password_hash, unix_millis(now))
    one_time_links.revoke_of_user(tx, user_id)
    tokens.revoke_sessions(tx, user_id, now)


def require_unchanged(tx: Connection, account: Account) -> None:
    """Hold an account until the transaction ends, a step; Unauthorized when its password has just been changed."""
    found = accounts.hold(tx, account.user_id)
    if found is None or found.password_hash != account.password_hash:
        raise Unauthorized(_WRONG)


def issue_token(tx: Connection, backend: Backend, user_id: str, name: str) -> str:
    """Make a personal token that ends by itself, and return its text: a step."""
    now = backend.clock.now()
    issued = tokens.issue_token(
        tx,
        access.TokenOwner(user_id),
        name=name,
        description=f"made by {name}",
        created_by=user_id,
        now=now,
        expires_at=now + TOKEN_FOR,
    )
    return issued.text


def _signed_in(backend: Backend, name: str, password: str, client: str, admit: Callable[[Connection, str], str]) -> str:
    # No permission check: the password is what says who asks.
    require_login_offered(backend.settings)
    name = name.strip()[:_NAME_LIMIT].encode("utf-8", "replace").decode()
    by_address = "@" in name
    key = (clean_address(name) or name.lower()) if by_address else name
    # The name first: somebody who keeps trying one name does not use up what everybody behind the same proxy has.
    asked = [(rate_limits.SIGN_IN_OF_NAME, key or " "), (rate_limits.SIGN_IN_OF_CLIENT, rate_limits.client_subject(client))]
    taken = rate_limits.take(backend, *asked)
    account = _matching(backend, key, password, by_address=by_address)

    def enter() -> str:
        with backend.db.begin() as tx:
            require_unchanged(tx, account)
            return admit(tx, account.user_id)

    entered = retry(enter)
    rate_limits.give_back(backend, taken)
    return entered


def _matching(backend: Backend, key: str, password: str, *, by_address: bool) -> Account:
    """Return the account with this name and password. An address may be two accounts': both are tried, always."""
    with backend.db.connect() as connection:
        look_up = accounts.find_by_address if by_address else accounts.find_by_login
        found = look_up(connection, key)
    place = passwords.find_match([one.password_hash for one in found], password, 2 if by_address else 1)
    if place is None:
        raise Unauthorized(_WRONG)
    account = found[place]
    if not passwords.is_outdated(account.password_hash):
        return account
    return _with_new_hash(backend, account, passwords.hashed(password))


def _with_new_hash(backend: Backend, account: Account, new: str) -> Account:
    def renew() -> Account | None:
        with backend.db.connect() as connection:
            accounts.renew_hash(connection, account.user_id, account.password_hash, new)
            return accounts.find(connection, account.user_id)

    renewed = retry(renew)
    if renewed is None or renewed.password_hash != new:
        raise Unauthorized(_WRONG)
    return renewed
