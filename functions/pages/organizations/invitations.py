"""Invitations to an organization: by address and by link, sent again and revoked."""

import re
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.core.errors import BackendError, BadRequest
from common.people.orgs.invites import service as invites
from common.people.orgs.model import Invite, InviteFilter, NewInvite, RequestedRole
from common.rights.built_in import MEMBER
from common.rights.permissions import Permission
from functions.pages.form_errors import attempt
from functions.pages.hiding import unless_hidden
from functions.pages.organizations.choices import clean, list_assignable
from functions.pages.organizations.org_request import OrgRequest, OrgRequestDep
from functions.pages.paging import PAGE_ROWS, PageNumberDep, Paging
from functions.pages.rendering import see_other
from functions.pages.visitor import FormDep

router = APIRouter()
_INVITATIONS = "/{org}/settings/invitations"
_INVITATION = f"{_INVITATIONS}/{{invite_id}}"
_STATES = {"open": False, "expired": True}
_NO_FILTERS = {"q": "", "state": ""}
_BETWEEN_ADDRESSES = re.compile(r"[\s,;]+")
_Text = Annotated[str, Query()]


@router.get(_INVITATIONS)
def list_invitations(
    request: OrgRequestDep, number: PageNumberDep, q: _Text = "", state: _Text = "", done: _Text = ""
) -> Response:
    """Show a page of invitations, narrowed by the address, and the forms for new ones."""
    return _page(request, {"q": clean(q), "state": clean(state)}, number, done=done)


@router.post(_INVITATIONS)
def invite(request: OrgRequestDep, form: FormDep) -> Response:
    """Invite people by their addresses, and say which of them were left out."""
    role = RequestedRole(None, form.text("role"))
    addresses = [address for address in _BETWEEN_ADDRESSES.split(form.text("emails")) if address]

    def act() -> Response:
        if not addresses:
            raise BadRequest("enter at least one address")
        new = [NewInvite(address, role) for address in addresses]
        _, left_out = invites.create_invites(request.backend, request.caller, request.org, new)
        if left_out:
            return _page(request, left_out=[invite.email for invite in left_out])
        return see_other(f"{request.address('invitations')}?done=invited")

    return attempt(act, lambda error: _page(request, error=error))


@router.post(f"{_INVITATIONS}/link")
def create_link(request: OrgRequestDep, form: FormDep) -> Response:
    """Create an invitation for anyone with its link, and show the link."""
    new = NewInvite("", RequestedRole(None, form.text("role")))
    return attempt(
        lambda: _page(request, link=invites.create_link(request.backend, request.caller, request.org, new)),
        lambda error: _page(request, error=error),
    )


@router.post(f"{_INVITATION}/resend")
def resend(request: OrgRequestDep, invite_id: str, form: FormDep) -> Response:
    """Renew an invitation and mail it again."""
    _ = form
    return request.change(
        lambda: invites.resend_invite(request.backend, request.caller, request.org, invite_id),
        f"{request.address('invitations')}?done=resent",
        lambda error: _page(request, error=error),
    )


@router.post(f"{_INVITATION}/revoke")
def revoke(request: OrgRequestDep, invite_id: str, form: FormDep) -> Response:
    """Revoke an invitation."""
    _ = form
    return request.change(
        lambda: invites.cancel_invite(request.backend, request.caller, request.org, invite_id),
        f"{request.address('invitations')}?done=revoked",
        lambda error: _page(request, error=error),
    )


def _page(
    request: OrgRequest,
    chosen: dict[str, str] = _NO_FILTERS,
    number: int = 1,
    *,
    done: str = "",
    link: Invite | None = None,
    left_out: Sequence[str] = (),
    error: BackendError | None = None,
) -> Response:
    narrowed = InviteFilter(chosen["q"], _STATES.get(chosen["state"]))
    rows, total = unless_hidden(
        lambda: invites.search_invites(request.backend, request.caller, request.org, narrowed, size=PAGE_ROWS, number=number)
    )
    if error is not None:
        # The addresses of invitations by link are secrets, which no refusal shows.
        rows = []
    assignable = list_assignable(request)
    content = {
        "chosen": chosen,
        "rows": rows,
        "roles": assignable,
        "role_names": {record.id: record.name for record in assignable},
        "member_role": MEMBER.id,
        "is_refused": error is not None,
        "left_out": left_out,
        "link": invites.accept_url(request.backend, link) if link is not None else "",
        "links": {invite.id: invites.accept_url(request.backend, invite) for invite in rows if not invite.email},
        "may_create": request.may(Permission.INVITES_CREATE),
        "is_mailed": request.backend.mailer.is_real,
        "paging": Paging(request.address("invitations"), chosen, number, len(rows), total),
    }
    return request.page("invitations", content, done=done, error=error)
