"""Steps of the use cases about accounts, and the checks that they share."""

from datetime import timedelta

from sqlalchemy import Connection

from common.access import authentication as access
from common.access import tokens
from common.backend import Backend
from common.config.settings import Settings
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Conflict, Forbidden, Unauthorized
from common.db.faults import unless_taken
from common.mailing import steps as mailing
from common.mailing.model import NewMail, Purpose, clean_address
from common.people.users import steps as users
from common.rights.caller import Caller
from common.sign_in.accounts import one_time_links
from common.sign_in.accounts.model import PasswordAccount
from common.sign_in.accounts.repository import accounts
from common.sign_in.repository import identities

PROVIDER = "password"
WRONG_PASSWORD = "the name or the password is wrong"  # noqa: S105 - a sentence
ADDRESS_TAKEN = "this address belongs to another account here; sign in to that one, or use another address"
_ADDRESS_CLAIMED = "another account waits for the confirmation of this address; if it is yours, reset its password"
# How long the token of a client that signs in itself works, such as an installer.
_TOKEN_LIFETIME = timedelta(days=30)


def is_sign_in_enabled(settings: Settings) -> bool:
    """Return whether people can sign in with an address and a password."""
    return not (settings.disable_email_login or settings.hide_email_login)


def require_sign_in_enabled(settings: Settings) -> None:
    """Raise Forbidden if people cannot sign in with an address and a password here."""
    if not is_sign_in_enabled(settings):
        raise Forbidden("signing in with an address and a password is switched off on this server")


def require_themselves(caller: Caller) -> None:
    """Raise Forbidden unless the caller is a person who signed in themselves."""
    if not caller.is_themselves:
        raise Forbidden("only users can do this, not tokens of organizations, teams or jobs")


def require_address(text: str) -> str:
    """Return an address in lower case; raises BadRequest if the text is not an address."""
    address = clean_address(text)
    if not address:
        raise BadRequest("this is not an e-mail address")
    return address


def find_account(connection: Connection, user_id: str) -> PasswordAccount | None:
    """Return the account of a user, or None: a step."""
    return accounts.find(connection, user_id)


def find_account_to_reset(connection: Connection, email: str) -> PasswordAccount | None:
    """Return the account that a reset for an address changes, or None: its owner's, else the one that claims it. A step."""
    return next(iter(accounts.find_by_address(connection, email)), None)


def require_unchanged(tx: Connection, account: PasswordAccount) -> None:
    """Lock an account until the transaction ends, a step; Unauthorized if its password has just been changed."""
    current = accounts.lock(tx, account.user_id)
    if current is None or current.password_hash != account.password_hash:
        raise Unauthorized(WRONG_PASSWORD)


def create_account(
    tx: Connection,
    backend: Backend,
    user_id: str,
    address: str,
    password_hash: str,
    *,
    is_proven: bool,
) -> None:
    """Create the account of a user, a step; a mail asks to confirm an address that is not proven to be theirs.

    Raises Conflict for a proven address that belongs to another user, and for an unproven one that another account claims.
    For an unproven address the error does not say whether it belongs to a user.
    """
    now_millis = unix_millis(backend.clock.now())
    if is_proven and not assign_address(tx, user_id, address, now_millis):
        raise Conflict(ADDRESS_TAKEN)
    with unless_taken(ADDRESS_TAKEN if is_proven else _ADDRESS_CLAIMED):
        accounts.create(
            tx,
            user_id=user_id,
            email=address,
            is_verified=is_proven,
            password_hash=password_hash,
            now_millis=now_millis,
        )
    if not is_proven:
        mailing.queue(tx, backend, [NewMail(Purpose.VERIFICATION, address, user_id)])


def assign_address(tx: Connection, user_id: str, address: str, now_millis: int) -> bool:
    """Store that an address belongs to a user, a step; False if it belongs to another user.

    The address is locked first, against people with the same address who sign in with a provider.
    """
    identities.lock_address(tx, address, now_millis)
    return users.set_email(tx, user_id, address)


def update_password(tx: Connection, backend: Backend, user_id: str, password_hash: str) -> None:
    """Store a new password, sign out all browsers of the user, and revoke the links in older mails: a step."""
    now = backend.clock.now()
    accounts.update_password(tx, user_id, password_hash, unix_millis(now))
    one_time_links.revoke_of_user(tx, user_id)
    tokens.revoke_sessions(tx, user_id, now)


def create_token(tx: Connection, backend: Backend, user_id: str, name: str) -> str:
    """Create a personal access token that expires, and return its text: a step."""
    now = backend.clock.now()
    issued = tokens.issue_token(
        tx,
        access.TokenOwner(user_id),
        name=name,
        description=f"made by {name}",
        created_by=user_id,
        now=now,
        expires_at=now + _TOKEN_LIFETIME,
    )
    return issued.text
