"""Invitations to organizations (platform.md 4). `batch` and `unverified/batch` are one: no address is verified here."""

from fastapi import APIRouter, Response
from msgspec import UNSET

from common.backend import Backend
from common.core.clock import unix_millis
from common.people.orgs.invites import service as invites
from common.people.orgs.model import Invite, NewInvite, RequestedRole
from common.wire.orgs import (
    BatchCreateOrganizationInviteRequest,
    BatchCreateOrganizationInviteResponse,
    CreateOrganizationInviteRequest,
    CreateOrganizationInviteResponse,
    ListOrganizationInvitesResponse,
    MemberInfo,
    PendingOrganizationInvite,
)
from common.wire.users import OrganizationSummaryWithRole
from functions.http.bodies import BodyDep
from functions.http.deps import BackendDep, CallerDep, DocumentBodyDep, empty, reply

router = APIRouter()
_INVITES = "/api/orgs/{org}/invites"
_INVITE = f"{_INVITES}/{{invite_id}}"


@router.get(_INVITES)
def list_invites(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    return _list(backend, invites.list_invites(backend, caller, org))


@router.get("/api/user/pending-invites")
def list_pending_invites(backend: BackendDep, caller: CallerDep) -> Response:
    return _list(backend, invites.list_pending_invites(backend, caller))


@router.post(f"{_INVITES}/batch")
@router.post(f"{_INVITES}/unverified/batch")
def create_invites(backend: BackendDep, caller: CallerDep, org: str, body: DocumentBodyDep) -> Response:
    batch = body.decode(BatchCreateOrganizationInviteRequest)
    created, left_out = invites.create_invites(backend, caller, org, [_new_invite(new) for new in batch.invites or ()])
    return reply(
        BatchCreateOrganizationInviteResponse(
            [_created(backend, invite) for invite in created], [_returned(new) for new in left_out]
        ),
    )


@router.post(f"{_INVITES}/link")
def create_invite_link(backend: BackendDep, caller: CallerDep, org: str, body: BodyDep) -> Response:
    new = _new_invite(body.decode(CreateOrganizationInviteRequest))
    return reply(_created(backend, invites.create_link(backend, caller, org, new)))


@router.get(_INVITE)
def get_invite(backend: BackendDep, caller: CallerDep, org: str, invite_id: str) -> Response:
    invite = invites.get_invite(backend, caller, org, invite_id)
    return reply(
        OrganizationSummaryWithRole(invite.org_name, invite.org_login, invite.org_avatar_url, invite.role.built_in),
    )


@router.patch(_INVITE)
def accept_invite(backend: BackendDep, caller: CallerDep, org: str, invite_id: str) -> Response:
    invites.accept_invite(backend, caller, org, invite_id)
    return empty()


@router.delete(_INVITE)
def cancel_invite(backend: BackendDep, caller: CallerDep, org: str, invite_id: str) -> Response:
    invites.cancel_invite(backend, caller, org, invite_id)
    return empty()


@router.post(f"{_INVITE}/resend")
def resend_invite(backend: BackendDep, caller: CallerDep, org: str, invite_id: str) -> Response:
    invites.resend_invite(backend, caller, org, invite_id)
    return empty()


def _new_invite(request: CreateOrganizationInviteRequest) -> NewInvite:
    return NewInvite(request.email or "", RequestedRole(request.role, request.role_id or None))


def _returned(new: NewInvite) -> CreateOrganizationInviteRequest:
    return CreateOrganizationInviteRequest(new.role.name or "", new.email, new.role.id)


def _created(backend: Backend, invite: Invite) -> CreateOrganizationInviteResponse:
    return CreateOrganizationInviteResponse(invite.id, invites.accept_url(backend, invite))


def _list(backend: Backend, page: list[Invite]) -> Response:
    now_millis = unix_millis(backend.clock.now())
    return reply(ListOrganizationInvitesResponse([_pending(backend, invite, now_millis) for invite in page]))


def _pending(backend: Backend, invite: Invite, now_millis: int) -> PendingOrganizationInvite:
    is_expired, sender = invite.is_expired(now_millis), invite.sent_by
    return PendingOrganizationInvite(
        id=invite.id,
        email=invite.email,
        role=invite.role.built_in,
        sent_by=MemberInfo(sender.name, sender.login, sender.avatar_url, sender.email),
        sent_at=invite.sent_at // 1000,
        accept_invite_url=invites.accept_url(backend, invite),
        status="expired" if is_expired else "pending",
        accept_error="the invitation has expired; ask for a new one" if is_expired else UNSET,
        role_id=invite.role.custom_id or UNSET,
    )
