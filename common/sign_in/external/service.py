"""Sign-in through a provider of the installation, from the button to the session.

No transaction is open while the provider is asked. A sign-in is used up before that, so whatever happens then, its answer is
good for nothing more.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Connection

from common.backend import Backend
from common.config.public_urls import base_url
from common.core.errors import Forbidden, NotFound, Unauthorized
from common.db.faults import is_race
from common.rights.caller import Caller
from common.sign_in.external import group_memberships, linking, pending_sign_ins, providers
from common.sign_in.external.providers import Account, Answer, Client, Provider, Secrets
from common.sign_in.sessions import sessions

_TRIES = 5
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Finished:
    """What becomes of a sign-in: where to go, and the session's cookie, or None when an account was linked instead."""

    return_to: str
    session: str | None = field(repr=False)


def begin(backend: Backend, key: Provider, browser: str, return_to: str, *, client: str) -> str:
    """Return where to send a browser, known by its visit, to sign in; NotFound for a provider that is not set up.

    TooManyRequests for a network address `client` from which too many sign-ins were begun.
    """
    # No permission check: whoever signs in is nobody yet.
    found = _client(backend, key)
    return found.authorize_url(pending_sign_ins.begin(backend, key, browser, return_to=return_to, client=client))


def begin_linking(backend: Backend, caller: Caller, key: Provider, browser: str, return_to: str) -> str:
    """Return where to send a browser to link an account of a provider to the caller; errors as in begin."""
    # No permission check: it is about the caller alone. Whoever was let in on their behalf decides nothing about it.
    if not caller.is_themselves:
        raise Forbidden("sign in yourself to change how you sign in")
    found = _client(backend, key)
    made = pending_sign_ins.begin(backend, key, browser, return_to=return_to, client=caller.source_ip, user_id=caller.user_id)
    return found.authorize_url(made)


def finish(backend: Backend, caller: Caller | None, key: Provider, browser: str, answer: Answer) -> Finished:
    """Return what becomes of a sign-in whose provider sent the browser back; `caller` is who is signed in there already.

    Raises BadRequest for a sign-in that is not this browser's, over or too old; Unauthorized for an answer that is not good;
    Forbidden for whom nobody lets in; Conflict for an account that is another user's; Unavailable when the provider cannot
    be asked.
    """
    # No permission check: who it is comes out at the end.
    client = _client(backend, key)
    pending = pending_sign_ins.take(backend, key, browser, answer.state)
    label = providers.label_of(backend.settings, key)
    if answer.error or not answer.code:
        # What the provider says is not repeated: anybody may have written it.
        is_refusal = answer.error == "access_denied"
        raise Forbidden(f"the sign-in with {label} was {'refused or given up' if is_refusal else 'not completed'}; begin again")
    if pending.user_id is not None and (caller is None or caller.user_id != pending.user_id):
        raise Unauthorized("whoever began to link this account is no longer signed in; begin again")
    account = client.fetch_account(answer, Secrets(answer.state, pending.verifier, pending.nonce))
    linked = pending.user_id

    def enter(tx: Connection) -> str | None:
        now = backend.clock.now()
        if linked is not None:
            linking.link(tx, linked, account, now)
            return None
        user_id = linking.enter(tx, backend.settings, account, now)
        _follow(tx, backend, user_id, account)
        return sessions.start(tx, backend, user_id, provider=account.provider)

    return Finished(pending.return_to, _unless_raced(backend, enter))


def _follow(tx: Connection, backend: Backend, user_id: str, account: Account) -> None:
    if account.groups is not None:
        group_memberships.follow(tx, backend.settings, user_id, account.groups, backend.clock.now())


def _client(backend: Backend, key: Provider) -> Client:
    if key not in {offer.key for offer in providers.offered(backend.settings)}:
        raise NotFound(f"nobody can sign in with {key} here")
    return providers.open_client(backend, key, f"{base_url(backend.settings)}/signin/{key}/callback")


def _unless_raced(backend: Backend, change: Callable[[Connection], _T]) -> _T:
    """Run a change in a transaction, and anew when another process made the same user, identity or name meanwhile."""
    for _ in range(_TRIES - 1):
        try:
            with backend.db.begin() as tx:
                return change(tx)
        except Exception as error:
            if not is_race(error):
                raise
    with backend.db.begin() as tx:
        return change(tx)
