"""Decides which user somebody is who comes from a provider, and which identities are whose.

An identity that is known is its user. One that is not becomes somebody's who signs it in themselves, or the only user's
whose verified address it has, or a new user's if the provider or the settings welcome them. An address that the provider
has not verified decides nothing and is given to nobody.
"""

from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection

from common.backend import Backend
from common.config import identity_providers
from common.config.settings import Settings
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Conflict, Forbidden, NotFound
from common.db.retry import retry
from common.people.orgs.members import sso as sso_members
from common.people.users import steps as users
from common.rights.caller import Caller
from common.sign_in import new_users
from common.sign_in.external import providers
from common.sign_in.model import Account, Identity
from common.sign_in.repository import identities

_ANYBODY = "*"
_SAML = "saml:"


def enter(tx: Connection, settings: Settings, account: Account, now: datetime) -> str:
    """Return the id of the user whom an account belongs to, a step; a new user's if it is to be one.

    Raises Forbidden for whom nobody lets in, Conflict for an address of several users. IntegrityError means that somebody
    else was faster: the caller begins anew.
    """
    millis = unix_millis(now)
    known = identities.find(tx, account.provider, account.subject)
    if known is None:
        return _newly_linked(tx, settings, account, now)
    if not known.is_there:
        raise Forbidden("the user of this account was removed; ask an administrator")
    identities.refresh(tx, account, millis)
    if not known.has_address:
        _give_address(tx, known.user_id, account, millis)
    return known.user_id


def owner(tx: Connection, provider: str, subject: str) -> str | None:
    """Return the id of the user whose an identity is, or None: a step."""
    known = identities.find(tx, provider, subject)
    return known.user_id if known is not None and known.is_there else None


def link(tx: Connection, user_id: str, account: Account, now: datetime) -> None:
    """Make an account somebody's who has shown that it is theirs: a step; Conflict when it is another user's."""
    millis = unix_millis(now)
    known = identities.find(tx, account.provider, account.subject)
    if known is not None and known.user_id != user_id:
        raise Conflict(f"the account {account.login!a} there belongs to another user here")
    if known is None:
        identities.add(tx, user_id, account, millis)
    else:
        identities.refresh(tx, account, millis)
    _give_address(tx, user_id, account, millis)


def list_identities(backend: Backend, caller: Caller) -> list[Identity]:
    """Return the caller's identities, oldest first."""
    # No permission check: they are the caller's own.
    with backend.db.connect() as connection:
        return identities.find_all(connection, caller.user_id)


def unlink(backend: Backend, caller: Caller, provider: str, subject: str) -> None:
    """Take one of the caller's identities away; NotFound for none, BadRequest for the last way in that does not expire."""
    # No permission check: it is the caller's own. Whoever was let in on their behalf decides nothing about it.
    if not caller.is_themselves:
        raise Forbidden("sign in yourself to change how you sign in")

    def attempt() -> None:
        with backend.db.begin() as tx:
            held = identities.hold_all(tx, caller.user_id)
            removed = next((one for one in held if (one.provider, one.subject) == (provider, subject)), None)
            if removed is None:
                raise NotFound("you have no such account linked")
            _require_free(tx, caller, removed)
            others = [one for one in held if one is not removed]
            # Access tokens do not count: they expire, and are easily lost.
            is_needed = _works(backend.settings, removed) and not any(_works(backend.settings, one) for one in others)
            if is_needed and not _has_password(tx, backend.settings, caller.user_id):
                raise BadRequest("this is your only way to sign in; link another account or set a password first")
            identities.remove(tx, caller.user_id, provider, subject)

    retry(attempt)


def _newly_linked(tx: Connection, settings: Settings, account: Account, now: datetime) -> str:
    millis = unix_millis(now)
    address = account.address
    if address:
        identities.hold_address(tx, address_key(address), millis)
        found = identities.find_people(tx, address)
        if len(found) > 1:
            raise Conflict(f"several users have the address {address!a}; sign in as one of them and link this account there")
        if found:
            identities.add(tx, found[0], account, millis)
            return found[0]
    _require_welcome(tx, settings, account, millis)
    # Nobody else has the address.
    user_id = new_users.add_person(
        tx,
        login=new_users.free_login(tx, account.login or address),
        name=account.name,
        email=address,
        now=now,
    )
    identities.add(tx, user_id, account, millis)
    return user_id


def _require_welcome(tx: Connection, settings: Settings, account: Account, now_millis: int) -> None:
    """Raise Forbidden unless a new user may be made: the operator's own provider decides alone, others verify addresses."""
    if account.is_own:
        return
    if not account.address:
        raise Forbidden("this account has no verified address, and nobody here is linked to it; verify its address first")
    domains = [one.lower().removeprefix("@") for one in identity_providers.listed(settings.sign_up_domains)]
    is_welcome = _ANYBODY in domains or account.address.rpartition("@")[2] in domains
    if not is_welcome and not identities.is_invited(tx, account.address, now_millis):
        raise Forbidden("nobody here is linked to this account, and its address was not invited; ask for an invitation")


def _give_address(tx: Connection, user_id: str, account: Account, now_millis: int) -> None:
    """Store a verified address of somebody who has none, unless it is another user's."""
    if account.address:
        identities.hold_address(tx, address_key(account.address), now_millis)
        if not identities.find_people(tx, account.address):
            users.set_first_email(tx, user_id, account.address)


def _require_free(tx: Connection, caller: Caller, identity: Identity) -> None:
    """Raise BadRequest for an account by which an organization knows whom it removed, and who would be somebody new without."""
    is_saml = identity.provider.startswith(_SAML)
    if is_saml and sso_members.find(tx, identity.provider.removeprefix(_SAML), caller.user_id) is None:
        raise BadRequest("you are not a member of this account's organization any more, so the account stays linked")


def _works(settings: Settings, identity: Identity) -> bool:
    """Tell whether somebody may sign in with an identity as things are set up now."""
    names = {providers.identity_name(settings, offer.key) for offer in providers.offered(settings)}
    return identity.provider in names or identity.provider.startswith(_SAML)


def _has_password(tx: Connection, settings: Settings, user_id: str) -> bool:
    return not (settings.disable_email_login or settings.hide_email_login) and identities.has_password(tx, user_id)


def address_key(address: str) -> str:
    """Return what stands for an address while one transaction decides whose it becomes."""
    return sha256(f"address:{address}".encode()).hexdigest()
