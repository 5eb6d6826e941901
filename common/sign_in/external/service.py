"""Sign-in with an identity provider of the installation, and the identities that are linked to a user.

No transaction is open while the provider is called. A sign-in is used up before that, so its response cannot be used again,
whatever happens next.
"""

from dataclasses import dataclass, field

from sqlalchemy import Connection

from common.backend import Backend
from common.config.public_urls import base_url
from common.config.settings import Settings
from common.core.errors import BadRequest, Forbidden, NotFound, Unauthorized
from common.db.faults import is_race
from common.db.retry import retry
from common.people.orgs.members import sso as sso_members
from common.rights.caller import Caller
from common.sign_in.accounts.steps import is_sign_in_enabled
from common.sign_in.external import group_memberships, linking, pending_sign_ins, providers
from common.sign_in.external.providers import Client
from common.sign_in.model import Account, AuthorizationResponse, Identity, Provider, Secrets
from common.sign_in.repository import identities
from common.sign_in.sessions import steps as sessions

_ATTEMPTS = 5
_SAML = "saml:"


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a sign-in: where to go, and the secret of the session, or None if an account was linked instead."""

    return_to: str
    session: str | None = field(repr=False)


def begin(backend: Backend, key: Provider, browser: str, return_to: str, *, client: str) -> str:
    """Return the address to send a browser to, which its visit identifies; NotFound if the provider is not set up.

    TooManyRequests if too many sign-ins were started from the network address `client`.
    """
    # No permission check: the person is not known yet.
    provider = _open_client(backend, key)
    return provider.authorize_url(pending_sign_ins.begin(backend, key, browser, return_to=return_to, client=client))


def begin_linking(backend: Backend, caller: Caller, key: Provider, browser: str, return_to: str) -> str:
    """Return the address to send a browser to, to link an account of a provider to the caller; errors as in `begin`."""
    # No permission check: it is about the caller alone, who must be the person themselves.
    _require_themselves(caller)
    provider = _open_client(backend, key)
    secrets = pending_sign_ins.begin(backend, key, browser, return_to=return_to, client=caller.source_ip, user_id=caller.user_id)
    return provider.authorize_url(secrets)


def finish(
    backend: Backend,
    caller: Caller | None,
    key: Provider,
    browser: str,
    response: AuthorizationResponse,
    *,
    client: str = "",
) -> Finished:
    """Finish a sign-in after the provider sent the browser back; `caller` is the user who is signed in there already.

    `client` is the network address of the request, if it is known.

    Raises BadRequest if the sign-in is another browser's, finished or expired; Unauthorized if the response is not valid;
    Forbidden if the person may not sign in; Conflict if the account belongs to another user; Unavailable if the provider
    cannot be reached.
    """
    # No permission check: the response says who the person is.
    provider = _open_client(backend, key)
    pending = pending_sign_ins.take(backend, key, browser, response.state)
    label = providers.label_of(backend.settings, key)
    if response.error or not response.code:
        # The provider's own words are not repeated: anyone may have written them.
        is_refusal = response.error == "access_denied"
        raise Forbidden(f"the sign-in with {label} was {'refused or cancelled' if is_refusal else 'not completed'}; start again")
    if pending.user_id is not None and (caller is None or caller.user_id != pending.user_id):
        raise Unauthorized("the user who started to link this account is no longer signed in; start again")
    account = provider.fetch_account(response, Secrets(response.state, pending.verifier, pending.nonce))
    session = retry(lambda: _enter(backend, account, pending.user_id, client), when=is_race, attempts=_ATTEMPTS)
    return Finished(pending.return_to, session)


def list_identities(backend: Backend, caller: Caller) -> list[Identity]:
    """Return the caller's identities, oldest first."""
    # No permission check: they are the caller's own.
    with backend.db.connect() as connection:
        return identities.find_all(connection, caller.user_id)


def has_other_sign_in(backend: Backend, caller: Caller) -> bool:
    """Tell whether the caller can sign in without an access token: with a password or with a linked account."""
    # No permission check: it is the caller's own.
    with backend.db.connect() as connection:
        has_password = _has_password(connection, backend.settings, caller.user_id)
        linked = [] if has_password else identities.find_all(connection, caller.user_id)
    return has_password or any(_is_usable(backend.settings, identity) for identity in linked)


def unlink(backend: Backend, caller: Caller, provider: str, subject: str) -> None:
    """Unlink one of the caller's identities; NotFound if it is not theirs, BadRequest if they could not sign in without it."""
    # No permission check: it is about the caller alone, who must be the person themselves.
    _require_themselves(caller)

    def attempt() -> None:
        with backend.db.begin() as tx:
            linked = identities.lock_all(tx, caller.user_id)
            identity = next((each for each in linked if (each.provider, each.subject) == (provider, subject)), None)
            if identity is None:
                raise NotFound("you have not linked this account")
            _require_unlinkable(tx, caller, identity)
            others = [each for each in linked if each is not identity]
            # Access tokens do not count: they expire, and are easily lost.
            settings = backend.settings
            is_needed = _is_usable(settings, identity) and not any(_is_usable(settings, other) for other in others)
            if is_needed and not _has_password(tx, settings, caller.user_id):
                raise BadRequest("this is your only way to sign in; link another account or set a password first")
            identities.delete_identity(tx, caller.user_id, provider, subject)

    retry(attempt)


def _enter(backend: Backend, account: Account, linking_user_id: str | None, client: str) -> str | None:
    """Return the secret of a new session, or link the account and return None."""
    with backend.db.begin() as tx:
        now = backend.clock.now()
        if linking_user_id is not None:
            linking.link(tx, linking_user_id, account, now)
            return None
        user_id = linking.find_or_create_user(tx, backend.settings, account, now)
        if account.groups is not None:
            group_memberships.update(tx, backend, user_id, account.groups)
        return sessions.start(tx, backend, user_id, provider=account.provider, client=client)


def _open_client(backend: Backend, key: Provider) -> Client:
    if key not in {offer.key for offer in providers.list_offers(backend.settings)}:
        raise NotFound(f"sign-in with {key} is not set up here")
    return providers.open_client(backend, key, f"{base_url(backend.settings)}/signin/{key}/callback")


def _require_themselves(caller: Caller) -> None:
    if not caller.is_themselves:
        raise Forbidden("sign in yourself to change how you sign in")


def _require_unlinkable(tx: Connection, caller: Caller, identity: Identity) -> None:
    """Refuse to unlink the SAML identity of a removed member: without it they could join again as a new user."""
    is_saml = identity.provider.startswith(_SAML)
    if is_saml and sso_members.find(tx, identity.provider.removeprefix(_SAML), caller.user_id) is None:
        raise BadRequest("you are not a member of this account's organization any more, so the account stays linked")


def _is_usable(settings: Settings, identity: Identity) -> bool:
    """Return whether an identity can be used to sign in with the present settings."""
    names = {providers.identity_name(settings, offer.key) for offer in providers.list_offers(settings)}
    return identity.provider in names or identity.provider.startswith(_SAML)


def _has_password(tx: Connection, settings: Settings, user_id: str) -> bool:
    return is_sign_in_enabled(settings) and identities.has_password(tx, user_id)
