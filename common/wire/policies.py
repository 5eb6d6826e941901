"""Policy packs and groups. The entry shapes come with the store; until then every list is empty."""

from typing import Any

import msgspec


class GetStackPolicyPacksResponse(msgspec.Struct, rename="camel"):
    """Upstream: apitype.GetStackPolicyPacksResponse."""

    required_policies: list[Any]


class ListPolicyGroupsResponse(msgspec.Struct, rename="camel"):
    """Upstream: apitype.ListPolicyGroupsResponse."""

    policy_groups: list[Any]
