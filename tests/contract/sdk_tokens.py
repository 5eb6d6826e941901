"""Scenes of personal, organization and team tokens."""

import time

from pulumi_cloud_sdk import models

from common.rights import built_in
from tests.contract.sdk_scene import Scene, refused, scene, unique

DAY_SECONDS = 86_400


def tomorrow() -> int:
    """Return a time to expire at."""
    return int(time.time()) + DAY_SECONDS


@scene
def create_personal_token(where: Scene) -> None:
    """A new token is its owner's from the first call on."""
    made = where.admin.users.create_personal_token(models.CreatePersonalAccessTokenRequest("laptop", 0), reason="new laptop")

    assert made.token_value.startswith("pul-")
    assert where.admin.login == where.with_token(made.token_value).users.get_current_user().github_login


@scene
def list_personal_tokens(where: Scene) -> None:
    """Tokens are told without their text, sorted and page by page, and found by their words."""
    ends = tomorrow()
    for text in ("alpha", "beta"):
        where.admin.users.create_personal_token(models.CreatePersonalAccessTokenRequest(text, ends))
    order = {"sort_by": models.AccessTokenSortField.Created, "sort_direction": models.SortDirection.Desc}

    first = where.admin.users.list_personal_tokens(max_results=2, **order)
    rest = where.admin.users.list_personal_tokens(max_results=2, continuation_token=first.continuation_token, **order)
    found = where.admin.users.list_personal_tokens(filter="all", search="alph").tokens

    assert (2, 1) == (len(first.tokens), len(rest.tokens))
    assert [("alpha", ends, 0, where.admin.login)] == [(o.description, o.expires, o.last_used, o.created_by) for o in found]
    assert models.AccessTokenType.Personal == found[0].type
    assert found[0].created.startswith("20")


@scene
def delete_personal_token(where: Scene) -> None:
    """A token that is gone opens nothing, from the next call on."""
    made = where.admin.users.create_personal_token(models.CreatePersonalAccessTokenRequest("laptop", 0))
    holder = where.with_token(made.token_value)
    holder.users.get_current_user()

    where.admin.users.delete_personal_token(made.id)

    with refused(401):
        holder.users.get_current_user()
    with refused(404):
        where.admin.users.delete_personal_token(made.id)


@scene
def create_org_token(where: Scene) -> None:
    """A machine gets in with one role, and is told apart from people; its name is never free again."""
    asked = models.CreateOrgAccessTokenRequest("builds", tomorrow(), unique("ci"), admin=False)
    made = where.admin.orgs.create_org_token(where.org, asked, reason="for builds")
    machine = where.with_token(made.token_value)
    seen = machine.users.get_current_user()

    assert (asked.name, where.org) == (seen.token_info.name, seen.token_info.organization)
    assert [where.org] == [one.github_login for one in seen.organizations]
    with refused(403):
        machine.users.create_personal_token(models.CreatePersonalAccessTokenRequest("more", 0))
    where.admin.orgs.delete_org_token(where.org, made.id)
    with refused(409):
        where.admin.orgs.create_org_token(where.org, asked)


@scene
def list_org_tokens(where: Scene) -> None:
    """Tokens are told with their role, if it is one of the vendor's own."""
    name = unique("ci")
    asked = models.CreateOrgAccessTokenRequest("builds", 0, name, admin=True)
    where.admin.orgs.create_org_token(where.org, asked)
    where.admin.orgs.create_org_token(
        where.org, models.CreateOrgAccessTokenRequest("", 0, unique("x"), admin=False, role_id=where.role("stack:read").id)
    )

    found = where.admin.orgs.list_org_tokens(where.org, search=name).tokens

    assert [(name, True, "builds", where.admin.login)] == [(o.name, o.admin, o.description, o.created_by) for o in found]
    assert models.AccessTokenType.Organization == found[0].type
    assert built_in.ADMIN.id == found[0].role.id
    assert len(where.admin.orgs.list_org_tokens(where.org).tokens) == 2


@scene
def delete_org_token(where: Scene) -> None:
    """A machine whose token is gone is out."""
    made = where.admin.orgs.create_org_token(where.org, models.CreateOrgAccessTokenRequest("", 0, unique("ci"), admin=False))

    where.admin.orgs.delete_org_token(where.org, made.id)

    assert [] == where.admin.orgs.list_org_tokens(where.org).tokens
    with refused(401):
        where.with_token(made.token_value).users.get_current_user()


@scene
def create_team_token(where: Scene) -> None:
    """A team's token tells the team."""
    team, name = where.team(), unique("ci")

    made = where.admin.orgs.create_team_token(where.org, team, models.CreateTeamAccessTokenRequest("", 0, name), reason="x")

    info = where.with_token(made.token_value).users.get_current_user().token_info
    assert (name, where.org, team) == (info.name, info.organization, info.team)


@scene
def list_team_tokens(where: Scene) -> None:
    """Each team has tokens of its own."""
    one, two = where.team(), where.team()
    made = where.admin.orgs.create_team_token(where.org, one, models.CreateTeamAccessTokenRequest("d", 0, unique("ci")))

    found = where.admin.orgs.list_team_tokens(where.org, one, filter="active").tokens

    assert [(made.id, "d", models.AccessTokenType.Team)] == [(token.id, token.description, token.type) for token in found]
    assert [] == where.admin.orgs.list_team_tokens(where.org, two).tokens


@scene
def delete_team_token(where: Scene) -> None:
    """A team's token that is gone opens nothing."""
    team = where.team()
    made = where.admin.orgs.create_team_token(where.org, team, models.CreateTeamAccessTokenRequest("", 0, unique("ci")))

    where.admin.orgs.delete_team_token(where.org, team, made.id, reason="lost")

    assert [] == where.admin.orgs.list_team_tokens(where.org, team).tokens
    with refused(401):
        where.with_token(made.token_value).users.get_current_user()
