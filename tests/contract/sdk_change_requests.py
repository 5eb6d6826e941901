"""Scenes of change gates, change requests, drafts of environments and requests to open them. The SDK sends empty drafts alone."""

from typing import Any

from pulumi_cloud_sdk import models

from tests.contract.sdk_environments import make
from tests.contract.sdk_scene import Scene, refused, scene

At = tuple[str, str, str]
OF_AN_HOUR = models.CreateEnvironmentOpenRequest(grant_expiration_seconds=3600, access_duration_seconds=600)


def gate(where: Scene, at: At, action: Any, *, name: str = "two eyes") -> Any:
    """Return what creates a gate for an environment, which the administrator may approve, also for themselves."""
    target = models.ChangeGateTargetInput(models.ChangeGateTargetEntityType.Environment, [action], f"{at[1]}/{at[2]}")
    approvers = [
        models.ApprovalRuleEligibilityInputUser(where.admin.login),
        models.ApprovalRuleEligibilityInputTeam(where.team()),
        models.ApprovalRuleEligibilityInputPermission(models.RbacPermission.EnvironmentWrite),
    ]
    rule = models.ChangeGateApprovalRuleInput(1, True, True, approvers)
    return models.CreateChangeGateRequest(name, True, rule, target)


def make_gate(where: Scene, at: At, action: Any = models.ChangeGateTargetActionType.Update) -> str:
    """Make a gate and return its id."""
    return str(where.admin.orgs.create_gate(where.org, gate(where, at, action)).id)


def draft(where: Scene, *, submits: bool = True, gated: bool = False) -> tuple[At, str]:
    """Make an environment and a draft of it, submitted unless not, and return both."""
    at = make(where, "values: {a: 1}\n")
    if gated:
        make_gate(where, at)
    request_id = where.admin.environments.create_environment_draft(*at).change_request_id
    if submits:
        where.admin.orgs.submit(where.org, request_id, models.SubmitChangeRequestRequest("less of everything"))
    return at, request_id


def approve_it(where: Scene, request_id: str) -> None:
    """Approve the first revision."""
    where.admin.orgs.approve(where.org, request_id, models.ApproveChangeRequestRequest(0, "looks good"))


def opening(where: Scene) -> tuple[At, str]:
    """Make an environment behind a gate and a request to open it, and return both."""
    at = make(where)
    make_gate(where, at, models.ChangeGateTargetActionType.Open)
    (result,) = where.admin.environments.create_open_environment_request(*at, OF_AN_HOUR).change_requests
    return at, result.change_request_id


@scene
def create_gate(where: Scene) -> None:
    """A gate is made with users, teams and permissions; it stops direct changes."""
    at = make(where)
    made = where.admin.orgs.create_gate(where.org, gate(where, at, models.ChangeGateTargetActionType.Update))

    assert 3 == len(made.rule.eligible_approvers)
    assert (at[1], at[2]) == (made.target.entity_info.project, made.target.entity_info.name)
    with refused(400):
        where.admin.environments.update_environment_esc_environments(*at, "values: {}")


@scene
def list_gates(where: Scene) -> None:
    """Gates are listed, also those of one environment."""
    at = make(where)
    gate_id = make_gate(where, at)

    for narrowed in ({}, {"entity_type": "environment", "qualified_name": f"{at[1]}/{at[2]}"}):
        assert [gate_id] == [one.id for one in where.admin.orgs.list_gates(where.org, **narrowed).gates]


@scene
def read_gate(where: Scene) -> None:
    """A gate comes with its rule."""
    shown = where.admin.orgs.read_gate(where.org, make_gate(where, make(where)))

    assert (1, True) == (shown.rule.num_approvals_required, shown.rule.allow_self_approval)


@scene
def update_gate(where: Scene) -> None:
    """A gate that is turned off lets changes pass."""
    at = make(where)
    gate_id, new = make_gate(where, at), gate(where, at, models.ChangeGateTargetActionType.Update, name="off")
    request = models.UpdateChangeGateRequest(new.name, False, new.target, new.rule)

    assert "off" == where.admin.orgs.update_gate(where.org, gate_id, request).name
    where.admin.environments.update_environment_esc_environments(*at, "values: {}")


@scene
def delete_gate(where: Scene) -> None:
    """A deleted gate is gone."""
    gate_id = make_gate(where, make(where))

    where.admin.orgs.delete_gate(where.org, gate_id)
    with refused(404):
        where.admin.orgs.delete_gate(where.org, gate_id)


@scene
def create_environment_draft(where: Scene) -> None:
    """A draft begins with revision 0."""
    assert 0 == where.admin.environments.create_environment_draft(*make(where)).latest_revision_number


@scene
def read_environment_draft(where: Scene) -> None:
    """A draft is read."""
    at, request_id = draft(where)

    where.admin.environments.read_environment_draft(*at, request_id)


@scene
def update_environment_draft(where: Scene) -> None:
    """A draft gets another revision."""
    at, request_id = draft(where)

    assert 1 == where.admin.environments.update_environment_draft(*at, request_id).latest_revision_number


@scene
def open_environment_draft(where: Scene) -> None:
    """A draft is opened at its first revision."""
    at, request_id = draft(where)

    assert where.admin.environments.open_environment_draft(*at, request_id, duration="1h", revision=0).id


@scene
def list_change_requests(where: Scene) -> None:
    """Change requests are listed in pages, the newest first, and of one environment."""
    _, first = draft(where)
    at, second = draft(where)
    environment_id = where.admin.environments.get_environment_metadata_esc_environments(*at).id
    page = where.admin.orgs.list_change_requests(where.org, count=1, entity_type="environment")
    rest = where.admin.orgs.list_change_requests(
        where.org, count=1, entity_type="environment", continuation_token=page.continuation_token
    )

    assert [second, first] == [one.id for one in (*page.change_requests, *rest.change_requests)]
    of_one = where.admin.orgs.list_change_requests(where.org, entity_id=environment_id)
    assert [second] == [one.id for one in of_one.change_requests]


@scene
def get(where: Scene) -> None:
    """A change request comes with its gates, and who approved."""
    _, request_id = draft(where, gated=True)
    assert "pending" == where.admin.orgs.get(where.org, request_id).status
    approve_it(where, request_id)

    shown = where.admin.orgs.get(where.org, request_id)
    assert ("ready", "less of everything") == (shown.status, shown.description)
    (evaluation,) = shown.gate_evaluation.applicable_gates
    assert [where.admin.login] == [user.github_login for user in evaluation.rule_details.approvers]


@scene
def update(where: Scene) -> None:
    """The description changes."""
    _, request_id = draft(where)

    where.admin.orgs.update(where.org, request_id, models.UpdateChangeRequestRequest("more"))
    assert "more" == where.admin.orgs.get(where.org, request_id).description


@scene
def submit(where: Scene) -> None:
    """A draft is submitted once."""
    _, request_id = draft(where, submits=False)

    where.admin.orgs.submit(where.org, request_id, models.SubmitChangeRequestRequest())
    with refused(400):
        where.admin.orgs.submit(where.org, request_id, models.SubmitChangeRequestRequest())


@scene
def approve(where: Scene) -> None:
    """An approval is of the latest revision."""
    _, request_id = draft(where, gated=True)

    with refused(400):
        where.admin.orgs.approve(where.org, request_id, models.ApproveChangeRequestRequest(7))
    approve_it(where, request_id)


@scene
def unapprove(where: Scene) -> None:
    """An approval is withdrawn."""
    _, request_id = draft(where, gated=True)
    approve_it(where, request_id)

    where.admin.orgs.unapprove(where.org, request_id, models.UnapproveChangeRequestRequest("not yet"))
    assert "pending" == where.admin.orgs.get(where.org, request_id).status


@scene
def apply(where: Scene) -> None:
    """A request is applied when it is approved."""
    at, request_id = draft(where, gated=True)
    with refused(409):
        where.admin.orgs.apply(where.org, request_id)
    approve_it(where, request_id)

    assert where.admin.orgs.apply(where.org, request_id).entity_url.endswith("/".join((at[0], "esc", *at[1:])))
    assert 3 == where.admin.environments.read_environment_esc_environments(*at).headers.pulumi_esc_revision


@scene
def close(where: Scene) -> None:
    """A closed request is closed for good."""
    _, request_id = draft(where)

    where.admin.orgs.close(where.org, request_id, models.CloseChangeRequestRequest("no need"))
    with refused(409):
        where.admin.orgs.apply(where.org, request_id)


@scene
def add_comment(where: Scene) -> None:
    """A comment is in the log."""
    _, request_id = draft(where)

    where.admin.orgs.add_comment(where.org, request_id, models.AddChangeRequestCommentRequest("why?"))
    assert "why?" == where.admin.orgs.list_events(where.org, request_id).events[-1].comment


@scene
def list_events(where: Scene) -> None:
    """The log has every kind of event, which the SDK tells apart."""
    at, request_id = draft(where, gated=True)
    approve_it(where, request_id)
    where.admin.orgs.unapprove(where.org, request_id, models.UnapproveChangeRequestRequest())
    where.admin.orgs.add_comment(where.org, request_id, models.AddChangeRequestCommentRequest("why?"))
    where.admin.environments.update_environment_draft(*at, request_id)

    kinds = {type(event).__name__ for event in where.admin.orgs.list_events(where.org, request_id).events}
    assert {
        f"ChangeRequest{kind}Event"
        for kind in ("StatusChanged", "DescriptionUpdated", "Approved", "Unapproved", "Commented", "RevisionAdded")
    } == kinds


@scene
def create_open_environment_request(where: Scene) -> None:
    """An environment behind a gate is opened after a request; without a gate there is nothing to request."""
    at, request_id = opening(where)
    assert where.admin.environments.get_environment_metadata_esc_environments(*at).open_request_needed
    with refused(400):
        where.admin.environments.open_environment_esc_environments(*at)
    where.admin.orgs.submit(where.org, request_id, models.SubmitChangeRequestRequest("an incident"))
    approve_it(where, request_id)
    where.admin.orgs.apply(where.org, request_id)

    assert where.admin.environments.open_environment_esc_environments(*at).id
    with refused(400):
        where.admin.environments.create_open_environment_request(*make(where), OF_AN_HOUR)


@scene
def read_open_environment_request(where: Scene) -> None:
    """The terms of a request are read."""
    at, request_id = opening(where)

    assert 600 == where.admin.environments.read_open_environment_request(*at, request_id).access_duration_seconds


@scene
def update_open_environment_request(where: Scene) -> None:
    """Other terms are another revision."""
    at, request_id = opening(where)

    assert 1 == where.admin.environments.update_open_environment_request(*at, request_id, OF_AN_HOUR).latest_revision_number
