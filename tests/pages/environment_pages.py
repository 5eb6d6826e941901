"""An environment with everything that its pages show, made of values that a test chooses."""

import json

from common.approvals.gates import GateRequest, NamedApprover
from common.approvals.model import Action, ApproverKind, GateTarget
from common.audit import service as audit
from common.audit.events import Search
from common.backend import Backend
from common.change_requests.service import decisions, gates
from common.environments.model import EnvironmentPath
from common.environments.service import definitions, drafts, revisions, tags
from common.people.teams import service as teams
from common.people.teams.model import EnvironmentChange, TeamChange
from common.rights.caller import Caller
from common.rights.permissions import Role
from common.stacks.service import sharing
from common.webhooks.model import Address
from tests.factories.environments import make_environment
from tests.factories.people import caller_of, make_user
from tests.factories.webhooks import make_texts

E = "/acme/esc/shop/dev"
PLAIN = "hunter2"


def make_full_environment(backend: Backend, admin: Caller, text: str = "hello") -> EnvironmentPath:
    """Make acme/shop/dev with values, a secret, an import, a referrer, tags, revisions and a team, which say a text."""
    make_environment(backend, admin, "shop/base", f"values:\n  base: {quote(text)}\n")
    path = make_environment(backend, admin, "shop/dev", definition(text))
    definitions.update(backend, admin, path, definition(f"{text} 2").encode())
    make_environment(backend, admin, "shop/prod", "imports: [shop/dev]\n")
    tags.create_tag(backend, admin, path, "note", text[:200])
    revisions.create_tag(backend, admin, path, "stable", 2)
    teams.create_team(backend, admin, "acme", "operators", display_name=text[:100], description="")
    grant = EnvironmentChange("shop", "dev", "open", "2h")
    sharing.update_team(backend, admin, "acme", "operators", TeamChange(environments=(grant,)))
    make_texts(backend, admin, Address("acme", "shop", environment="dev"), text)
    return path


def make_change_request(backend: Backend, admin: Caller, text: str = "hello") -> dict[str, str]:
    """Make a gate of that environment, and a draft behind it that was submitted, approved and commented on; their ids."""
    path = EnvironmentPath("acme", "shop", "dev")
    reviewer = caller_of(backend, make_user(backend, "rita", org="acme", role=Role.ADMIN))
    approvers = (NamedApprover(ApproverKind.PERMISSION, "environment:write"), NamedApprover(ApproverKind.USER, "rita"))
    target = GateTarget("environment", "shop/dev", (Action.UPDATE,))
    gate = GateRequest(
        text[:100].strip(), True, target, 2, False, True, (*approvers, NamedApprover(ApproverKind.TEAM, "operators"))
    )
    gate_id = gates.create_gate(backend, admin, "acme", gate).gate.id
    request_id = drafts.create(backend, admin, path, definition(f"{text} 3").encode()).id
    decisions.submit(backend, admin, "acme", request_id, text[:10_000])
    decisions.approve(backend, reviewer, "acme", request_id, 0, text[:10_000])
    decisions.add_comment(backend, admin, "acme", request_id, text[:10_000])
    return {"request_id": request_id, "gate_id": gate_id}


def quote(text: str) -> str:
    """A text as it is written in a definition."""
    return json.dumps(text.replace("${", "$${"))


def definition(text: str) -> str:
    """The definition of such an environment. JSON texts are YAML texts as well."""
    quoted = quote(text)
    key = quote(f"k {text}"[:500])
    return f"""# {text.splitlines()[0][:500]}
imports:
- shop/base
values:
  plain: {quoted}
  {key}: [{quoted}, 1, true, null]
  nested: {{ deep: {{ value: {quoted} }} }}
  password:
    fn::secret: {PLAIN}
  environmentVariables:
    TEXT: {quoted}
    PASSWORD: ${{password}}
  rotated:
    fn::rotate::password:
      inputs: {{ length: 20 }}
      state:
        current: {{ fn::secret: {PLAIN} }}
  files:
    NOTES: {quoted}
  pulumiConfig:
    aws:region: eu-central-1
"""


def recorded(backend: Backend, admin: Caller) -> list[str]:
    """What the audit log says, newest first."""
    return [entry.description for entry in audit.page_entries(backend, admin, "acme", Search())[0]]
