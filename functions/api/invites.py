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
def invite_people(backend: BackendDep, caller: CallerDep, org: str, body: DocumentBodyDep) -> Response:
    asked = body.decode(BatchCreateOrganizationInviteRequest)
    made, failed = invites.create_invites(backend, caller, org, [_asked(one) for one in asked.invites or ()])
    return reply(
        BatchCreateOrganizationInviteResponse([_created(backend, one) for one in made], [_returned(one) for one in failed]),
    )


@router.post(f"{_INVITES}/link")
def make_invite_link(backend: BackendDep, caller: CallerDep, org: str, body: BodyDep) -> Response:
    asked = body.decode(CreateOrganizationInviteRequest)
    return reply(_created(backend, invites.create_link(backend, caller, org, _asked(asked))))


@router.get(_INVITE)
def get_invite(backend: BackendDep, caller: CallerDep, org: str, invite_id: str) -> Response:
    found = invites.get_invite(backend, caller, org, invite_id)
    return reply(OrganizationSummaryWithRole(found.org_name, found.org_login, found.org_avatar_url, found.given.role))


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


def _asked(one: CreateOrganizationInviteRequest) -> NewInvite:
    return NewInvite(one.email or "", RequestedRole(one.role, one.role_id or None))


def _returned(one: NewInvite) -> CreateOrganizationInviteRequest:
    return CreateOrganizationInviteRequest(one.wanted.role or "", one.email, one.wanted.role_id)


def _created(backend: Backend, one: Invite) -> CreateOrganizationInviteResponse:
    return CreateOrganizationInviteResponse(one.id, invites.accept_url(backend, one))


def _list(backend: Backend, found: list[Invite]) -> Response:
    now_millis = unix_millis(backend.clock.now())
    return reply(ListOrganizationInvitesResponse([_pending(backend, one, now_millis) for one in found]))


def _pending(backend: Backend, one: Invite, now_millis: int) -> PendingOrganizationInvite:
    is_expired, sender = one.is_expired(now_millis), one.sent_by
    return PendingOrganizationInvite(
        id=one.id,
        email=one.email,
        role=one.given.role,
        sent_by=MemberInfo(sender.name, sender.login, sender.avatar_url, sender.email),
        sent_at=one.sent_at // 1000,
        accept_invite_url=invites.accept_url(backend, one),
        status="expired" if is_expired else "pending",
        accept_error="the invitation has expired; ask for a new one" if is_expired else UNSET,
        role_id=one.given.role_id or UNSET,
    )
