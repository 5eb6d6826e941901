"""An organization with everything that its pages show, made of values that a test chooses."""

from dataclasses import replace

from sqlalchemy import update

from common.audit import service as audit
from common.audit.events import Search
from common.backend import Backend
from common.db.tables.people import users
from common.people.orgs.invites import service as invites
from common.people.orgs.model import NewInvite, RequestedRole
from common.people.roles.service import roles
from common.people.teams import service as teams
from common.people.teams.model import MemberAction, MemberChange, StackChange, TeamChange
from common.people.tokens import service as tokens
from common.people.tokens.model import NewToken
from common.rights.caller import Caller
from common.rights.permissions import StackLevel
from common.sign_in.scim.service import tokens as directory
from common.sign_in.workload_identity.language.statements import StatementInput
from common.sign_in.workload_identity.model import Issuer, Registration
from common.sign_in.workload_identity.service import issuers, policies
from common.stacks.model import StackPath
from common.stacks.service import sharing
from common.webhooks.model import Address
from tests.factories.people import make_user
from tests.factories.policy_texts import make_policies
from tests.factories.roles import new_record, tagged
from tests.factories.webhooks import make_texts
from tests.peers.workload_issuer import published

SETTINGS = "/acme/settings"


def make_issuer(backend: Backend, admin: Caller, text: str = "cluster") -> Issuer:
    """Make an issuer whose keys are registered, so that none are fetched, with a rule."""
    name = "".join(letter for letter in text if letter.isprintable())[:100] or "cluster"
    keys = {"keys": [published(1)]}
    issuer = issuers.register(backend, admin, "acme", Registration(name, "https://kubernetes.default.svc", jwks=keys))
    rule = StatementInput("allow", "organization", permissions=["standard"], rules={"sub": text[:500]})
    return policies.replace_policy(backend, admin, "acme", issuer.policy_id, [rule])


def make_full_organization(backend: Backend, admin: Caller, stack: StackPath, text: str = "hello") -> dict[str, str]:
    """Fill acme with what its pages show, each of which says a text wherever it can; return the parts of their addresses."""
    make_user(backend, "olga", org="acme")
    with backend.db.begin() as tx:
        tx.execute(update(users).values(name=text[:255]).where(users.c.login == "olga"))
    role = RequestedRole("member")
    invited, _ = invites.create_invites(backend, admin, "acme", [NewInvite("paul@example.com", role)])
    invites.create_link(backend, admin, "acme", NewInvite("", role))
    teams.create_team(backend, admin, "acme", "web", display_name=text[:100], description=text[:1000])
    grant = StackChange(stack.project, stack.name, StackLevel.WRITE)
    change = TeamChange(member=MemberChange(MemberAction.ADD, "olga"), stacks=(grant,))
    sharing.update_team(backend, admin, "acme", "web", change)
    new = NewToken(text[:1000], 0, "ci")
    token = tokens.create_org_token(backend, admin, "acme", new)
    tokens.create_team_token(backend, admin, "acme", "web", replace(new, name="web-ci"))
    rules = tagged("note", text[:200], "stack:read")
    record = new_record(text[:200], rules, description=text[:1000])
    role_id = roles.create_role(backend, admin, "acme", record, with_policy=False).id
    issuer = make_issuer(backend, admin, text)
    directory.create(backend, admin, "acme")
    of_team = {"issuer_id": issuer.id, "platform": "github", "team": "web", "token_id": token.id, "role_id": role_id}
    make_texts(backend, admin, Address("acme"), text)
    policies = make_policies(backend, admin, stack, text)
    entries, _ = audit.page_entries(backend, admin, "acme", Search())
    line = f"{entries[0].recorded_at}-{entries[0].id}"
    return {"login": "olga", "hook": "announce", "invite_id": invited[0].id, "record": line, **policies, **of_team}
