"""Domain values as wire shapes, where more than one group of routes needs the same."""

import re
from collections.abc import Callable, Iterable
from typing import Annotated

import msgspec
from fastapi import Depends, Query, Request
from msgspec import UNSET, Raw, UnsetType
from starlette.responses import Response

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.compression import is_packed
from common.policies.groups.model import GroupSummary
from common.policies.packs import model as packs
from common.policies.packs.model import PackVersion
from common.stacks import model
from common.stacks.engine import policy_groups
from common.stacks.engine.jsontext import JSON_ERRORS, shield_for
from common.stacks.model import Status
from common.stacks.updates.model import Client, HistoryEntry
from common.stacks.updates.service.history import Page
from common.wire.policies import Policy, RegistryPolicyPack, RequiredPolicy
from common.wire.policy_groups import PolicyGroupSummary
from common.wire.stacks import OperationStatus, ResourceInfo, Stack, UserInfo
from common.wire.updates import EMPTY_OBJECT, UpdateInfo, UpdateItem
from functions.http.deps import client_address, reply
from functions.http.size_limits import LinkedResponse

_CLI = re.compile(r"pulumi-cli/\d+ \((v?[0-9][0-9A-Za-z.+-]{0,40})?;? ?([a-z0-9]{0,20})")
PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]
PageSize = Annotated[int, Query(alias="pageSize", ge=1, le=10_000)]
OptionalPageSize = Annotated[int | None, Query(alias="pageSize", ge=1, le=10_000)]
OptionalPageNumber = Annotated[int | None, Query(alias="page", ge=1, le=1_000_000)]


def stack_shape(backend: Backend, stack: model.Stack, *, tags: dict[str, str] | None = None) -> Stack:
    """Return a stack as the wire has it."""
    latest = stack.latest
    return Stack(
        id=stack.id,
        org_name=stack.path.org,
        project_name=stack.path.project,
        stack_name=stack.path.name,
        active_update=latest.update_id if latest.version else "",
        tags=tags if tags is not None else stack.tags,
        version=latest.version,
        current_operation=OperationStatus(latest.kind, latest.author, (latest.started_at or 0) // 1000)
        if latest.is_busy(unix_millis(backend.clock.now()))
        else UNSET,
        config=Raw(stack.config) if stack.config is not None else UNSET,
        managed_environment=stack.managed_environment or UNSET,
    )


def policy_shape(policy: policy_groups.RequiredPolicy) -> RequiredPolicy:
    """Return a pack that an update must run as the wire has it."""
    return RequiredPolicy(
        name=policy.name,
        version=policy.version,
        version_tag=policy.tag,
        display_name=policy.display_name,
        pack_location=policy.location,
        config=Raw(policy.config.encode()) if policy.config is not None else UNSET,
        environments=Raw(policy.environments.encode()) if policy.environments is not None else UNSET,
        exceptions=Raw(policy.exceptions.encode()) if policy.exceptions is not None else UNSET,
    )


def group_summary_shape(summary: GroupSummary) -> PolicyGroupSummary:
    """Return a policy group as lists have it."""
    group = summary.group
    return PolicyGroupSummary(
        name=group.name,
        is_org_default=group.is_default,
        num_stacks=summary.stack_count,
        num_accounts=0,
        entity_type=group.entity_type.value,
        mode=group.mode.value,
        num_enabled_policy_packs=summary.pack_count,
    )


def registry_pack_shape(version: PackVersion, org: str) -> RegistryPolicyPack:
    """Return a version of a pack as the registry has it."""
    return RegistryPolicyPack(
        id=version.id,
        source="private",
        publisher=org,
        name=version.name,
        version=version.tag,
        display_name=version.display_name,
        access_level="full",
        enforcement_levels=packs.enforcement_levels(version.policies),
    )


def pack_policy_shape(policy: packs.Policy) -> Policy:
    """Return a policy of a pack as the wire has it."""
    return Policy(
        name=policy.name,
        display_name=policy.display_name or "",
        description=policy.description or "",
        enforcement_level=policy.enforcement_level or "advisory",
        message=policy.message or "",
        config_schema=packs.raw_or_unset(policy.config_schema),
        severity=policy.severity if policy.severity is not None else UNSET,
        framework=packs.raw_or_unset(policy.framework),
        tags=policy.tags if policy.tags is not None else UNSET,
        remediation_steps=policy.remediation_steps if policy.remediation_steps is not None else UNSET,
        url=policy.url if policy.url is not None else UNSET,
    )


def stored_reply(stored: bytes, link: Callable[[], str | None]) -> Response:
    """Return a JSON reply of stored bytes, passing gzip on as it is; the edge inflates it for clients that want none.

    `link` returns where the same document can be fetched, for entry points that cannot carry it.
    """
    headers = {"Content-Encoding": "gzip"} if is_packed(stored) else {}
    return LinkedResponse(stored, headers, "application/json", link)


class _Required(msgspec.Struct):
    custom: Raw | UnsetType = UNSET
    delete: Raw | UnsetType = UNSET
    dependencies: Raw | UnsetType = UNSET


def resource_info(text: bytes) -> ResourceInfo:
    """Return a resource of a state with the members that upstream's Resource always has; states leave out what is empty."""
    try:
        required = msgspec.json.decode(text, type=_Required)
    except JSON_ERRORS:
        return ResourceInfo(Raw(text))
    absent = [b'"%s":%s,' % (name.encode(), empty) for name, empty in _EMPTY_MEMBERS if getattr(required, name) is UNSET]
    return ResourceInfo(Raw(b"{%s%s" % (b"".join(absent), text.lstrip()[1:])) if absent else Raw(text))


_EMPTY_MEMBERS = (("custom", b"false"), ("delete", b"false"), ("dependencies", b"[]"))


def extended_reply(shape: object, member: str, text: bytes) -> Response:
    """Return a JSON reply of a wire shape with one more member, whose text is JSON already."""
    # Two gzip members after each other would save packing the text again, but some clients read only the first.
    return reply(b"%s,%s:%s}" % (msgspec.json.encode(shape)[:-1], msgspec.json.encode(member), text))


async def get_client(request: Request) -> Client:
    """Return where the request came from and which CLI sent it."""
    host = client_address(request)
    match = _CLI.match(request.headers.get("user-agent", ""))
    version = (match[1] or "") if match else ""
    system = match[2] if match else ""
    agent = f" (pulumi {version} on {system})" if version and system else ""
    return Client(origin=f"{host}{agent}"[:250], cli_version=version)


ClientDep = Annotated[Client, Depends(get_client)]


_EMPTY_TEXT = Raw(b'""')


class _Metadata(msgspec.Struct):
    message: Raw = _EMPTY_TEXT
    environment: Raw = EMPTY_OBJECT


class _Program(msgspec.Struct):
    metadata: _Metadata | None = None
    config: Raw = EMPTY_OBJECT


def update_info(entry: HistoryEntry) -> UpdateInfo:
    """Return an entry of a history; configuration, message and environment as the client spelled them."""
    shield = shield_for([entry.program])
    program = msgspec.json.decode(shield.hide(entry.program), type=_Program)
    metadata = program.metadata or _Metadata()
    return UpdateInfo(
        kind=entry.kind,
        start_time=(entry.started_at or entry.created_at) // 1000,
        message=_text(shield.show(metadata.message)),
        environment=_object(shield.show(metadata.environment)),
        config=_object(shield.show(program.config)),
        result=result_of(entry.status),
        # Clients show the difference as a duration whatever the result is: that of an update that runs must not be negative.
        end_time=(entry.ended_at or entry.started_at or entry.created_at) // 1000,
        version=entry.version or 0,
        resource_count=entry.resource_count,
        resource_changes=Raw(entry.resource_changes) if entry.resource_changes is not None else UNSET,
    )


def update_item(entry: HistoryEntry, latest_version: int) -> UpdateItem:
    """Return an update in the service's own shape."""
    return UpdateItem(
        info=update_info(entry),
        update_id=entry.update_id,
        version=entry.version or 0,
        latest_version=latest_version,
        requested_by=UserInfo(entry.author_name, entry.author_login, entry.author_avatar_url),
    )


def update_items(entries: Iterable[HistoryEntry], latest_version: int) -> list[UpdateItem]:
    """Return updates in the service's own shape."""
    return [update_item(entry, latest_version) for entry in entries]


def page_of(size: int | None, number: int | None, default: int | None = None) -> Page:
    """Return the page that a query asks for; without a size, everything or the default."""
    return Page(size if size is not None else default, number or 1)


def result_of(status: Status) -> str:
    """Return a status as a history's `result`."""
    results = {Status.NOT_STARTED: "not-started", Status.SUCCEEDED: "succeeded"}
    return results.get(status, "in-progress" if status in (Status.RUNNING, Status.FINISHING) else "failed")


def _text(text: bytes) -> Raw:
    return Raw(text) if text.startswith(b'"') else _EMPTY_TEXT


def _object(text: bytes) -> Raw:
    return Raw(text) if text.startswith(b"{") else EMPTY_OBJECT
