"""Scenes of an organization's SAML provider."""

from pulumi_cloud_sdk import models

from common.rights.permissions import Role
from tests.contract.sdk_scene import Scene, refused, scene
from tests.peers.saml_idp import ENTITY, SSO, make_pair, metadata


@scene
def get_saml_organization(where: Scene) -> None:
    """An organization without a provider is told too."""
    found = where.admin.orgs.get_saml_organization(where.org)

    assert (where.org, "") == (found.organization.github_login, found.idp_sso_descriptor)
    assert found.validation_error is None


@scene
def update_saml_organization(where: Scene) -> None:
    """Metadata come back as they were sent, with what they say; what is wrong with them is told, and not an error."""
    text = metadata(make_pair("provider"), valid_until="2050-01-01T00:00:00Z")

    good = where.admin.orgs.update_saml_organization(where.org, models.UpdateSAMLOrganizationRequest(text))
    bad = where.admin.orgs.update_saml_organization(where.org, models.UpdateSAMLOrganizationRequest("<a/>"))

    assert (text, ENTITY, SSO) == (good.idp_sso_descriptor, good.entity_id, good.sso_url)
    assert "2050-01-01T00:00:00Z" == good.valid_until
    assert bad.validation_error
    with refused(400):
        where.admin.orgs.update_saml_organization(where.org, models.UpdateSAMLOrganizationRequest())


@scene
def list_saml_organization_admins(where: Scene) -> None:
    """The one who gets in without the provider, if there is one."""
    assert [] == where.admin.orgs.list_saml_organization_admins(where.org).saml_admins

    where.admin.orgs.update_saml_organization_admins(where.org, where.admin.login)

    found = where.admin.orgs.list_saml_organization_admins(where.org).saml_admins
    assert [where.admin.login] == [one.github_login for one in found]


@scene
def update_saml_organization_admins(where: Scene) -> None:
    """An admin is named who belongs to this organization alone."""
    other = where.person(role=Role.ADMIN)
    where.admin.orgs.update_saml_organization_admins(where.org, other.login)
    where.second_org()

    with refused(400):
        where.admin.orgs.update_saml_organization_admins(where.org, where.admin.login)
    found = where.admin.orgs.list_saml_organization_admins(where.org).saml_admins
    assert [other.login] == [one.github_login for one in found]
