"""Organization globex with a thing of every kind that acme has, under names of its own: what a curious neighbour has at home."""

from base64 import b64encode

from sqlalchemy import insert, select

from common.access import tokens as access
from common.access.authentication import TokenOwner
from common.backend import Backend
from common.core.clock import unix_millis
from common.crypto.service_keys import lease_key
from common.db.tables.people import invites
from common.db.tables.stacks import stacks
from common.environments.model import EnvironmentPath
from common.environments.service.opening import Document, open_yaml
from common.people.orgs import steps as orgs
from common.people.users import steps as users
from common.stacks.model import Kind, StackPath
from common.stacks.service import lifecycle, project_secrets
from common.stacks.service.secrets import encrypt
from common.stacks.updates import leases
from common.webhooks.model import Address
from tests.authorization.needs import KINDS
from tests.authorization.positions import OF_UPDATES
from tests.authorization.world import OTHER, add_approvals, add_directory, add_environments, add_issuer, add_policies
from tests.factories.customer_keys import make_unused
from tests.factories.people import caller_of, make_user
from tests.factories.roles import make_role
from tests.factories.stacks import make_running, make_stack, make_update, make_version
from tests.factories.teams import make_team
from tests.factories.webhooks import make_delivery, make_webhook
from tests.stacks.engine.builders import urn

PROJECT = "gshop"
# The neighbour's names for what rows call so.
NAMES = {
    "acme": OTHER,
    "annex": "annex",
    "shop": PROJECT,
    "dev": "gdev",
    "dev-gated": "gdev-gated",
    "ops": "gops",
    "given": "gops",
    "uma": "gus",
    "cora": "gus",
    "newt": "gnewt",
    "env": "genv",
    "announce": "gannounce",
    "none": "gnone",
    urn("b"): urn("g"),
    **{name: "-".join(reversed(name.split("-"))) for name in OF_UPDATES},
}


def build(backend: Backend, token: str) -> dict[str, str]:
    """Make everything, as the admin who has the token, and return what stands for each `<name>` of a row."""
    gina = caller_of(backend, token)
    make_user(backend, "gus", org=OTHER)
    make_user(backend, "gnewt")
    dev = make_stack(backend, gina, "gdev", project=PROJECT, org=OTHER, tags={"genv": "x"})
    make_version(backend, gina, dev, "g")
    make_stack(backend, gina, "gone", project=PROJECT, org=OTHER)
    lifecycle.delete(backend, gina, StackPath(OTHER, PROJECT, "gone"), force=True)
    names = {"session": open_yaml(backend, gina, OTHER, Document(b"")), "digest": "0" * 64}
    names["customer key"] = make_unused(backend, OTHER)
    names["ciphertext"] = _sealed(backend, token, dev)
    names["project ciphertext"] = b64encode(project_secrets.encrypt(backend, gina, OTHER, PROJECT, b"g")).decode()
    for owner, address in (("organization", Address(OTHER)), ("stack", Address(OTHER, PROJECT, "gdev"))):
        webhook = make_webhook(backend, gina, "https://127.0.0.1:9/g", "gannounce", address)
        names[f"delivery of {owner}"] = make_delivery(backend, webhook).id
    _add_updates(backend, token, dev, names)
    _add_access(backend, gina.user_id, names)
    names |= add_directory(backend, gina, OTHER) | add_issuer(backend, gina, OTHER)
    names |= add_environments(backend, gina, OTHER, PROJECT, "gdev", "genv") | add_policies(backend, gina, OTHER)
    names |= add_approvals(backend, gina, OTHER, EnvironmentPath(OTHER, PROJECT, "gdev"), "gus")
    with backend.db.begin() as tx:
        found = {row.name: row.id for row in tx.execute(select(stacks.c.id, stacks.c.name).where(stacks.c.project == PROJECT))}
    return names | {"stack gone": found["gone"], "stack dev": found["gdev"]}


def _sealed(backend: Backend, token: str, path: StackPath) -> str:
    return b64encode(encrypt(backend, caller_of(backend, token), path, b"g")).decode()


def _add_updates(backend: Backend, token: str, dev: StackPath, names: dict[str, str]) -> None:
    gina = caller_of(backend, token)
    for kind in KINDS:
        what, dry = Kind(kind), kind == "preview"
        names[f"new {kind}"] = make_update(backend, gina, dev, kind=what, dry_run=dry)
        for name, journal in (("live", 2), ("plain", 0)):
            path = make_stack(backend, gina, f"{name}-{kind}", project=PROJECT, org=OTHER)
            made = make_running(backend, gina, path, kind=what, dry_run=dry, journal=journal)
            names[f"{name} {kind}"] = made.id
            names["lease"] = leases.issue(lease_key(backend), made.id, path)


def _add_access(backend: Backend, gina_id: str, names: dict[str, str]) -> None:
    for name in ("auditor", "held", "librarian"):
        names[f"role {name}"] = make_role(backend, name=name, org=OTHER)
    names["set custom"] = make_role(backend, name="custom", org=OTHER, purpose="set")
    team_id = make_team(backend, "gops", org=OTHER, role_ids=[names["role held"]])
    now = backend.clock.now()
    with backend.db.begin() as tx:
        org_id = orgs.find_id(tx, OTHER)
        for name, team in (("ci", None), ("ops-ci", team_id)):
            machine = users.create_machine(tx, org_login=OTHER, name=name, now=now)
            owner = TokenOwner(machine, org_id, team)
            made = access.issue_token(tx, owner, name=name, description="", created_by=gina_id, now=now)
            names[f"token {name}"] = made.id
        made = access.issue_token(tx, TokenOwner(gina_id), name="laptop", description="", created_by=gina_id, now=now)
        names |= {"token laptop": made.id, "invite": "ab" * 16}
        tx.execute(
            insert(invites).values(
                id="ab" * 16,
                org_id=org_id,
                email="other@example.com",
                role="member",
                role_id=None,
                sent_by=gina_id,
                sent_at=unix_millis(now),
                expires_at=unix_millis(now) + 86_400_000,
            ),
        )
