"""Issues: violations of policies by resources, and what updates say about them. No I/O."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from common.rights.predicate import Entity
from common.stacks.engine.policy_groups import Mode

TYPE_LIMIT = 255
TEXT_LIMIT = 8_000
# What the wire calls the level of an advisory policy's violation.
_LEVELS = {"warning": "advisory"}


class IssueStatus(StrEnum):
    """The status of an issue."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    BY_DESIGN = "by_design"
    FIXED = "fixed"
    IGNORED = "ignored"


ACTIVE = (IssueStatus.OPEN, IssueStatus.IN_PROGRESS)
CLOSED = (IssueStatus.BY_DESIGN, IssueStatus.FIXED, IssueStatus.IGNORED)
# Updates set an issue to fixed, and by_design needs a justification that the call has no field for.
SETTABLE = (IssueStatus.OPEN, IssueStatus.IN_PROGRESS, IssueStatus.IGNORED)
SEVERITIES = ("low", "medium", "high", "critical")
PRIORITIES = ("p0", "p1", "p2", "p3", "p4")
_PRIORITY_OF_SEVERITY = {"critical": "p0", "high": "p1", "medium": "p2", "low": "p3"}


@dataclass(frozen=True, slots=True)
class PolicyKey:
    """A policy of a pack."""

    pack: str
    policy: str


@dataclass(frozen=True, slots=True)
class Violation:
    """A violation that an update reported; `urn` is empty for a policy about the whole stack."""

    key: PolicyKey
    urn: str
    tag: str
    message: str
    level: str
    severity: str

    @property
    def digest(self) -> str:
        """Return what identifies the issue of this violation in its stack."""
        return digest_of(self.key, self.urn)

    @property
    def resource(self) -> tuple[str, str]:
        """Return type and name of the resource."""
        return resource_of(self.urn)


@dataclass(slots=True)
class Tally:
    """The resources that a policy looked at in an update; `tag` is the version of its pack."""

    tag: str
    passed: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Findings:
    """What an update says about policies: violations by digest, and what each policy looked at."""

    violations: dict[str, Violation] = field(default_factory=dict)
    tallies: dict[PolicyKey, Tally] = field(default_factory=dict)

    def tally(self, key: PolicyKey, tag: str) -> Tally:
        """Return the tally of a policy, a new one the first time."""
        return self.tallies.setdefault(key, Tally(tag))


@dataclass(frozen=True, slots=True)
class EndedUpdate:
    """An update that has ended, with its stack."""

    id: str
    org_id: str
    stack_id: str
    version: int
    is_destroy: bool
    is_success: bool
    ended_at: int
    stack: Entity


@dataclass(frozen=True, slots=True)
class Source:
    """The group that applies a pack to a stack."""

    group: str
    mode: Mode


@dataclass(frozen=True, slots=True)
class StoredIssue:
    """What is known of an issue before an update."""

    id: str
    digest: str
    key: PolicyKey
    urn: str
    status: IssueStatus


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue as lists show it; times are unix milliseconds."""

    id: str
    project: str
    stack: str
    stack_version: int
    pack: str
    tag: str
    policy: str
    urn: str
    resource_type: str
    resource_name: str
    message: str
    level: str
    severity: str
    status: IssueStatus
    kind: Mode
    priority: str
    group: str
    observed_at: int
    modified_at: int
    assignee: "Assignee | None" = None


@dataclass(frozen=True, slots=True)
class Assignee:
    """A member who takes care of an issue."""

    name: str
    login: str
    avatar_url: str


@dataclass(frozen=True, slots=True)
class PolicyResult:
    """How many resources a policy governs, and how many of them fail, in one stack."""

    project: str
    stack: str
    key: PolicyKey
    severity: str
    group: str
    kind: Mode
    governed: int
    failing: int


@dataclass(frozen=True, slots=True)
class Totals:
    """How many policies and resources there are, and how many have open issues; and how many stacks have run a policy."""

    policies: int
    policies_with_issues: int
    resources: int
    resources_with_issues: int
    stacks: int = 0


def digest_of(key: PolicyKey, urn: str) -> str:
    """Return what identifies an issue in its stack."""
    return hashlib.sha256(f"{key.pack}\0{key.policy}\0{urn}".encode("utf-8", "surrogatepass")).hexdigest()


def level_of(level: str) -> str:
    """Return the enforcement level that an event means."""
    return _LEVELS.get(level, level)[:20]


def priority_of(severity: str) -> str:
    """Return the priority that a new issue begins with."""
    return _PRIORITY_OF_SEVERITY.get(severity, "p3")


def resource_of(urn: str) -> tuple[str, str]:
    """Return type and name of a resource; empty texts for a whole stack."""
    parts = urn.split("::", 3)
    if len(parts) < 4:
        return "", urn[:TYPE_LIMIT]
    return parts[2].rpartition("$")[2][:TYPE_LIMIT], parts[3][:TYPE_LIMIT]


def fixed_issues(stored: Iterable[StoredIssue], findings: Findings, update: EndedUpdate) -> list[str]:
    """Return the ids of active issues that an update shows to be fixed.

    A policy that passed for the resource fixes its issue. After an update that succeeded the policy has looked at everything that
    is left of the stack, so that a resource it did not look at is gone; after a destroy everything is.
    """
    fixed = []
    for issue in stored:
        if issue.status not in ACTIVE or issue.digest in findings.violations:
            continue
        tally = findings.tallies.get(issue.key)
        has_passed = tally is not None and (issue.urn in tally.passed or update.is_success)
        if has_passed or (update.is_destroy and update.is_success):
            fixed.append(issue.id)
    return fixed


def percent(governed: int, failing: int) -> int:
    """Return how many of a hundred resources comply; -1 where no resource is governed."""
    return (100 * (governed - failing)) // governed if governed else -1
