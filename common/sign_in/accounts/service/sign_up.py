"""Sign-up with an address and a password: who may create an account, and what comes with it.

A sign-up does not make an administrator of the installation, not even of the first user. An account can be used at once, but its
address belongs to it only when it is confirmed, or when the sign-up has the token from a mailed invitation. The answer does
not say whether an address has an account already: the new user gets an account with an address that they can never confirm.
"""

from collections.abc import Callable
from dataclasses import dataclass

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
from common.sign_in.accounts import passwords, steps
from common.sign_in.accounts.model import NewAccount
from common.sign_in.sessions import steps as sessions

_DISABLED_BY = (Settings.disable_email_signup, Settings.hide_email_signup)


@dataclass(frozen=True, slots=True)
class _Invitation:
    """The invitation of a sign-up, and whether the sign-up has the proof from its mail."""

    invite: Invite
    is_proven: bool

    @property
    def joins(self) -> bool:
        """Return whether the new user becomes a member at once; an address that is not confirmed has to wait."""
        return self.is_proven or not self.invite.email


def is_open(settings: Settings) -> bool:
    """Return whether everyone may create an account with an address and a password."""
    if is_disabled(settings):
        return False
    return any(map(settings.is_set, _DISABLED_BY)) or is_laptop(settings)


def is_disabled(settings: Settings) -> bool:
    """Return whether accounts cannot be created, not even with an invitation."""
    return any(map(settings.get, _DISABLED_BY)) or not steps.is_sign_in_enabled(settings)


def sign_up(backend: Backend, new: NewAccount, *, client: str = "") -> str:
    """Create an account and return the secret of a session of the new user.

    Raises Forbidden if they may not sign up, BadRequest if a field is not valid, Conflict if the login is taken, and
    TooManyRequests.
    """

    def start_session(tx: Connection, user_id: str) -> str:
        return sessions.start(tx, backend, user_id, provider=steps.PROVIDER, client=client)

    return _sign_up(backend, new, client, start_session)


def sign_up_for_token(backend: Backend, new: NewAccount, *, client: str = "") -> str:
    """Create an account and return a personal access token of the new user that expires."""

    def create_token(tx: Connection, user_id: str) -> str:
        return steps.create_token(tx, backend, user_id, "e-mail sign-up")

    return _sign_up(backend, new, client, create_token)


def find_invitation(backend: Backend, token: str) -> Invite | None:
    """Return the open invitation of a token, or None."""
    # No permission check: the id of an invitation is a secret that cannot be guessed.
    with backend.db.connect() as connection:
        return invite_proofs.find_open(connection, backend, token.strip().partition(".")[0])


def _sign_up(backend: Backend, new: NewAccount, client: str, finish: Callable[[Connection, str], str]) -> str:
    # No permission check, since no one is signed in. The invitation or the settings are checked instead.
    invitation = _require_allowed(backend, new)
    address = steps.require_address(new.email)
    passwords.require_allowed(new.password, new.login, address)
    name = users.clean_name(new.name) if new.name.strip() else new.login
    limits = [(rate_limits.SIGN_UP_OF_ADDRESS, address), (rate_limits.SIGN_UP_OF_CLIENT, rate_limits.client_subject(client))]
    rate_limits.count(backend, *limits)
    password_hash = passwords.hash_password(new.password)

    def create(tx: Connection) -> str:
        is_proven = invitation is not None and invitation.is_proven
        now = backend.clock.now()
        with unless_taken(f"the name {new.login[:80]!a} is taken, by a user or an organization"):
            user_id = new_users.create_person(tx, login=new.login, name=name, email="", now=now)
        steps.create_account(tx, backend, user_id, address, password_hash, is_proven=is_proven)
        if invitation is not None and invitation.joins:
            invite_proofs.join(tx, backend, invitation.invite, user_id)
        return finish(tx, user_id)

    if invitation is not None:
        return members.with_org_lock(backend, invitation.invite.org_id, create)

    def attempt() -> str:
        with backend.db.begin() as tx:
            return create(tx)

    return retry(attempt)


def _require_allowed(backend: Backend, new: NewAccount) -> _Invitation | None:
    """Return the invitation of a sign-up, or None if everyone may sign up; raises Forbidden."""
    if is_disabled(backend.settings):
        raise Forbidden("creating accounts with an address and a password is switched off on this server")
    invitation = _read_invitation(backend, new) if new.token else None
    if invitation is None and not is_open(backend.settings):
        raise Forbidden("accounts are created by invitation here; ask an administrator of your organization for one")
    return invitation


def _read_invitation(backend: Backend, new: NewAccount) -> _Invitation:
    invite, proof = find_invitation(backend, new.token), new.token.strip().partition(".")[2]
    if invite is None:
        raise Forbidden(invite_proofs.MISSING)
    if not invite.is_for(clean_address(new.email)):
        raise Forbidden("the invitation is for another address")
    return _Invitation(invite, invite_proofs.is_proof(backend, invite, proof))
