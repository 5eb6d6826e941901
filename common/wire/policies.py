"""Policy packs and the policies that updates must run: upstream's sdk/go/common/apitype/policy.go."""

from typing import Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

AccessLevel = Literal["full", "view-only", "deny"]


class RequiredPolicy(msgspec.Struct, rename="camel"):
    """Upstream: AppRequiredPolicy."""

    name: str
    version: int
    version_tag: str
    display_name: str
    pack_location: str
    config: Raw | UnsetType = UNSET
    environments: Raw | UnsetType = UNSET
    exceptions: Raw | UnsetType = UNSET


class GetStackPolicyPacksResponse(msgspec.Struct, rename="camel"):
    """Upstream: AppGetStackPolicyPacksResponse."""

    required_policies: list[RequiredPolicy]


class PolicyPackWithVersions(msgspec.Struct, rename="camel"):
    """Upstream: AppPolicyPackWithVersions."""

    name: str
    display_name: str
    versions: list[int]
    version_tags: list[str]


class ListPolicyPacksResponse(msgspec.Struct, rename="camel"):
    """Upstream: AppListPolicyPacksResponse."""

    policy_packs: list[PolicyPackWithVersions]


class CreatePolicyPackResponse(msgspec.Struct, rename="camel"):
    """Upstream: AppCreatePolicyPackResponse."""

    version: int
    upload_uri: str = msgspec.field(name="uploadURI")
    required_headers: dict[str, str] | UnsetType = UNSET


class Policy(msgspec.Struct, rename="camel"):
    """Upstream: AppPolicy."""

    name: str
    display_name: str
    description: str
    enforcement_level: str
    message: str
    config_schema: Raw | UnsetType = UNSET
    severity: str | UnsetType = UNSET
    framework: Raw | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
    remediation_steps: str | UnsetType = UNSET
    url: str | UnsetType = UNSET


class GetPolicyPackResponse(msgspec.Struct, rename="camel"):
    """Upstream: AppGetPolicyPackResponse."""

    name: str
    display_name: str
    version: int
    version_tag: str
    policies: list[Policy]
    applied: bool


class GetPolicyPackConfigSchemaResponse(msgspec.Struct, rename="camel"):
    """Upstream: AppGetPolicyPackConfigSchemaResponse: policy → schema."""

    config_schema: dict[str, Raw]


class ListRegistryPolicyPacksRequest(msgspec.Struct, rename="camel"):
    """Upstream: ListPolicyPacksRequest."""

    access: list[Literal["added", "available", "enabled", "private"]] | str | None = None
    ids: list[str] | None = None
    org_login: str | None = None


class RegistryPolicyPack(msgspec.Struct, rename="camel"):
    """Upstream: RegistryPolicyPack."""

    id: str
    source: str
    publisher: str
    name: str
    version: str
    display_name: str
    access_level: AccessLevel
    enforcement_levels: list[str]


class ListRegistryPolicyPacksResponse(msgspec.Struct, rename="camel"):
    """Upstream: ListPolicyPacksResponse."""

    policy_packs: list[RegistryPolicyPack]


class GetRegistryPolicyPackVersionResponse(msgspec.Struct, rename="camel"):
    """Upstream: GetRegistryPolicyPackVersionResponse."""

    policy_pack: RegistryPolicyPack
    policies: list[Policy]
