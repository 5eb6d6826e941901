"""What an organization keeps of the versions of its stacks. No I/O."""

from dataclasses import dataclass
from enum import StrEnum

from common.core.errors import BadRequest
from common.rights.org_settings import OrgSettings

# A stack with this tag, with any value, keeps every version: what must not be deleted for a legal reason, for instance.
HOLD_TAG = "stackhold:keep-versions"
MOST_VERSIONS, MOST_DAYS = 100_000, 36_500


class Keep(StrEnum):
    """What is kept: everything, a number of newest versions, or what was the newest version within a number of days."""

    ALL = "all"
    VERSIONS = "versions"
    DAYS = "days"


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """The retention policy of an organization; `count` is the number of versions or days, 0 if everything is kept."""

    keep: Keep = Keep.ALL
    count: int = 0

    @classmethod
    def parse(cls, keep: str, count: int) -> "RetentionPolicy":
        """Return the policy of texts from a client. Raises BadRequest."""
        if keep not in list(Keep):
            raise BadRequest(f"{keep[:40]!a} is not a retention: keep `all`, `versions` or `days`")
        if keep == Keep.ALL:
            return cls()
        most = MOST_VERSIONS if keep == Keep.VERSIONS else MOST_DAYS
        if not 1 <= count <= most:
            raise BadRequest(f"the number of {keep} must be from 1 to {most:,}")
        return cls(Keep(keep), count)

    @classmethod
    def of(cls, settings: OrgSettings) -> "RetentionPolicy":
        """Return the policy in the settings of an organization."""
        if settings.retention_versions:
            return cls(Keep.VERSIONS, settings.retention_versions)
        return cls(Keep.DAYS, settings.retention_days) if settings.retention_days else cls()

    def changes(self) -> dict[str, int]:
        """Return the settings of an organization with this policy, by their names in OrgSettings."""
        return {
            "retention_versions": self.count if self.keep is Keep.VERSIONS else 0,
            "retention_days": self.count if self.keep is Keep.DAYS else 0,
        }

    def __str__(self) -> str:
        """Return the policy in words."""
        if self.keep is Keep.ALL:
            return "keep all versions"
        return f"keep {self.count:,} {self.keep}" if self.keep is Keep.VERSIONS else f"keep the versions of {self.count:,} days"


@dataclass(frozen=True, slots=True)
class Limits:
    """A stack and what is kept of it: the version `first` and newer ones, and `good`, the newest one that is good.

    A number is None if the stack has no such version. With `ended_by` also what ended after that time, in unix milliseconds.
    """

    stack_id: str
    project: str
    name: str
    first: int | None
    good: int | None
    ended_by: int | None = None


@dataclass(frozen=True, slots=True)
class OldVersion:
    """A version whose state is to be deleted."""

    update_id: str
    stack_id: str
    number: int
    checkpoint: str | None


@dataclass(frozen=True, slots=True)
class RetentionPreview:
    """What a policy would delete now; `size_bytes` is an estimate if `is_estimate`, from the sizes of some states."""

    policy: RetentionPolicy
    versions: int
    stacks: int
    size_bytes: int
    is_estimate: bool
