"""Steps that decide which user a person from a provider is, and which identities belong to which user.

A known identity belongs to its user. An unknown one is linked to the user who is signed in, or to the only user with its
verified address, or to a new user if the provider or the settings allow that. An unverified address decides nothing and is
given to no user.
"""

from datetime import datetime

from sqlalchemy import Connection

from common.config import identity_providers
from common.config.settings import Settings
from common.core.clock import unix_millis
from common.core.errors import Conflict, Forbidden
from common.people.users import steps as users
from common.sign_in import new_users
from common.sign_in.model import Account
from common.sign_in.repository import identities

_ANY_DOMAIN = "*"


def find_or_create_user(tx: Connection, settings: Settings, account: Account, now: datetime) -> str:
    """Return the id of the user of an account, who is created if they are new and allowed: a step.

    Raises Forbidden if they may not sign in, Conflict if several users have the address. IntegrityError means that another
    process was faster: the caller tries again.
    """
    now_millis = unix_millis(now)
    owner = identities.find_owner(tx, account.provider, account.subject)
    if owner is None:
        return _link_to_user(tx, settings, account, now)
    if not owner.exists:
        raise Forbidden("the user of this account was removed; ask an administrator")
    identities.update_identity(tx, account, now_millis)
    if not owner.has_address:
        _assign_address(tx, owner.user_id, account, now_millis)
    return owner.user_id


def find_owner(tx: Connection, provider: str, subject: str) -> str | None:
    """Return the id of the user that an identity belongs to, or None: a step."""
    owner = identities.find_owner(tx, provider, subject)
    return owner.user_id if owner is not None and owner.exists else None


def link(tx: Connection, user_id: str, account: Account, now: datetime) -> None:
    """Link an account to a user who has shown that it is theirs, a step; Conflict if it belongs to another user."""
    now_millis = unix_millis(now)
    owner = identities.find_owner(tx, account.provider, account.subject)
    if owner is not None and owner.user_id != user_id:
        raise Conflict(f"the account {account.login!a} is already linked to another user")
    if owner is None:
        identities.create(tx, user_id, account, now_millis)
    else:
        identities.update_identity(tx, account, now_millis)
    _assign_address(tx, user_id, account, now_millis)


def _link_to_user(tx: Connection, settings: Settings, account: Account, now: datetime) -> str:
    now_millis = unix_millis(now)
    address = account.address
    if address:
        identities.lock_address(tx, address, now_millis)
        user_ids = identities.find_people(tx, address)
        if len(user_ids) > 1:
            raise Conflict(f"several users have the address {address!a}; sign in as one of them and link this account there")
        if user_ids:
            identities.create(tx, user_ids[0], account, now_millis)
            return user_ids[0]
    _require_allowed(tx, settings, account, now_millis)
    user_id = new_users.create_person(
        tx,
        login=new_users.free_login(tx, account.login or address),
        name=account.name,
        email=address,
        now=now,
    )
    identities.create(tx, user_id, account, now_millis)
    return user_id


def _require_allowed(tx: Connection, settings: Settings, account: Account, now_millis: int) -> None:
    """Raise Forbidden unless a new user is allowed: the operator's own provider decides alone, others need a verified address."""
    if account.is_own:
        return
    if not account.address:
        raise Forbidden("this account has no verified address, and no user here is linked to it; verify its address first")
    domains = [domain.lower().removeprefix("@") for domain in identity_providers.listed(settings.sign_up_domains)]
    is_listed = _ANY_DOMAIN in domains or account.address.rpartition("@")[2] in domains
    if not is_listed and not identities.is_invited(tx, account.address, now_millis):
        raise Forbidden("no user here is linked to this account, and its address was not invited; ask for an invitation")


def _assign_address(tx: Connection, user_id: str, account: Account, now_millis: int) -> None:
    """Store the verified address of a user who has none, unless it belongs to another user."""
    if account.address:
        identities.lock_address(tx, account.address, now_millis)
        if not identities.find_people(tx, account.address):
            users.set_first_email(tx, user_id, account.address)
