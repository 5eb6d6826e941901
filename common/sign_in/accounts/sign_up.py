"""Making an account with an address and a password: who may, and what comes with it.

Nobody becomes an administrator of the installation by it, the first one neither. An account can be used at once, but its
address counts as somebody's only when it is confirmed, or when the invitation that was mailed there comes with the sign-up.
Whether an address belongs to an account already is not told: the newcomer gets one of their own, whose address they can
never confirm.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from common.backend import Backend
from common.config.public_urls import is_laptop
from common.config.settings import Settings
from common.core.errors import Forbidden
from common.db.faults import unless_taken
from common.db.retry import retry
from common.mailing.model import clean_address
from common.people.orgs.invites import proofs as invite_proofs
from common.people.orgs.members import steps as members
from common.people.orgs.model import Invite
from common.people.users import steps as users
from common.sign_in import new_users, rate_limits
from common.sign_in.accounts import accounts, email_addresses, passwords
from common.sign_in.sessions import sessions

_SWITCHES = (Settings.disable_email_signup, Settings.hide_email_signup)


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to make. `token` is of an invitation: its id, and from its mail with `.` and the proof behind it."""

    login: str
    name: str
    email: str
    password: str = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class _Invited:
    """What a sign-up brings along: an invitation, and whether it was read where it was mailed to."""

    invite: Invite
    is_proven: bool

    @property
    def joins(self) -> bool:
        """Tell whether the newcomer becomes a member at once: an address that is not confirmed has to wait."""
        return self.is_proven or not self.invite.email


def may_sign_up(settings: Settings) -> bool:
    """Tell whether anybody may make an account with an address and a password."""
    if is_closed(settings):
        return False
    return any(map(settings.is_set, _SWITCHES)) or is_laptop(settings)


def is_closed(settings: Settings) -> bool:
    """Tell whether nobody may, not even with an invitation."""
    return any(map(settings.get, _SWITCHES)) or not accounts.is_login_offered(settings)


def sign_up(backend: Backend, new: NewAccount, *, client: str = "") -> str:
    """Make an account and return the secret of a session of the newcomer.

    Raises Forbidden for whom nobody lets in, BadRequest for what cannot be, Conflict for a login that is taken, and
    TooManyRequests.
    """
    return _signed_up(
        backend,
        new,
        client,
        lambda tx, user: sessions.start(tx, backend, user, provider=accounts.PROVIDER),
    )


def sign_up_for_token(backend: Backend, new: NewAccount, *, client: str = "") -> str:
    """Make an account and return a personal access token of the newcomer, good for a while."""
    return _signed_up(
        backend,
        new,
        client,
        lambda tx, user_id: accounts.issue_token(tx, backend, user_id, "e-mail sign-up"),
    )


def find_invitation(backend: Backend, token: str) -> Invite | None:
    """Return the open invitation that a sign-up's token is of, or None."""
    # No permission check: its id is a secret that nobody guesses.
    with backend.db.connect() as connection:
        return invite_proofs.find_open(connection, backend, token.strip().partition(".")[0])


def _signed_up(backend: Backend, new: NewAccount, client: str, admit: Callable[[Connection, str], str]) -> str:
    # No permission check: nobody is signed in yet. What is asked for in its place is next.
    invited = _require_welcome(backend, new)
    address = email_addresses.require_address(new.email)
    passwords.require_fit(new.password, new.login, address)
    name = users.clean_name(new.name) if new.name.strip() else new.login
    asked = [(rate_limits.SIGN_UP_OF_ADDRESS, address), (rate_limits.SIGN_UP_OF_CLIENT, rate_limits.client_subject(client))]
    rate_limits.take(backend, *asked)
    password_hash = passwords.hashed(new.password)

    def make(tx: Connection) -> str:
        is_proven = invited is not None and invited.is_proven
        now = backend.clock.now()
        with unless_taken(f"the name {new.login[:80]!a} is taken, by a user or an organization"):
            user_id = new_users.add_person(tx, login=new.login, name=name, email="", now=now)
        email_addresses.open_account(tx, backend, user_id, address, password_hash, is_proven=is_proven)
        if invited is not None and invited.joins:
            invite_proofs.join(tx, backend, invited.invite, user_id)
        return admit(tx, user_id)

    if invited is not None:
        return members.with_org_lock(backend, invited.invite.org_id, make)

    def attempt() -> str:
        with backend.db.begin() as tx:
            return make(tx)

    return retry(attempt)


def _require_welcome(backend: Backend, new: NewAccount) -> _Invited | None:
    """Return the invitation that a newcomer brings, or None where anybody may come; raises Forbidden."""
    if is_closed(backend.settings):
        msg = "making accounts with an address and a password is switched off on this server"
        raise Forbidden(msg)
    invited = _invited(backend, new) if new.token else None
    if invited is None and not may_sign_up(backend.settings):
        msg = "accounts are made by invitation here; ask an administrator of your organization for one"
        raise Forbidden(msg)
    return invited


def _invited(backend: Backend, new: NewAccount) -> _Invited:
    invite, proof = find_invitation(backend, new.token), new.token.strip().partition(".")[2]
    if invite is None:
        raise Forbidden(invite_proofs.MISSING)
    if not invite.is_for(clean_address(new.email)):
        msg = "the invitation is for another address"
        raise Forbidden(msg)
    return _Invited(invite, invite_proofs.is_proof(backend, invite, proof))
