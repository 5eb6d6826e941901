"""Scenes of organizations, members, invites and the person's own account."""

import time
from typing import Any

from pulumi_cloud_sdk import models

from common.rights.permissions import Role
from tests.contract.sdk_scene import PROJECT, Scene, refused, scene, unique

ROLES = models.OrganizationRole
HOUR_SECONDS = 3600


def members(where: Scene) -> dict[str, Any]:
    """Return the members by login."""
    return {member.user.github_login: member for member in where.admin.orgs.list_organization_members(where.org).members}


def link(where: Scene, role: str = "member") -> str:
    """Make an invite that names no address, and return its id."""
    asked = models.CreateOrganizationInviteRequest(models.OrganizationInviteRole(role))
    return str(where.admin.orgs.create_org_invite_link(where.org, asked).id)


def batch(*emails: str) -> Any:
    """Return a request that invites addresses as members."""
    role = models.OrganizationInviteRole.Member
    return models.BatchCreateOrganizationInviteRequest([models.CreateOrganizationInviteRequest(role, email=e) for e in emails])


@scene
def capabilities(where: Scene) -> None:
    """The list of capabilities holds no name that the SDK refuses."""
    assert models.AppAPICapability.BatchEncrypt in [one.capability for one in where.admin.general.capabilities().capabilities]


@scene
def version(where: Scene) -> None:
    """The command line's versions are told."""
    assert where.admin.general.version().latest_version


@scene
def get_organization(where: Scene) -> None:
    """An organization tells its name and what stacks it has, those that the caller sees."""
    stack = where.stack()

    found = where.admin.orgs.get_organization(where.org)

    assert (where.org, where.org) == (found.github_login, found.name)
    assert [(PROJECT, stack)] == [(p.name, s.name) for repo in found.repos for p in repo.projects for s in p.stacks]


@scene
def get_organization_metadata(where: Scene) -> None:
    """What an organization is and holds."""
    where.stack()
    where.person()

    found = where.admin.orgs.get_organization_metadata(where.org)

    assert ROLES.Admin == found.user_role
    assert (2, 1) == (found.member_count, found.stack_count)
    assert found.created.year >= 2026
    assert found.features.teams_enabled is True


@scene
def update_organization_settings(where: Scene) -> None:
    """The SDK always sends every toggle, and what it sends holds; tokens that live longer than is wanted are kept out."""
    level = models.StackPermission.Read
    asked = models.UpdateOrganizationRequest(
        set_default_stack_permission=level,
        set_members_can_create_stacks=True,
        set_max_access_token_expiry_days=30,
    )
    short = where.admin.users.create_personal_token(models.CreatePersonalAccessTokenRequest("", int(time.time()) + HOUR_SECONDS))
    admin = where.with_token(short.token_value)

    told = admin.orgs.update_organization_settings(where.org, asked)
    found = admin.orgs.get_organization_metadata(where.org)

    for seen in (told, found):
        assert (level, 30) == (seen.default_stack_permission, seen.max_access_token_expiry_days)
        assert (True, False) == (seen.members_can_create_stacks, seen.members_can_create_teams)
    with refused(403):
        where.admin.orgs.get_organization_metadata(where.org)


@scene
def list_organization_members(where: Scene) -> None:
    """Every member is told with role and date of joining, and both kinds of lists hold the same people."""
    other = where.person(role=Role.BILLING_MANAGER)

    found = members(where)
    backing = where.admin.orgs.list_organization_members(where.org, type=models.OrganizationMemberKind.Backend)

    assert {where.admin.login: ROLES.Admin, other.login: ROLES.BillingManager} == {k: one.role for k, one in found.items()}
    assert set(found) == {one.user.github_login for one in backing.members}
    assert found[other.login].created.year >= 2026
    assert found[other.login].fga_role.name
    assert found[other.login].suspended is False


@scene
def add_organization_member(where: Scene) -> None:
    """A user who has an account is made a member, once."""
    other = where.person(role=None)
    asked = models.AddOrganizationMemberRequest(ROLES.Member)

    added = where.admin.orgs.add_organization_member(where.org, other.login, asked)

    assert (other.login, ROLES.Member) == (added.user.github_login, added.role)
    assert where.org in [one.github_login for one in other.users.get_current_user().organizations]
    with refused(409):
        where.admin.orgs.add_organization_member(where.org, other.login, asked)


@scene
def update_organization_member(where: Scene) -> None:
    """A role is given by its word, or by the id of a role."""
    one, two, role = where.person(), where.person(), where.role("stack:read")

    where.admin.orgs.update_organization_member(where.org, one.login, models.UpdateOrganizationMemberRequest(role=ROLES.Admin))
    where.admin.orgs.update_organization_member(where.org, two.login, models.UpdateOrganizationMemberRequest(fga_role_id=role.id))

    assert ROLES.Admin == members(where)[one.login].role
    assert (role.id, role.name) == (members(where)[two.login].fga_role.id, members(where)[two.login].fga_role.name)


@scene
def delete_organization_member(where: Scene) -> None:
    """Who is removed is no member any more, and the last admin cannot be."""
    other = where.person()

    where.admin.orgs.delete_organization_member(where.org, other.login)

    assert [where.admin.login] == list(members(where))
    with refused(404):
        other.orgs.get_organization(where.org)
    with refused(400):
        where.admin.orgs.delete_organization_member(where.org, where.admin.login)


@scene
def set_sole_organization_admin(where: Scene) -> None:
    """One person becomes the only admin."""
    other = where.person()

    where.admin.orgs.set_sole_organization_admin(where.org, other.login)

    found = other.orgs.list_organization_members(where.org).members
    assert [other.login] == [one.user.github_login for one in found if one.role == ROLES.Admin]


@scene
def get_organization_member_teams(where: Scene) -> None:
    """The teams of a member are told by name."""
    other = where.person()
    team = where.team(other)

    assert [team] == where.admin.orgs.get_organization_member_teams(where.org, other.login).teams


@scene
def list_org_invites(where: Scene) -> None:
    """What is open is told with who sent it and when."""
    invite, address = link(where), f"{unique('guest')}@example.com"
    where.admin.orgs.batch_create_org_invite_email(where.org, batch(address))

    found = {one.id: one for one in where.admin.orgs.list_org_invites(where.org).invites}

    assert {"", address} == {one.email for one in found.values()}
    assert (where.admin.login, ROLES.Member) == (found[invite].sent_by.github_login, found[invite].role)
    assert found[invite].sent_at > 1_700_000_000
    assert invite in found[invite].accept_invite_url


@scene
def batch_create_org_invite_email(where: Scene) -> None:
    """Of several addresses, each is invited or told as failed."""
    good = f"{unique('guest')}@example.com"

    told = where.admin.orgs.batch_create_org_invite_email(where.org, batch(good, "not an address"))

    assert [True] == [bool(one.id and one.accept_invite_url) for one in told.sent_invites]
    assert ["not an address"] == [one.email for one in told.failed_invites]


@scene
def batch_create_org_unverified_invite_email(where: Scene) -> None:
    """The same for addresses that no one has verified."""
    told = where.admin.orgs.batch_create_org_unverified_invite_email(where.org, batch(f"{unique('guest')}@example.com"))

    assert [one.id for one in told.sent_invites] == [one.id for one in where.admin.orgs.list_org_invites(where.org).invites]
    assert [] == told.failed_invites


@scene
def create_org_invite_link(where: Scene) -> None:
    """A link lets anyone who has it in, with the role that it names."""
    guest = where.person(role=None)

    guest.orgs.accept_org_invite(where.org, link(where, "billing-manager"))

    assert ROLES.BillingManager == members(where)[guest.login].role


@scene
def get_org_invite(where: Scene) -> None:
    """Who is invited sees where to, before they are a member."""
    guest = where.person(role=None)

    found = guest.orgs.get_org_invite(where.org, link(where))

    assert (where.org, ROLES.Member) == (found.github_login, found.role)


@scene
def accept_org_invite(where: Scene) -> None:
    """Accepting makes a member, once."""
    guest, invite = where.person(role=None), link(where)

    guest.orgs.accept_org_invite(where.org, invite)

    assert guest.login in members(where)
    with refused(409):
        guest.orgs.accept_org_invite(where.org, link(where))


@scene
def cancel_org_invite(where: Scene) -> None:
    """What is cancelled opens nothing."""
    guest, invite = where.person(role=None), link(where)

    where.admin.orgs.cancel_org_invite(where.org, invite)

    assert [] == where.admin.orgs.list_org_invites(where.org).invites
    with refused(404):
        guest.orgs.accept_org_invite(where.org, invite)


@scene
def resend_org_invite(where: Scene) -> None:
    """An invite that is sent again stays good, also under a new id."""
    told = where.admin.orgs.batch_create_org_invite_email(where.org, batch(f"{unique('guest')}@example.com"))

    where.admin.orgs.resend_org_invite(where.org, told.sent_invites[0].id, models.ResendOrganizationInviteRequest())

    assert len(where.admin.orgs.list_org_invites(where.org).invites) == 1


@scene
def list_user_org_invites(where: Scene) -> None:
    """A person sees the invites to their own address."""
    guest = where.person(role=None)
    told = where.admin.orgs.batch_create_org_invite_email(where.org, batch(f"{guest.login}@example.com"))

    found = guest.users.list_user_org_invites().invites

    assert [one.id for one in told.sent_invites] == [one.id for one in found]
    assert where.admin.login == found[0].sent_by.github_login


@scene
def get_current_user(where: Scene) -> None:
    """Everyone is told who they are and where they belong."""
    found = where.admin.users.get_current_user()

    assert where.admin.login == found.github_login
    assert {where.org: ROLES.Admin} == {
        one.github_login: one.role for one in found.organizations if one.github_login != where.admin.login
    }
    assert found.token_info is None


@scene
def get_default_organization(where: Scene) -> None:
    """Who has chosen nothing is told so in words that the SDK reads."""
    found = where.admin.users.get_default_organization()

    assert isinstance(found.git_hub_login, str)
    assert isinstance(found.messages, list)


@scene
def update_default_organization(where: Scene) -> None:
    """The chosen organization is told from then on."""
    where.admin.users.update_default_organization(where.org)

    assert where.org == where.admin.users.get_default_organization().git_hub_login


@scene
def list_user_stacks(where: Scene) -> None:
    """A list of stacks is read page by page, and filtered by organization."""
    made = {where.stack(), where.stack(), where.stack()}

    first = where.admin.users.list_user_stacks(organization=where.org, max_results=2)
    rest = where.admin.users.list_user_stacks(organization=where.org, max_results=2, continuation_token=first.continuation_token)

    assert (2, 1) == (len(first.stacks), len(rest.stacks))
    assert made == {one.stack_name for one in first.stacks + rest.stacks}
    assert {PROJECT} == {one.project_name for one in first.stacks}
    assert not rest.continuation_token
