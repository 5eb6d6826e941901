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
    asked = body.decode(UpdateSAMLOrganizationRequest)
    change = Change(asked.new_idp_sso_descriptor, asked.required, asked.session_hours)
    return reply(_organization(saml.change_setup(backend, caller, org, change)))


@router.get(f"{_SAML}/admins")
def list_saml_organization_admins(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    found = saml.list_admins(backend, caller, org)
    admins = [MemberInfo(one.name, one.login, one.avatar_url, one.email) for one in found]
    return reply(ListSAMLOrganizationAdminsResponse(admins))


@router.post(f"{_SAML}/admins/{{login}}")
def update_saml_organization_admins(backend: BackendDep, caller: CallerDep, org: str, login: str) -> Response:
    saml.set_admin(backend, caller, org, login)
    return empty()


def _organization(found: Setup) -> SAMLOrganization:
    told, membership = found.descriptor, found.membership
    return SAMLOrganization(
        organization=Organization(membership.login, membership.name, membership.avatar_url, []),
        idp_sso_descriptor=found.text,
        required=found.required,
        session_hours=found.session_hours,
        entity_id=told.entity_id or UNSET,
        sso_url=told.sso_url or UNSET,
        valid_until=told.valid_until or UNSET,
        name_id_format=told.name_id_format or UNSET,
        validation_error=told.problem or UNSET,
    )
