"""Pages of one's own: who one is, and one's access tokens."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.access.tokens import IssuedToken
from common.backend import Backend
from common.core.errors import BadRequest
from common.people.tokens import lifetimes
from common.people.tokens import service as tokens
from common.people.tokens.model import DESCRIPTION_LIMIT, NewToken, TokenFilter, TokenQuery
from common.people.tokens.service import Page
from common.rights.caller import Caller
from functions.http.deps import BackendDep
from functions.pages.rendering import page, see_other
from functions.pages.visitor import Form, FormDep, PersonDep, Visitor, VisitorDep

router = APIRouter()
_TOKENS = "/settings/tokens"
_PAGE_ROWS = 25
_Query = Annotated[str, Query()]
_EVERY = TokenQuery(TokenFilter.ALL)


@router.get("/settings")
def overview(visitor: VisitorDep, person: PersonDep) -> Response:
    """Show who is signed in, and where."""
    own_first = sorted(person.memberships, key=lambda membership: (not membership.is_personal, membership.login))
    return page(visitor, "settings", memberships=own_first)


@router.get("/account/tokens")
@router.get("/user/settings/tokens")
def tokens_of_command_line() -> Response:
    """Lead on from where the command line says that tokens are made."""
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
    """Make a token and show it, this once."""
    token = tokens.create_personal_token(backend, person, _wanted(backend, form))
    return _tokens_page(visitor, backend, person, issued=token)


@router.post(f"{_TOKENS}/revoke")
def revoke_token(backend: BackendDep, person: PersonDep, form: FormDep) -> Response:
    """Revoke a token and show the list again."""
    tokens.revoke_personal_token(backend, person, form.text("id"))
    return see_other(f"{_TOKENS}?revoked=1")


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
        days=lifetimes.offered_days(person),
        longest=lifetimes.longest_days(person),
        now=int(backend.clock.now().timestamp() * 1000),
        description_limit=DESCRIPTION_LIMIT,
    )


def _wanted(backend: Backend, form: Form) -> NewToken:
    days = form.text("days")
    if not days.isascii() or not days.isdigit() or len(days) > 5:
        raise BadRequest("choose for how many days the token shall be good")
    return NewToken(form.text("description"), lifetimes.expires(int(days), backend.clock.now()))
