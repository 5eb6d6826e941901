"""Signing in through an organization's provider, from the button to the session, in three requests.

`begin` sends the browser to the provider. The provider has it post an answer to `receive`; that request comes from another
site, so no cookie of ours comes with it, and it signs no user in: a valid answer is kept for minutes under a fresh code,
and the browser is led back to `finish`, where its cookies show that it is the one that began. A sign-in that the provider
began belongs to no browser: there, the user has to confirm it, or an attacker could sign others in as themselves.
"""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from urllib.parse import quote

from sqlalchemy import Connection

from common.audit import steps
from common.audit.steps import Actor, Event
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
from common.sign_in.saml.member_matching import DecisionNeeded, Visit
from common.sign_in.saml.model import Assertion, Choice, PendingAnswer
from common.sign_in.sessions import steps as sessions

OPEN_FOR = timedelta(minutes=5)
# The provider's clock may be so much off that an assertion is taken for good after its end.
_LONGER = timedelta(minutes=10)
_REQUEST = "_"
_ID_LIMIT, _PATH_LIMIT = 64, 2048
_GONE = "this sign-in is over already, or was left for too long; begin again"


@dataclass(frozen=True, slots=True)
class AcceptedAnswer:
    """An answer that was good: where its browser goes for its session."""

    location: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Finished:
    """The result of a sign-in: where to go next, and the session's cookie."""

    return_to: str
    session: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Question:
    """What the user has to decide first: whether they are to be signed in, or with `linked_to` whether that is them too."""

    org: str
    account: str
    code: str = field(repr=False)
    linked_to: str = ""


def describe(backend: Backend, org: str) -> bytes:
    """Return what an organization's provider has to know of this server: the same whether or not there is such an organization.

    The provider is set up with it before its own metadata can be given here. Raises NotFound for what names no organization.
    """
    # No permission check in this module: a user who signs in has no session yet.
    try:
        require_owner_name(org)
    except BadRequest as error:
        raise NotFound("no organization can have this name") from error
    return toolkit.make_metadata(backend, org)


def begin(backend: Backend, org: str, browser: str, *, return_to: str, client: str, force: bool) -> str:
    """Return where to send a browser, known by its visit, to sign in; NotFound, as for no organization, without a provider.

    `force`: the provider is to ask who it is, even if it remembers the browser. TooManyRequests for a network address
    `client` from which too many sign-ins were begun.
    """
    stored, found = require_usable(backend, org)
    made = pending_sign_ins.begin(backend, identity_name(stored.org_id), browser, return_to=return_to, client=client)
    return toolkit.make_request(backend, org, found, request_id=_REQUEST + made.nonce, state=made.state, force=force)


def receive(backend: Backend, org: str, response: str, relay: str) -> AcceptedAnswer:
    """Take a provider's answer, once, and return where its browser goes; raises Unauthorized for one that is not good.

    `relay` is what the answer came with: the state of a sign-in, or a path here if the provider began it.
    """
    stored, found = require_usable(backend, org)
    vouched = responses.check(backend, org, found, response)
    code = secrets.token_urlsafe(32)
    waiting = _waiting(backend, stored.org_id, vouched, code, relay)
    try:
        with backend.db.begin() as tx:
            repository.add_assertion(tx, stored.org_id, _hash(vouched.assertion_id), _kept_until(vouched))
            repository.add_answer(tx, waiting)
    except Exception as error:
        if is_duplicate(error):
            raise responses.refusal(org, "it was used before; begin again") from error
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
    """Return the session of who came back with a code, or what they have to decide first; `caller` is who is signed in already.

    Raises BadRequest for a code that is over or another browser's, Forbidden for whom the organization keeps out.
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
    try:
        return members.with_org_lock(
            backend,
            answer.org_id,
            lambda tx: _enter(tx, backend, visit, browser),
            when=is_race,
            failure=lambda: Conflict("another request created the same login; try again"),
        )
    except DecisionNeeded:
        # Raised to roll back: the sign-in stays open until the question is answered.
        return Question(org, who, code, caller.login if caller is not None else "")


def _enter(tx: Connection, backend: Backend, visit: Visit, browser: str) -> Finished:
    answer, now = visit.answer, backend.clock.now()
    provider = identity_name(answer.org_id)
    return_to = answer.return_to
    if answer.request_id:
        begun = pending_sign_ins.end(tx, provider, browser, answer.state, now)
        return_to = begun.return_to
        if not secrets.compare_digest(_REQUEST + begun.nonce, answer.request_id):
            raise responses.refusal(visit.org, "it answers another request")
    if not repository.remove_answer(tx, answer.code_hash):
        raise BadRequest(_GONE)
    user_id = member_matching.find_or_create_user(tx, visit, now)
    if not sso_members.record_sign_in(tx, answer.org_id, user_id, now):
        raise Forbidden(f"you are not a member of organization {visit.org} any more")
    who = Actor(user_id, answer.email or answer.subject[:100], source_ip=visit.client)
    steps.record_as(tx, backend, who, answer.org_id, Event.USER_LOGIN, description="Signed in through SAML")
    return Finished(return_to, sessions.start(tx, backend, user_id, provider=provider))


def _waiting(backend: Backend, org_id: str, vouched: Assertion, code: str, relay: str) -> PendingAnswer:
    is_asked = bool(vouched.request_id)
    if len(vouched.request_id) > _ID_LIMIT or (is_asked and len(relay) > _ID_LIMIT):
        raise BadRequest("this answers no request of ours")
    return PendingAnswer(
        code_hash=_hash(code),
        org_id=org_id,
        request_id=vouched.request_id,
        state=relay if is_asked else "",
        subject=vouched.subject,
        email=vouched.email,
        name=vouched.name,
        return_to="" if is_asked else relay[:_PATH_LIMIT],
        expires_at=unix_millis(backend.clock.now() + OPEN_FOR),
    )


def _kept_until(vouched: Assertion) -> int:
    return vouched.expires_at + int(_LONGER.total_seconds()) * 1000


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "replace")).hexdigest()
