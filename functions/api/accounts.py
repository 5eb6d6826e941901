"""Accounts with an address and a password, as installers and clients create and show them (platform.md 3).

The calls under /api/console are the first ones of upstream's installer: an account, a sign-in, an organization.
"""

from fastapi import APIRouter, Request, Response

from common.people.orgs import service as orgs
from common.sign_in.accounts.model import NewAccount
from common.sign_in.accounts.service import accounts, email_addresses
from common.sign_in.accounts.service import sign_up as sign_ups
from common.wire.accounts import (
    GetPendingEmailVerificationResponse,
    NewOrganizationRequest,
    SignedInResponse,
    SignInRequest,
    SignUpRequest,
)
from common.wire.orgs import Organization
from functions.http.bodies import BodyDep
from functions.http.deps import BackendDep, CallerDep, client_address, empty, reply

router = APIRouter()


@router.post("/api/console/email/signup")
def sign_up(backend: BackendDep, request: Request, body: BodyDep) -> Response:
    account = body.decode(SignUpRequest)
    new = NewAccount(
        account.login_name,
        account.name or "",
        account.email,
        account.password,
        account.token or "",
    )
    return reply(SignedInResponse(sign_ups.sign_up_for_token(backend, new, client=client_address(request))))


@router.post("/api/console/email/login")
def sign_in(backend: BackendDep, request: Request, body: BodyDep) -> Response:
    credentials = body.decode(SignInRequest)
    return reply(
        SignedInResponse(
            accounts.sign_in_for_token(backend, credentials.email, credentials.password, client=client_address(request))
        )
    )


@router.post("/api/console/actions/new-organization")
def create_organization(backend: BackendDep, caller: CallerDep, body: BodyDep) -> Response:
    name = body.decode(NewOrganizationRequest).org_name
    orgs.create_organization(backend, caller, name)
    return reply(Organization(name, name, "", []))


@router.get("/api/user/pending-emails")
def get_pending_email(backend: BackendDep, caller: CallerDep) -> Response:
    waiting = email_addresses.find_unconfirmed(backend, caller)
    return reply(GetPendingEmailVerificationResponse(waiting)) if waiting is not None else empty()


@router.delete("/api/user/pending-emails")
def cancel_pending_email(backend: BackendDep, caller: CallerDep) -> Response:
    email_addresses.cancel_change(backend, caller)
    return empty()


@router.get("/api/user/verified-email")
def has_verified_email(caller: CallerDep) -> Response:
    return reply(email_addresses.has_verified(caller))
