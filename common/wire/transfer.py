"""Stacks that change hands: transfer, ownership, deleted stacks. Upstream's models of these names."""

import msgspec

from common.wire.updates import UpdateSummary


class TransferStackRequest(msgspec.Struct, rename="camel"):
    """Upstream: TransferStackRequest. The stack is the address's; the other members, if given, must say the same."""

    to_org: str
    project_name: str | None = None
    stack_name: str | None = None
    from_org: str | None = None


class TransferAllStacksRequest(msgspec.Struct, rename="camel"):
    """Upstream: TransferAllStacksRequest. `fromOrg` is the address's organization."""

    to_org: str
    from_org: str | None = None


class NewOwner(msgspec.Struct, rename="camel"):
    """Upstream: UserInfo, where a request names a user: only the login says who it is."""

    github_login: str


class DeletedStack(msgspec.Struct, rename="camel"):
    """Upstream: DeletedStack; `deletedAt` in unix seconds, `version` and `lastUpdate` of the last update before it."""

    id: str
    program_id: str
    project_name: str
    stack_name: str
    version: int
    deleted_at: int
    last_update: UpdateSummary


class ListDeletedStacksResponse(msgspec.Struct, rename="camel"):
    """Upstream: ListDeletedStacksResponse."""

    deleted_stacks: list[DeletedStack]


class RestoreDeletedStackRequest(msgspec.Struct, rename="camel"):
    """Upstream: RestoreDeletedStackRequest; without a name the stack keeps its own."""

    stack_name: str | None = None
