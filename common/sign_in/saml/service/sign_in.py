"""Signs users in through an organization's provider, in three requests.

`begin` sends the browser to the provider. The provider makes the browser post an answer to `receive`. That request comes from
another site without our cookies, so it does not sign in: a valid answer is stored for a few minutes under a new code, and the
browser is redirected to `finish`. There, its cookies prove that it began the sign-in. A sign-in that began at the provider has
no such proof, so the user must confirm it; otherwise an attacker could sign in other people's browsers as the attacker.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import quote

from sqlalchemy import Connection

from common.backend import Backend
from common.config.public_urls import base_url
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Conflict, Forbidden, NotFound
from common.core.names import require_owner_name
from common.db.faults import is_duplicate, is_race
from common.people.orgs.members import sso as sso_members
from common.people.orgs.members import steps as members
from common.rights.caller import Caller
from common.sign_in.external import linking, pending_sign_ins
from common.sign_in.saml import member_matching, repository, responses, toolkit
from common.sign_in.saml.identity_provider import identity_name, require_usable
from common.sign_in.saml.member_matching import ChoiceNeeded, Visit
from common.sign_in.saml.model import Assertion, Choice, PendingAnswer
from common.sign_in.sessions import steps as sessions

OPEN_FOR = timedelta(minutes=5)
# If the provider's clock is wrong, an assertion may still be accepted after it has expired.
_LONGER = timedelta(minutes=10)
_REQUEST = "_"
_ID_LIMIT, _PATH_LIMIT = 64, 2048
_GONE = "this sign-in has ended or expired; sign in again"


@dataclass(frozen=True, slots=True)
class AcceptedAnswer:
    """An accepted answer: the address where its browser gets its session."""

    location: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Finished:
    """The result of a sign-in: where to go next, and the session's cookie."""

    return_to: str
    session: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Question:
    """What the user must decide first: whether to sign in, or with `linked_to`, whether that user is theirs too."""

    org: str
    account: str
    code: str = field(repr=False)
    linked_to: str = ""


def describe(backend: Backend, org: str) -> bytes:
    """Return our metadata for an organization's provider. It does not show whether the organization exists.

    A provider is set up with it first, before its own metadata is sent here. Raise NotFound for an invalid name.
    """
    # No permission check in this module: a user who signs in has no session yet.
    try:
        require_owner_name(org)
    except BadRequest as error:
        raise NotFound("no organization can have this name") from error
    return toolkit.create_metadata(backend, org)


def begin(backend: Backend, org: str, browser: str, *, return_to: str, client: str, force: bool) -> str:
    """Return where to send a browser to sign in. Raise NotFound if the organization does not exist or has no provider.

    `browser` identifies the browser. `force`: the provider asks the user to sign in again. Raise TooManyRequests if too many
    sign-ins began from the network address `client`.
    """
    stored, descriptor = require_usable(backend, org)
    pending = pending_sign_ins.begin(backend, identity_name(stored.org_id), browser, return_to=return_to, client=client)
    return toolkit.create_request(backend, org, descriptor, request_id=_REQUEST + pending.nonce, state=pending.state, force=force)


def receive(backend: Backend, org: str, response: str, relay: str) -> AcceptedAnswer:
    """Store a provider's answer and return where its browser goes next. Raise Unauthorized if it is invalid or was used before.

    `relay` is the answer's RelayState: the state of a sign-in, or a path here if the sign-in began at the provider.
    """
    stored, descriptor = require_usable(backend, org)
    assertion = responses.check(backend, org, descriptor, response)
    code = secrets.token_urlsafe(32)
    pending = _pending(backend, stored.org_id, assertion, code, relay)
    try:
        with backend.db.begin() as tx:
            repository.add_assertion(tx, stored.org_id, _hash(assertion.assertion_id), _kept_until(assertion))
            repository.add_answer(tx, pending)
    except Exception as error:
        if is_duplicate(error):
            raise responses.refusal(org, "it was used before; sign in again") from error
        raise
    return AcceptedAnswer(f"{base_url(backend.settings)}/signin/sso/{quote(org, safe='')}/finish?code={code}")


def finish(
    backend: Backend,
    caller: Caller | None,
    org: str,
    *,
    browser: str,
    code: str,
    choice: Choice = Choice.NONE,
    client: str = "",
) -> Finished | Question:
    """Return the session for a code, or the question that the user must answer first. `caller` is signed in already, or None.

    Raise BadRequest for an expired code and for another browser's, Forbidden for a user who is not an active member.
    """
    stored, _ = require_usable(backend, org)
    with backend.db.connect() as connection:
        answer = repository.find_answer(connection, _hash(code), unix_millis(backend.clock.now()))
        if answer is None or answer.org_id != stored.org_id:
            raise BadRequest(_GONE)
        owner = linking.find_owner(connection, identity_name(stored.org_id), answer.subject)
    who = answer.email or answer.subject
    is_theirs = caller is not None and caller.user_id == owner
    if not answer.request_id and choice is Choice.NONE and not is_theirs:
        return Question(org, who, code)
    visit = Visit(answer, org, caller, choice, client)
    result = members.with_org_lock(
        backend,
        answer.org_id,
        lambda tx: _enter(tx, backend, visit, browser),
        when=is_race,
        failure=lambda: Conflict("another request created the same login; try again"),
    )
    return Question(org, who, code, result.login) if isinstance(result, ChoiceNeeded) else result


def _enter(tx: Connection, backend: Backend, visit: Visit, browser: str) -> Finished | ChoiceNeeded:
    answer, now = visit.answer, backend.clock.now()
    provider = identity_name(answer.org_id)
    return_to = _require_same_browser(tx, visit, browser, now)
    matched = member_matching.match(tx, visit)
    if isinstance(matched, ChoiceNeeded):
        return matched
    # Only now: the sign-in stays open until the question is answered.
    if answer.request_id:
        pending_sign_ins.delete(tx, provider, browser, answer.state)
    if not repository.remove_answer(tx, answer.code_hash):
        raise BadRequest(_GONE)
    user_id = member_matching.link(tx, visit, matched, now)
    if not sso_members.record_sign_in(tx, answer.org_id, user_id, now):
        raise Forbidden(f"you are not a member of organization {visit.org} any more")
    return Finished(return_to, sessions.start(tx, backend, user_id, provider=provider, client=visit.client))


def _require_same_browser(tx: Connection, visit: Visit, browser: str, now: datetime) -> str:
    """Return where the browser goes after the sign-in; raise BadRequest if the sign-in began in another browser."""
    answer = visit.answer
    if not answer.request_id:
        return answer.return_to
    begun = pending_sign_ins.get(tx, identity_name(answer.org_id), browser, answer.state, now)
    if not secrets.compare_digest(_REQUEST + begun.nonce, answer.request_id):
        raise responses.refusal(visit.org, "it answers another request")
    return begun.return_to


def _pending(backend: Backend, org_id: str, assertion: Assertion, code: str, relay: str) -> PendingAnswer:
    has_request = bool(assertion.request_id)
    if len(assertion.request_id) > _ID_LIMIT or (has_request and len(relay) > _ID_LIMIT):
        raise BadRequest("this answer does not belong to a request of this server")
    return PendingAnswer(
        code_hash=_hash(code),
        org_id=org_id,
        request_id=assertion.request_id,
        state=relay if has_request else "",
        subject=assertion.subject,
        email=assertion.email,
        name=assertion.name,
        return_to="" if has_request else relay[:_PATH_LIMIT],
        expires_at=unix_millis(backend.clock.now() + OPEN_FOR),
    )


def _kept_until(assertion: Assertion) -> int:
    return assertion.expires_at + int(_LONGER.total_seconds()) * 1000


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "replace")).hexdigest()
