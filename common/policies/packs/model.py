"""Policy packs, their versions and policies. No I/O."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from msgspec import UNSET, Raw, UnsetType

from common.core.errors import BadRequest

# What clients send in place of a tag for the newest version.
LATEST = "latest"
LEVELS = ("advisory", "mandatory", "remediate", "disabled")
NAME_LIMIT = 100
VERSION_LIMIT = 1_000
PACK_LIMIT = 1_000
POLICY_LIMIT = 2_000
_DISPLAY_NAME_LIMIT = 255
# Client: sdk/go/common/apitype and pkg/backend/httpstate/client/client.go, validatePolicyPackVersion.
_NAME = re.compile(r"[a-zA-Z0-9-_.]{1,100}")
_LARGEST_VERSION = (1 << 31) - 1
_NULL = Raw(b"null")


class Policy(msgspec.Struct, rename="camel"):
    """Upstream: AppPolicy, as the client publishes it; members that are null are left out of replies."""

    name: str
    display_name: str | None = None
    description: str | None = None
    enforcement_level: str | None = None
    message: str | None = None
    config_schema: Raw = _NULL
    severity: str | None = None
    framework: Raw = _NULL
    tags: list[str] | None = None
    remediation_steps: str | None = None
    url: str | None = None


class NewPack(msgspec.Struct, rename="camel"):
    """Upstream: AppCreatePolicyPackRequest; the text of the request is kept, so that members not named here are too."""

    name: str
    policies: list[Policy]
    display_name: str | None = None
    version_tag: str | None = None

    def check(self) -> None:
        """Raise BadRequest unless a pack may be called so, and each policy has a name of its own and a known level."""
        require_name(self.name)
        if self.version_tag and not _NAME.fullmatch(self.version_tag):
            raise BadRequest(
                f"invalid version {self.version_tag[:100]!a}: 1 to 100 letters, digits, hyphens, underscores or periods"
            )
        if self.version_tag == LATEST:
            raise BadRequest("a version cannot be called latest: clients mean the newest version by it")
        if len(self.display_name or "") > _DISPLAY_NAME_LIMIT:
            raise BadRequest(f"the display name of a policy pack may have at most {_DISPLAY_NAME_LIMIT} characters")
        if len(self.policies) > POLICY_LIMIT:
            raise BadRequest(f"a policy pack may have at most {POLICY_LIMIT:,} policies")
        names = [policy.name for policy in self.policies]
        if len(set(names)) < len(names):
            raise BadRequest("two policies of the pack have the same name")
        for policy in self.policies:
            if not policy.name or len(policy.name) > _DISPLAY_NAME_LIMIT:
                raise BadRequest(f"the name of a policy has 1 to {_DISPLAY_NAME_LIMIT} characters")
            if policy.enforcement_level and policy.enforcement_level not in LEVELS:
                raise BadRequest(f"enforcementLevel of policy {policy.name!a} must be one of {', '.join(LEVELS)}")


@dataclass(frozen=True, slots=True)
class PackVersion:
    """A published version; `details` is the text of the request that created it, empty where it was not read."""

    id: str
    name: str
    version: int
    tag: str
    display_name: str
    blob_key: str
    created_at: int
    details: str = ""
    is_applied: bool = False

    @property
    def policies(self) -> list[Policy]:
        """Return the policies of the version."""
        return msgspec.json.decode(self.details, type=NewPack).policies


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack with its versions, oldest first."""

    name: str
    display_name: str
    versions: tuple[PackVersion, ...]


@dataclass(frozen=True, slots=True)
class Upload:
    """A version that waits for its archive: where the client stores it, and the headers of that request."""

    version: int
    url: str
    headers: dict[str, str]


def require_name(name: str) -> None:
    """Raise BadRequest unless a policy pack may have this name."""
    if not _NAME.fullmatch(name):
        raise BadRequest(
            f"invalid policy pack name {name[:100]!a}: 1 to {NAME_LIMIT} letters, digits, hyphens, underscores or periods"
        )


def number_of(reference: str) -> int | None:
    """Return the number that a version is named by, or None if it is named by a tag."""
    is_number = reference.isascii() and reference.isdigit() and len(reference) <= len(str(_LARGEST_VERSION))
    return int(reference) if is_number and int(reference) <= _LARGEST_VERSION else None


def group_versions(versions: Iterable[PackVersion]) -> list[Pack]:
    """Return packs by name, each with its versions in order; the display name is that of the newest version."""
    packs: dict[str, list[PackVersion]] = {}
    for version in versions:
        packs.setdefault(version.name, []).append(version)
    return [Pack(name, group[-1].display_name, tuple(group)) for name, group in packs.items()]


def enforcement_levels(policies: Iterable[Policy]) -> list[str]:
    """Return the levels that policies have, without repetition."""
    return sorted({policy.enforcement_level for policy in policies if policy.enforcement_level})


def raw_or_unset(value: Raw) -> Raw | UnsetType:
    """Return a member for a reply, which leaves out a null."""
    return value if bytes(value) != b"null" else UNSET
