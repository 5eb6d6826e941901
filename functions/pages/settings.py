"""Pages of the reader's own: profile, access tokens, sessions, invitations."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.access.tokens import IssuedToken
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BackendError, BadRequest
from common.people.orgs.invites import service as invites
from common.people.tokens import lifetimes
from common.people.tokens import service as tokens
from common.people.tokens.model import DESCRIPTION_LIMIT, NewToken, Token, TokenFilter, TokenQuery
from common.people.tokens.service import Page
from common.people.users.steps import NAME_LIMIT
from common.rights.caller import Caller
from common.sign_in.external import providers
from common.sign_in.external import service as external
from common.sign_in.sessions import service as sessions
from functions.http.deps import BackendDep
from functions.pages.failures import reason
from functions.pages.rendering import page, see_other
from functions.pages.visitor import Form, FormDep, PersonDep, Visitor, VisitorDep

router = APIRouter()
_TOKENS = "/settings/tokens"
_SESSIONS = "/settings/sessions"
_SESSION_NEWS = {"one": "The session was revoked.", "others": "All other sessions were revoked."}
_PROVIDERS = {"password": "Email and password", "token": "Access token", "link": "Link of the server"}
_PAGE_ROWS = 25
_Query = Annotated[str, Query()]
_EVERY = TokenQuery(TokenFilter.ALL)


@router.get("/settings")
def show_profile(visitor: VisitorDep, person: PersonDep, done: _Query = "") -> Response:
    """Show who is signed in, and their organizations."""
    return profile_page(visitor, person, news="Your name was changed." if done == "name" else "")


@router.get("/account/tokens")
@router.get("/user/settings/tokens")
def tokens_of_command_line() -> Response:
    """Lead on from where the command line says that tokens are created."""
    return see_other(_TOKENS)


@router.get(_TOKENS)
def list_tokens(
    visitor: VisitorDep,
    backend: BackendDep,
    person: PersonDep,
    after: _Query = "",
    revoked: _Query = "",
) -> Response:
    """Show a page of one's tokens, the newest first, and the form for another."""
    return _tokens_page(visitor, backend, person, after=after, news="The token was revoked." if revoked else "")


@router.post(_TOKENS)
def create_token(visitor: VisitorDep, backend: BackendDep, person: PersonDep, form: FormDep) -> Response:
    """Create a token and show it, this once."""
    token = tokens.create_personal_token(backend, person, _new_token(backend, form))
    return _tokens_page(visitor, backend, person, issued=token)


@router.post(f"{_TOKENS}/revoke")
def revoke_token(backend: BackendDep, person: PersonDep, form: FormDep) -> Response:
    """Revoke a token and show the list again."""
    tokens.revoke_personal_token(backend, person, form.text("id"))
    return see_other(f"{_TOKENS}?revoked=1")


@router.get(_SESSIONS)
def list_sessions(visitor: VisitorDep, backend: BackendDep, person: PersonDep, done: _Query = "") -> Response:
    """Show the browsers in which the reader is signed in."""
    return page(
        visitor,
        "sessions",
        rows=sessions.list_sessions(backend, person),
        labels=_PROVIDERS | providers.labels_of(backend.settings),
        limit=sessions.LIST_LIMIT,
        problem="",
        news=_SESSION_NEWS.get(done, ""),
    )


@router.post(f"{_SESSIONS}/revoke")
def revoke_session(backend: BackendDep, person: PersonDep, form: FormDep) -> Response:
    """Revoke a session and show the list again."""
    sessions.revoke_session(backend, person, form.text("id"))
    return see_other(f"{_SESSIONS}?done=one")


@router.post(f"{_SESSIONS}/revoke-others")
def revoke_other_sessions(backend: BackendDep, person: PersonDep, form: FormDep) -> Response:
    """Revoke all sessions but the reader's present one."""
    _ = form
    sessions.revoke_other_sessions(backend, person)
    return see_other(f"{_SESSIONS}?done=others")


@router.get("/settings/invitations")
def list_invitations(visitor: VisitorDep, backend: BackendDep, person: PersonDep) -> Response:
    """Show the open invitations to the reader's email."""
    return page(visitor, "invitations", rows=invites.list_pending_invites(backend, person), problem="", news="")


def profile_page(visitor: Visitor, person: Caller, *, error: BackendError | None = None, news: str = "") -> Response:
    """Return the profile, with what was wrong with its form or what it did."""
    own_first = sorted(person.memberships, key=lambda membership: (not membership.is_personal, membership.login))
    return page(
        visitor,
        "settings",
        status=int(error.status) if error is not None else 200,
        memberships=own_first,
        name_limit=NAME_LIMIT,
        problem=reason(error) if error is not None else "",
        news=news,
    )


def _tokens_page(
    visitor: Visitor,
    backend: Backend,
    person: Caller,
    *,
    after: str = "",
    news: str = "",
    issued: IssuedToken | None = None,
) -> Response:
    rows, following = tokens.page_personal_tokens(backend, person, _EVERY, Page(after or None, _PAGE_ROWS))
    return page(
        visitor,
        "tokens",
        rows=rows,
        following=following,
        is_first=not after,
        made=issued,
        news=news,
        problem="",
        only_way_in=_find_only_way_in(backend, person, rows, is_whole=not after and not following),
        days=lifetimes.offered_days(person),
        longest=lifetimes.longest_days(person),
        now=int(backend.clock.now().timestamp() * 1000),
        description_limit=DESCRIPTION_LIMIT,
    )


def _find_only_way_in(backend: Backend, person: Caller, rows: list[Token], *, is_whole: bool) -> str:
    """Return the id of the one token without which the reader could not sign in again, or an empty text."""
    now = unix_millis(backend.clock.now())
    active = [row.id for row in rows if row.expires_at is None or row.expires_at > now]
    is_only = is_whole and len(active) == 1 and not external.has_other_sign_in(backend, person)
    return active[0] if is_only else ""


def _new_token(backend: Backend, form: Form) -> NewToken:
    days = form.text("days")
    if not days.isascii() or not days.isdigit() or len(days) > 5:
        raise BadRequest("choose when the access token expires")
    return NewToken(form.text("description"), lifetimes.expires(int(days), backend.clock.now()))
