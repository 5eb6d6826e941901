"""An organization's SAML provider. The vendor's SDK sends `null` for what is not set, so `null` equals absent."""

import msgspec
from msgspec import UNSET, UnsetType

from common.wire.orgs import MemberInfo, Organization


class UpdateSAMLOrganizationRequest(msgspec.Struct, rename="camel"):
    """Upstream: UpdateSAMLOrganizationRequest; `required` and `session_hours` are ours."""

    new_idp_sso_descriptor: str | None = None
    required: bool | None = None
    session_hours: int | None = None


class SAMLOrganization(msgspec.Struct, rename="camel"):
    """Upstream: SAMLOrganization; `required` and `session_hours` are ours."""

    organization: Organization
    idp_sso_descriptor: str
    required: bool
    session_hours: int
    entity_id: str | UnsetType = UNSET
    sso_url: str | UnsetType = UNSET
    valid_until: str | UnsetType = UNSET
    name_id_format: str | UnsetType = UNSET
    validation_error: str | UnsetType = UNSET


class ListSAMLOrganizationAdminsResponse(msgspec.Struct, rename="camel"):
    """Upstream: ListSAMLOrganizationAdminsResponse."""

    saml_admins: list[MemberInfo]
