"""An organization's SAML provider (platform.md 10.4); the pages that people sign in by are in functions/pages/sso.py."""

from fastapi import APIRouter, Response
from msgspec import UNSET

from common.sign_in.saml.service import provider as saml
from common.sign_in.saml.service.provider import Change, Setup
from common.wire.orgs import MemberInfo, Organization
from common.wire.saml import ListSAMLOrganizationAdminsResponse, SAMLOrganization, UpdateSAMLOrganizationRequest
from functions.http.deps import BackendDep, CallerDep, DocumentBodyDep, empty, reply

router = APIRouter()
_SAML = "/api/orgs/{org}/saml"


@router.get(_SAML)
def get_saml_organization(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    return reply(_organization(saml.get_setup(backend, caller, org)))


@router.patch(_SAML)
def update_saml_organization(backend: BackendDep, caller: CallerDep, org: str, body: DocumentBodyDep) -> Response:
    request = body.decode(UpdateSAMLOrganizationRequest)
    change = Change(request.new_idp_sso_descriptor, request.required, request.session_hours)
    return reply(_organization(saml.change_setup(backend, caller, org, change)))


@router.get(f"{_SAML}/admins")
def list_saml_organization_admins(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    people = saml.list_admins(backend, caller, org)
    admins = [MemberInfo(person.name, person.login, person.avatar_url, person.email) for person in people]
    return reply(ListSAMLOrganizationAdminsResponse(admins))


@router.post(f"{_SAML}/admins/{{login}}")
def update_saml_organization_admins(backend: BackendDep, caller: CallerDep, org: str, login: str) -> Response:
    saml.set_admin(backend, caller, org, login)
    return empty()


def _organization(setup: Setup) -> SAMLOrganization:
    descriptor, membership = setup.descriptor, setup.membership
    return SAMLOrganization(
        organization=Organization(membership.login, membership.name, membership.avatar_url, []),
        idp_sso_descriptor=setup.text,
        required=setup.required,
        session_hours=setup.session_hours,
        entity_id=descriptor.entity_id or UNSET,
        sso_url=descriptor.sso_url or UNSET,
        valid_until=descriptor.valid_until or UNSET,
        name_id_format=descriptor.name_id_format or UNSET,
        validation_error=descriptor.problem or UNSET,
    )
