"""The two organizations in which the calls of the matrix are made, and everyone who makes them."""

import secrets
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select, update

from common.access import grants
from common.access import tokens as access
from common.access.authentication import TokenOwner
from common.approvals.gates import GateRequest, NamedApprover
from common.approvals.model import Action, ApproverKind, GateTarget
from common.audit.archives import service as audit_exports
from common.audit.archives.model import Destination
from common.audit.archives.model import Kind as DestinationKind
from common.backend import Backend
from common.change_requests.service import decisions, gates
from common.core.clock import unix_millis
from common.core.ids import new_id
from common.crypto.service_keys import lease_key
from common.db.tables.access import access_tokens
from common.db.tables.approvals import change_request_revisions, change_requests
from common.db.tables.environments import environments
from common.db.tables.people import invites, members, organizations, team_entities, users
from common.db.tables.stacks import stacks
from common.environments.change_target import OpenTerms
from common.environments.model import EnvironmentPath
from common.environments.schedules import ScheduleRequest
from common.environments.service import definitions, drafts, open_requests, opening, revisions, schedules
from common.environments.service import tags as environment_tags
from common.environments.service.opening import Document, open_yaml
from common.people.orgs import steps as orgs
from common.people.orgs.steps import update_settings
from common.people.users import steps as user_service
from common.policies.exceptions import service as exceptions
from common.policies.exceptions.model import Match, NewException
from common.policies.groups import service as groups
from common.policies.groups.model import Group
from common.policies.issues.model import EndedUpdate, PolicyKey, Source, Violation
from common.policies.issues.repository.ended_updates import add_issues
from common.policies.packs import service as packs
from common.policies.packs.model import NewPack, Policy
from common.rights import built_in
from common.rights.caller import Caller, TokenKind
from common.rights.permissions import ENVIRONMENT_ADMIN, ENVIRONMENT_WRITE, STACK_LEVELS, Permission, Role, StackLevel
from common.sign_in.scim.documents import parse_user
from common.sign_in.scim.model import GroupProfile
from common.sign_in.scim.service import groups as directory_groups
from common.sign_in.scim.service import tokens
from common.sign_in.scim.service import users as directory_users
from common.sign_in.workload_identity.language.statements import StatementInput
from common.sign_in.workload_identity.model import Registration
from common.sign_in.workload_identity.service import issuers
from common.sign_in.workload_identity.service import policies as issuer_policies
from common.stacks import policy_archives
from common.stacks.engine import delta
from common.stacks.engine.policy_groups import Mode
from common.stacks.model import AnnotationName, Kind, StackPath
from common.stacks.service import annotations, lifecycle, project_secrets
from common.stacks.service.secrets import encrypt
from common.stacks.steps import get_stack
from common.stacks.updates import leases
from common.stacks.updates.service import progress
from common.webhooks.model import Address
from tests.authorization import callers
from tests.authorization.callers import EVERYTHING, NOTHING, Who, given, machine, nobody, person, plain
from tests.authorization.needs import KINDS, Row
from tests.factories.customer_keys import make_unused
from tests.factories.environments import make_environment
from tests.factories.people import ADMIN_TOKEN, ORG, make_admin, make_user
from tests.factories.policies import make_archive
from tests.factories.roles import make_role
from tests.factories.stacks import make_running, make_stack, make_update, make_version
from tests.factories.teams import make_team
from tests.factories.webhooks import make_delivery, make_webhook
from tests.peers.workload_issuer import published
from tests.stacks.engine.builders import dump, make_resource, make_state

TARGET, OTHER = "annex", "globex"
BASE = dump({"version": 3, "deployment": {"manifest": {}, "resources": []}})


@dataclass
class World:
    """What rows refer to by name, and the callers, by the level that the organization gives its members on stacks."""

    backend: Backend
    names: dict[str, str] = field(default_factory=dict)
    leases: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    whos: list[Who] = field(default_factory=list)
    clerks: dict[frozenset[Permission], tuple[str, str]] = field(default_factory=dict)

    def filled(self, value: Any) -> Any:
        """Return a value with every `<name>` replaced by what it stands for."""
        if isinstance(value, str):
            return self.names[value[1:-1]] if value.startswith("<") and value.endswith(">") else value
        if isinstance(value, dict):
            return {key: self.filled(one) for key, one in value.items()}
        return [self.filled(one) for one in value] if isinstance(value, list) else value

    def set_level(self, level: StackLevel) -> None:
        """Lets the organization give its members a level on every stack."""
        with self.backend.db.begin() as tx:
            org_id = orgs.find_id(tx, ORG)
            assert org_id is not None
            update_settings(tx, org_id, lambda old: msgspec.structs.replace(old, default_stack_permission=level))

    def of_level(self, level: StackLevel) -> list[Who]:
        """Return the callers whose rights the level decides."""
        mia, token = self.texts["mia"], self.texts["member-ci"]
        name = f"members of level {level.name}"
        return [
            person(f"a member, {name}", mia, *plain(level)),
            machine(f"an organization's member token, {name}", token, *plain(level)),
        ]

    def clerks_of(self, row: Row) -> Iterator[Who]:
        """Yield the callers with custom roles that a row is tried with."""
        for what, held in clerk_roles(row):
            text, ci = self.clerks[held]
            yield person(f"a custom role with {what}", text, held, held)
            yield machine(f"a token with a custom role with {what}", ci, held, held)

    def leaseholders(self, row: Row) -> Iterator[Who]:
        """Yield the callers with the token of a running update: the row's own, if it names one, and another."""
        own = self.leases.get(self.filled(row.at["update_id"])) if row.moment != "idle" else None
        others = [lease for lease in self.leases.values() if lease != own]
        if own is not None:
            yield Who("the update's lease", f"update-token {own}", signed_in=False, is_member=False, lease="its own")
        yield Who("another update's lease", f"update-token {others[0]}", signed_in=False, is_member=False, lease="another's")


def build(backend: Backend, rows: Iterable[Row]) -> World:
    """Make the organizations, their people, teams, roles and tokens, and stacks without running updates."""
    world = World(backend)
    make_admin(backend)
    _add_organizations(world)
    _add_people(world)
    _add_stacks(world)
    _add_teams(world)
    world.names |= add_environments(backend, make_admin(backend), ORG, "shop", "dev", "env")
    world.names |= add_approvals(backend, make_admin(backend), ORG, EnvironmentPath(ORG, "shop", "dev"), "uma")
    _share_environments(world)
    _add_invitation(world)
    world.names |= add_issuer(backend, make_admin(backend), ORG)
    world.names["customer key"] = make_unused(backend, ORG)
    _add_tokens(world)
    world.names |= add_directory(backend, make_admin(backend), ORG)
    bearer = f"Bearer {world.names.pop('scim bearer')}"
    world.whos.append(Who("the directory", bearer, signed_in=False, is_member=False, is_directory=True))
    world.names |= add_policies(backend, make_admin(backend), ORG)
    _add_clerks(world, rows)
    world.set_level(StackLevel.NONE)
    mark_used(world)
    return world


def start_updates(world: World) -> None:
    """Start the updates that rows about running ones need."""
    backend, admin = world.backend, make_admin(world.backend)
    for kind in KINDS:
        what = Kind(kind)
        live = make_running(backend, admin, StackPath(ORG, "shop", f"{kind}-live"), kind=what, dry_run=what is Kind.PREVIEW)
        bare = make_running(
            backend, admin, StackPath(ORG, "shop", f"{kind}-plain"), kind=what, dry_run=what is Kind.PREVIEW, journal=0
        )
        for name, made in (("live", live), ("plain", bare)):
            world.names[f"{name} {kind}"] = made.id
            world.leases[made.id] = leases.issue(lease_key(backend), made.id, made.path)
        if what is not Kind.PREVIEW:  # A preview records nothing but events.
            progress.update_checkpoint_verbatim(
                backend, bare.lease, b'{"version":3,"untypedDeployment":%s,"sequenceNumber":1}' % BASE
            )
    mark_used(world)


def _add_organizations(world: World) -> None:
    world.texts["gina"] = make_user(world.backend, "gina")
    now = world.backend.clock.now()
    with world.backend.db.begin() as tx:
        gina, admin = (user_service.find_id(tx, login) for login in ("gina", "admin"))
        assert gina is not None
        assert admin is not None
        orgs.create_organization(tx, login=OTHER, admin_user_id=gina, now=now)
        orgs.create_organization(tx, login=TARGET, admin_user_id=gina, now=now)
    _join_target(world, ["admin"])


def _add_people(world: World) -> None:
    backend, texts = world.backend, world.texts
    texts |= {login: make_user(backend, login, org=ORG) for login in ("mia", "tara", "olga", "cora", "uma")}
    texts["bill"] = make_user(backend, "bill", org=ORG, role=Role.BILLING_MANAGER)
    texts["sam"] = make_user(backend, "sam", org=ORG, role=Role.ADMIN)
    make_user(backend, "newt")
    with backend.db.begin() as tx:
        sam = tx.scalar(select(users.c.id).where(users.c.login == "sam"))
        tx.execute(update(members).where(members.c.user_id == sam).values(suspended=True))
    _join_target(world, ["mia", "tara", "olga", "cora", "bill", "sam"])


def _join_target(world: World, logins: list[str]) -> None:
    now = world.backend.clock.now()
    with world.backend.db.begin() as tx:
        org_id = orgs.find_id(tx, TARGET)
        assert org_id is not None
        for user_id in tx.scalars(select(users.c.id).where(users.c.login.in_(logins))).all():
            orgs.add_member(tx, org_id=org_id, user_id=user_id, role=Role.MEMBER, now=now)


def _add_stacks(world: World) -> None:
    backend, names = world.backend, world.names
    admin = make_admin(backend)
    dev = make_stack(
        backend,
        admin,
        tags={"env": "value-of-acme", "pulumi:runtime": "nodejs"},
        state=make_state(make_resource("secret-of-acme")),
    )
    make_version(backend, admin, dev, "b")
    make_stack(backend, admin, "gone")
    lifecycle.delete(backend, admin, StackPath(ORG, "shop", "gone"), force=True)
    for kind in KINDS:
        names[f"new {kind}"] = make_update(backend, admin, dev, kind=Kind(kind), dry_run=kind == "preview")
        for name in ("live", "plain"):
            make_stack(backend, admin, f"{kind}-{name}")
    names["ciphertext"] = _sealed(world)
    names["project ciphertext"] = b64encode(project_secrets.encrypt(backend, admin, ORG, "shop", b"x")).decode()
    annotations.update_annotation(backend, admin, dev, AnnotationName("readme"), b'{"text":"secret-of-acme"}')
    with backend.db.begin() as tx:
        olga = tx.scalar(select(users.c.id).where(users.c.login == "olga"))
        tx.execute(update(stacks).values(created_by=olga, config='{"environment":"p/e"}'))
        names |= {f"stack {row.name}": row.id for row in tx.execute(select(stacks.c.id, stacks.c.name))}
    names["digest"] = delta.digest(BASE)
    names["session"] = open_yaml(backend, admin, ORG, Document(b""))
    for owner, address in (("organization", Address(ORG)), ("stack", Address(ORG, "shop", "dev"))):
        webhook = make_webhook(backend, admin, "https://127.0.0.1:9/secret-of-acme", "announce", address)
        names[f"delivery of {owner}"] = make_delivery(backend, webhook, "secret-of-acme").id
    container = Destination(DestinationKind.AZURE_BLOB, "https://127.0.0.1:9/secret-of-acme")
    audit_exports.update(backend, admin, ORG, container, "sig=secret-of-acme", is_enabled=False)


def _sealed(world: World) -> str:
    ciphertext = encrypt(world.backend, make_admin(world.backend), StackPath(ORG, "shop", "dev"), b"x")
    return b64encode(ciphertext).decode()


def _add_teams(world: World) -> None:
    """Add ops, which rows are about, and two teams for their tokens: one that was given every stack, and one nothing."""
    backend, names = world.backend, world.names
    auditor, held = make_role(backend, name="auditor"), make_role(backend, name="held")
    names["role librarian"] = make_role(backend, Permission.AUDIT_LOGS_READ, name="librarian")
    names |= {
        "role auditor": auditor,
        "role held": held,
        "role admin": built_in.ADMIN.id,
        "set stack-read": built_in.STACK_READ.id,
    }
    names["team ops"] = make_team(backend, "ops", admins=["tara"], role_ids=[held])
    names["team given"], names["team bare"] = make_team(backend, "given"), make_team(backend, "bare")
    now = backend.clock.now()
    with backend.db.begin() as tx:
        cora = user_service.find_id(tx, "cora")
        assert cora is not None
        for stack_id in tx.scalars(select(stacks.c.id)).all():
            grants.replace(tx, stack_id, names["team given"], is_team=True, level=StackLevel.WRITE, now=now)
            grants.replace(tx, stack_id, cora, is_team=False, level=StackLevel.READ, now=now)


def _add_invitation(world: World) -> None:
    backend, names = world.backend, world.names
    now_millis = unix_millis(backend.clock.now())
    names["invite"] = secrets.token_hex(16)
    with backend.db.begin() as tx:
        org_id, admin = orgs.find_id(tx, ORG), user_service.find_id(tx, "admin")
        tx.execute(
            insert(invites).values(
                id=names["invite"],
                org_id=org_id,
                email="",
                role="member",
                role_id=None,
                sent_by=admin,
                sent_at=now_millis,
                expires_at=now_millis + 86_400_000,
            ),
        )


def _add_tokens(world: World) -> None:
    backend, texts = world.backend, world.texts
    now = backend.clock.now()
    texts["ci"] = _machine_token(world, "ci")
    _machine_token(world, "ops-ci", team_id=world.names["team ops"])
    member_ci, admin_ci = _machine_token(world, "member-ci"), _machine_token(world, "admin-ci", is_admin=True)
    given_ci = _machine_token(world, "given-ci", team_id=world.names["team given"])
    bare_ci = _machine_token(world, "bare-ci", team_id=world.names["team bare"])
    _personal_token(world, "laptop")
    expired = _personal_token(world, "expired", expires_at=now - timedelta(seconds=1))
    revoked = _personal_token(world, "revoked")
    with backend.db.begin() as tx:
        owner_id = user_service.find_id(tx, "admin") or ""
        assert access.revoke_token(tx, world.names["token revoked"], TokenKind.PERSONAL, owner_id, now)
    texts["member-ci"] = member_ci
    world.whos += [
        nobody("nobody", ""),
        nobody("an unknown token", f"token pul-{'0' * 40}"),
        nobody("another scheme", f"Bearer {ADMIN_TOKEN}"),
        nobody("an expired token", f"token {expired}"),
        nobody("a revoked token", f"token {revoked}"),
        Who("an admin of another organization", f"token {texts['gina']}", is_member=False, in_target=EVERYTHING),
        Who("a suspended admin", f"token {texts['sam']}", is_member=False, is_suspended=True, in_target=callers.MEMBER),
        person("a billing manager", texts["bill"], callers.BILLING, callers.BILLING),
        person("the team's admin", texts["tara"], *plain(StackLevel.NONE), is_team_admin=True),
        person("the stacks' creator", texts["olga"], *callers.CREATOR, given_on_environment=ENVIRONMENT_ADMIN),
        person("a collaborator who may read", texts["cora"], *given(StackLevel.READ)),
        machine(
            "a team's token, given every stack",
            given_ci,
            NOTHING,
            STACK_LEVELS[StackLevel.WRITE],
            given_on_environment=ENVIRONMENT_WRITE,
        ),
        machine("a team's token, given nothing", bare_ci, NOTHING, NOTHING),
        machine("an organization's admin token", admin_ci, EVERYTHING, EVERYTHING, is_admin=True),
        person("an admin", ADMIN_TOKEN, EVERYTHING, EVERYTHING, is_admin=True, is_owner=True),
    ]


def _add_clerks(world: World, rows: Iterable[Row]) -> None:
    """Add a person and a token of the organization for every custom role that a row asks for."""
    wanted = {held for row in rows for _, held in clerk_roles(row)}
    for number, held in enumerate(sorted(wanted, key=sorted)):
        role_id = make_role(world.backend, *sorted(held), name=f"clerk{number}")
        ci = _machine_token(world, f"clerk-ci{number}", role_id=role_id)
        login = f"clerk{number}"
        text = make_user(world.backend, login, org=ORG)
        with world.backend.db.begin() as tx:
            user_id = user_service.find_id(tx, login)
            is_it = (
                members.c.user_id == user_id,
                members.c.org_id == select(organizations.c.id).where(organizations.c.login == ORG).scalar_subquery(),
            )
            tx.execute(update(members).where(*is_it).values(role_id=role_id))
        _join_target(world, [login])
        world.clerks[held] = (text, ci)


def clerk_roles(row: Row) -> list[tuple[str, frozenset[Permission]]]:
    """Return the custom roles of a row: everything but one of its needs, for each; its needs alone; and a reader's."""
    parts = list(dict.fromkeys(row.permissions()))
    lacking = [(f"everything but {', '.join(sorted(part))}", EVERYTHING - part) for part in parts]
    alone = frozenset().union(*parts)
    few = [(f"only {', '.join(sorted(alone))}", alone)] if parts else [("everything", EVERYTHING), ("nothing", NOTHING)]
    return [*lacking, *few, ("stack:read alone", frozenset({Permission.STACK_READ}))]


def add_environments(backend: Backend, admin: Caller, org: str, project: str, name: str, tag: str) -> dict[str, str]:  # noqa: PLR0917
    """Add an environment with revisions and tags in a project and in the default one, and one that is deleted.

    Return the ids of what they have by the names that rows use.
    """
    names = {}
    webhook_name, content = ("announce", "secret-of-environment") if org == ORG else ("gannounce", "of-the-neighbour")
    for place, session in ((project, "environment session"), ("default", "preview session")):
        path = make_environment(backend, admin, f"{place}/{name}", "values: {s: {fn::secret: secret-of-environment}}\n", org=org)
        revisions.create_tag(backend, admin, path, tag, 1)
        environment_tags.create_tag(backend, admin, path, tag, "x")
        names[session] = opening.open_environment(backend, admin, path)
        address = Address(org, path.project, environment=path.name)
        webhook = make_webhook(backend, admin, f"https://127.0.0.1:9/{content}", webhook_name, address)
        owner = session.removesuffix(" session")
        names[f"delivery of {owner}"] = make_delivery(backend, webhook, content).id
    _, schedule = schedules.create(backend, admin, EnvironmentPath(org, project, name), ScheduleRequest(cron="0 5 * * *"))
    names["schedule"] = schedule.id
    gone = make_environment(backend, admin, f"{project}/gone", org=org)
    definitions.delete(backend, admin, gone)
    return names


def add_approvals(backend: Backend, admin: Caller, org: str, path: EnvironmentPath, author: str) -> dict[str, str]:
    """Add change requests for an environment by an author, a change gate, and an environment that needs a request to be opened.

    Return the ids by the names that rows use.
    """
    unsubmitted = drafts.create(backend, admin, path, b"values: {draft: secret-of-acme}\n").id
    draft = drafts.create(backend, admin, path, b"values: {draft: 1}\n").id
    decisions.submit(backend, admin, org, draft, "secret-of-acme")
    approvers = (NamedApprover(ApproverKind.PERMISSION, "environment:write"),)
    target = GateTarget("environment", path.in_org, (Action.UPDATE,))
    gate = gates.create_gate(backend, admin, org, GateRequest("off", False, target, 1, False, True, approvers)).gate
    closed = make_environment(backend, admin, f"{path.project}/{path.name}-gated", org=org)
    opening_gate = GateTarget("environment", closed.in_org, (Action.OPEN,))
    gates.create_gate(backend, admin, org, GateRequest("opening", True, opening_gate, 1, False, True, approvers))
    (request,) = open_requests.create(backend, admin, closed, OpenTerms(3_600, 3_600))
    with backend.db.begin() as tx:
        author_id = tx.scalar(select(users.c.id).where(users.c.login == author))
        for rows in (change_requests, change_request_revisions):
            tx.execute(update(rows).values(created_by=author_id))
    return {"unsubmitted draft": unsubmitted, "draft": draft, "change gate": gate.id, "open request": request.request.id}


def _share_environments(world: World) -> None:
    """Make olga the owner of the environments, and let the team `given` write them."""
    backend = world.backend
    with backend.db.begin() as tx:
        olga = tx.scalar(select(users.c.id).where(users.c.login == "olga"))
        tx.execute(update(environments).values(owner_id=olga))
        for project, name in (("shop", "dev"), ("default", "dev"), ("shop", "dev-gated")):
            grant = {"project": project, "name": name, "permission": "write", "max_open_duration": "", "created_at": 0}
            tx.execute(insert(team_entities).values(team_id=world.names["team given"], kind="environment", **grant))


def add_issuer(backend: Backend, admin: Caller, org: str) -> dict[str, str]:
    """Add an issuer whose keys are known, with a policy that lets plain tokens in; return what rows call the two."""
    asked = Registration("pipelines", "https://token.example.com", jwks={"keys": [published(1)]})
    made = issuers.register(backend, admin, org, asked)
    let_in = StatementInput("allow", "organization", permissions=("standard",), rules={"sub": "ci"})
    issuer_policies.replace_policy(backend, admin, org, made.policy_id, [let_in])
    return {"issuer": made.id, "policy": made.policy_id}


def add_directory(backend: Backend, admin: Caller, org: str) -> dict[str, str]:
    """Connect a directory with a person and a group, and return their ids and the token by the names that rows use."""
    token = tokens.create(backend, admin, org).text
    directory = tokens.authenticate(backend, org, f"Bearer {token}")
    user = directory_users.create_user(backend, directory, parse_user({"userName": f"dora@{org}.example.com"}))
    group = directory_groups.create_group(backend, directory, GroupProfile("Dancers", None, frozenset((user.id,))))
    return {"scim user": user.id, "scim group": group.id, "scim bearer": token}


def add_policies(backend: Backend, admin: Caller, org: str) -> dict[str, str]:
    """Publish version 1 of a policy pack, begin to publish version 2, and create a group; return addresses by what rows call them."""
    for version in ("1", "2"):
        new = NewPack("guard", [Policy("private-buckets")], version_tag=version)
        upload = packs.create_version(backend, admin, org, new, msgspec.json.encode(new).decode())
        signed = upload.url.rpartition("/")[2]
        policy_archives.store(backend, policy_archives.require_upload(backend, signed), make_archive())
        if version == "1":
            packs.complete_version(backend, admin, org, "guard", version)
    groups.create_group(backend, admin, org, Group("", "prod"))
    match = Match(["private-buckets"], ["urn:pulumi:dev::shop::a:b:C::data"])
    exceptions.create_exception(backend, admin, org, NewException("guard", (match,), "legacy"))
    return {
        "upload": signed,
        "policy issue": _add_issue(backend, admin, org),
        "download": policy_archives.download_link(backend, "policy-packs/x").rpartition("/")[2],
    }


def _add_issue(backend: Backend, admin: Caller, org: str) -> str:
    """Add an issue of a stack that everyone may see who may see one; return its id."""
    path = make_stack(backend, admin, "watched", project="watched", org=org)
    key = PolicyKey("guard", "private-buckets")
    found = Violation(key, "urn:pulumi:watched::watched::a:b:C::data", "1", "", "mandatory", "high")
    stack = get_stack(backend, admin, path, Permission.STACK_READ)
    update = EndedUpdate("", stack.org_id, stack.id, 1, is_destroy=False, is_success=True, ended_at=1, stack=stack.entity)
    issue_id = new_id()
    with backend.db.begin() as tx:
        add_issues(tx, update, [(issue_id, found, Source("prod", Mode.PREVENTATIVE))])
    return issue_id


def _machine_token(world: World, name: str, **more: Any) -> str:
    with world.backend.db.begin() as tx:
        org_id = orgs.find_id(tx, ORG)
        user_id = user_service.create_machine(tx, org_login=ORG, name=name, now=world.backend.clock.now())
        return _issue(tx, world, TokenOwner(user_id, org_id, **more), name)


def _personal_token(world: World, name: str, **more: Any) -> str:
    with world.backend.db.begin() as tx:
        user_id = user_service.find_id(tx, "admin")
        assert user_id is not None
        return _issue(tx, world, TokenOwner(user_id), name, **more)


def _issue(tx: Connection, world: World, owner: TokenOwner, name: str, **more: Any) -> str:
    now, maker = world.backend.clock.now(), user_service.find_id(tx, "admin") or ""
    made = access.issue_token(tx, owner, name=name, description="", created_by=maker, now=now, **more)
    world.names[f"token {name}"] = made.id
    return made.text


def mark_used(world: World) -> None:
    """Note that every token was used just now, so that no call notes it again."""
    with world.backend.db.begin() as tx:
        tx.execute(update(access_tokens).values(last_used_at=unix_millis(world.backend.clock.now())))
