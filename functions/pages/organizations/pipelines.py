"""What the wizard for trusted issuers knows of pipelines: their issuer, the rule for a job, and what the job runs."""

import re
from dataclasses import dataclass

from common.core.errors import BadRequest
from common.sign_in.workload_identity.language.statements import StatementInput
from common.sign_in.workload_identity.model import ORG_AUDIENCE, Issuer, Level, Statement, TokenType

_PROJECT = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+")
_BRANCH = re.compile(r"[A-Za-z0-9_./-]+")


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform that runs pipelines: its name, the address of its issuer, and the subjects of its identity tokens."""

    key: str
    name: str
    url: str
    project_label: str
    any_subject: str
    branch_subject: str


GITHUB = Platform(
    "github",
    "GitHub Actions",
    "https://token.actions.githubusercontent.com",
    "Repository",
    "repo:{project}:*",
    "repo:{project}:ref:refs/heads/{branch}",
)
GITLAB = Platform(
    "gitlab",
    "GitLab CI/CD",
    "https://gitlab.com",
    "Project",
    "project_path:{project}:*",
    "project_path:{project}:ref_type:branch:ref:{branch}",
)
PLATFORMS = {platform.key: platform for platform in (GITHUB, GITLAB)}


@dataclass(frozen=True, slots=True)
class Job:
    """A job that may sign in: of which project and branch (empty for all), as a member, with a role, or as a team."""

    project: str
    branch: str = ""
    team: str = ""
    role_id: str = ""


def platform_of(issuer: Issuer) -> Platform | None:
    """Return the platform of an issuer: GitHub's own, or GitLab by its name or address; None for another one."""
    if issuer.url == GITHUB.url:
        return GITHUB
    return GITLAB if "gitlab" in f"{issuer.name} {issuer.url}".lower() else None


def rule_for(platform: Platform, org: str, job: Job) -> StatementInput:
    """Return the statement that lets a job in; BadRequest for a project or a branch that is no name of one."""
    if not _PROJECT.fullmatch(job.project):
        raise BadRequest(f"name the {platform.project_label.lower()} as owner/name")
    if job.branch and not _BRANCH.fullmatch(job.branch):
        raise BadRequest("the branch has characters that cannot be used here; write its rule as JSON")
    subject = (platform.branch_subject if job.branch else platform.any_subject).format(project=job.project, branch=job.branch)
    rules = {"aud": f"{ORG_AUDIENCE}{org}", "sub": subject}
    if job.team:
        return StatementInput("allow", TokenType.TEAM, team_name=job.team, rules=rules)
    levels = () if job.role_id else (Level.STANDARD.value,)
    return StatementInput("allow", TokenType.ORGANIZATION, role_id=job.role_id, permissions=levels, rules=rules)


def to_input(statement: Statement) -> StatementInput:
    """Return a stored statement as it is sent again, when another one beside it changes."""
    targets = {TokenType.TEAM: "team_name", TokenType.PERSONAL: "user_login", TokenType.RUNNER: "runner_id"}
    target = {targets[statement.token_type]: statement.target} if statement.token_type in targets else {}
    return StatementInput(
        statement.decision,
        statement.token_type,
        role_id=statement.role_id,
        permissions=[level.value for level in statement.levels],
        rules=statement.rules,
        **target,
    )


def snippet(platform: Platform, server: str, org: str, team: str) -> str:
    """Return what a pipeline runs to sign in and update a stack, to paste into its file."""
    audience, as_team = f"{ORG_AUDIENCE}{org}", f" --oidc-team {team}" if team else ""
    if platform is GITLAB:
        return f"""deploy:
  image: pulumi/pulumi:latest
  id_tokens:
    PULUMI_TOKEN:
      aud: {audience}
  script:
    - pulumi login {server} --oidc-token "$PULUMI_TOKEN" --oidc-org {org}{as_team}
    - pulumi up --yes --stack {org}/<project>/<stack>
"""
    return f"""permissions:
  contents: read
  id-token: write
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: curl -fsSL https://get.pulumi.com | sh && echo "$HOME/.pulumi/bin" >> "$GITHUB_PATH"
      - run: |
          curl -fsS -H "Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" \\
            "$ACTIONS_ID_TOKEN_REQUEST_URL&audience={audience}" | jq -r .value > "$RUNNER_TEMP/token"
          pulumi login {server} --oidc-token "file://$RUNNER_TEMP/token" --oidc-org {org}{as_team}
          pulumi up --yes --stack {org}/<project>/<stack>
"""
