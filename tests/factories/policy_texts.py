"""An organization's policies, each of which says a text wherever it can: for tests of pages."""

import msgspec

from common.backend import Backend
from common.core.ids import new_id
from common.policies.exceptions import service as exceptions
from common.policies.exceptions.model import Match, NewException
from common.policies.groups import service as groups
from common.policies.groups.model import Group, GroupChange, PackReference, StackName
from common.policies.issues.model import EndedUpdate, Findings, PolicyKey, Source, Violation
from common.policies.issues.repository import ended_updates
from common.policies.packs import service as packs
from common.policies.packs.model import NewPack, Policy
from common.rights import descriptor as d
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import policy_archives
from common.stacks.engine.policy_groups import Mode
from common.stacks.model import StackPath
from common.stacks.steps import get_stack
from tests.factories.policies import make_archive

PACK, GROUP = "guard", "prod"


def make_policies(backend: Backend, admin: Caller, stack: StackPath, text: str = "hello") -> dict[str, str]:
    """Publish a pack, enable it in a group of a stack, and add an issue and an exception; return the parts of their addresses."""
    policy = text[:255]
    make_pack(backend, admin, stack.org, policy, text=text)
    rule = msgspec.json.encode(d.HasTag(context=d.Stack(), key=text[:500])).decode()
    groups.create_group(backend, admin, stack.org, Group("", GROUP, stack_rule=rule))
    reference = PackReference(PACK, config={policy: {"setting": text}}, environments=("app/prod",))
    change = GroupChange(add_packs=(reference,), add_stacks=(StackName(stack.project, stack.name),))
    groups.update_group(backend, admin, stack.org, GROUP, [change])
    match = Match([policy], [f"urn:pulumi:{stack.name}::{stack.project}::a:b:C::{text}"[:2000]])
    created, _ = exceptions.create_exception(backend, admin, stack.org, NewException(PACK, (match,), text[:4000]))
    issue_id = make_issue(backend, admin, stack, policy, text=text, urn=match.targets[0])
    parts = {"pack": PACK, "version": "1.0.0", "group": GROUP, "issue_id": issue_id, "exception_id": created.name}
    return {**parts, "policy": policy}


def make_pack(
    backend: Backend, admin: Caller, org: str, policy: str = "tags", *, text: str = "hello", tag: str = "1.0.0"
) -> None:
    """Publish a version of the pack with one policy."""
    schema = msgspec.Raw(msgspec.json.encode({"type": "object", "description": text}))
    described = Policy(
        policy,
        text,
        text,
        "mandatory",
        text,
        schema,
        text[:20],
        msgspec.Raw(b"null"),
        [text],
        text,
        f"https://example.com/{text}",
    )
    new = NewPack(PACK, [described], text[:255], tag)
    upload = packs.create_version(backend, admin, org, new, msgspec.json.encode(new).decode())
    key = policy_archives.require_upload(backend, upload.url.rpartition("/")[2])
    policy_archives.store(backend, key, make_archive())
    packs.complete_version(backend, admin, org, PACK, tag)


def make_issue(
    backend: Backend,
    admin: Caller,
    stack: StackPath,
    policy: str = "tags",
    *,
    text: str = "hello",
    urn: str = "urn:pulumi:dev::shop::a:b:C::data",
    severity: str = "high",
) -> str:
    """Add an issue of a stack with the result of its policy, and return its id."""
    key, loaded = PolicyKey(PACK, policy), get_stack(backend, admin, stack, Permission.STACK_READ)
    violation = Violation(key, urn, "1.0.0", text, "mandatory", severity)
    update = EndedUpdate("", loaded.org_id, loaded.id, 1, is_destroy=False, is_success=True, ended_at=1, stack=loaded.entity)
    findings = Findings({violation.digest: violation})
    findings.tally(key, "1.0.0").failed.add(urn)
    findings.tally(key, "1.0.0").passed.update(("one", "two", "three"))
    source, issue_id = Source(GROUP, Mode.PREVENTATIVE), new_id()
    with backend.db.begin() as tx:
        ended_updates.add_issues(tx, update, [(issue_id, violation, source)])
        ended_updates.replace_results(tx, update, findings, {PACK: source})
    return issue_id
