"""Webhooks, the events that they may be subscribed to, and the rules for both. No I/O."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from common.core.errors import BadRequest

NAME_LIMIT, DISPLAY_NAME_LIMIT, URL_LIMIT, SECRET_LIMIT_BYTES = 100, 255, 2_048, 1_024
# As the value of `secret` it removes the secret.
REMOVE_SECRET = "__remove-secret"  # noqa: S105 - no secret
_NAME = re.compile(r"[a-zA-Z0-9._-]+")
_DEPLOYMENT_TARGET = re.compile(r"[a-zA-Z0-9._-]+/[a-zA-Z0-9._-]+")


class Format(StrEnum):
    """The form of the body of a delivery."""

    RAW = "raw"
    SLACK = "slack"
    TEAMS = "ms_teams"
    DEPLOYMENTS = "pulumi_deployments"


_STACKS = (
    "preview_succeeded",
    "preview_failed",
    *(f"{kind}_{result}" for kind in ("update", "refresh", "destroy", "import") for result in ("succeeded", "failed")),
)
_OF_ORGANIZATION = ("stack_created", "stack_deleted")
_ENVIRONMENTS_OF_ORGANIZATION = ("environment_created", "environment_deleted")
# Group → its filters, for webhooks of organizations (platform.md 9).
GROUPS: dict[str, tuple[str, ...]] = {
    "stacks": (*_OF_ORGANIZATION, *_STACKS),
    "deployments": (
        "deployment_queued",
        "deployment_started",
        "deployment_succeeded",
        "deployment_failed",
        "deployment_file_ingestion_failed",
        "drift_detected",
        "drift_detection_succeeded",
        "drift_detection_failed",
        "drift_remediation_succeeded",
        "drift_remediation_failed",
    ),
    "policies": ("policy_violation_mandatory", "policy_violation_advisory"),
    "environments": (
        *_ENVIRONMENTS_OF_ORGANIZATION,
        "environment_revision_created",
        "environment_revision_retracted",
        "environment_revision_tag_created",
        "environment_revision_tag_updated",
        "environment_revision_tag_deleted",
        "environment_tag_created",
        "environment_tag_updated",
        "environment_tag_deleted",
        "imported_environment_changed",
        "environment_rotation_succeeded",
        "environment_rotation_failed",
    ),
    "change_requests": tuple(
        f"change_request_{action}"
        for action in ("created", "updated", "approved", "unapproved", "closed", "applied", "submitted")
    ),
}
# In no group, and only sent to webhooks that name it: receivers of upstream's events do not expect an update that has not ended.
OWN_FILTERS = ("update_started",)


class Owner(StrEnum):
    """What a webhook belongs to."""

    ORGANIZATION = "organization"
    STACK = "stack"
    ENVIRONMENT = "environment"


_GROUPS_OF = {
    Owner.ORGANIZATION: tuple(GROUPS),
    Owner.STACK: ("stacks", "deployments", "policies"),
    Owner.ENVIRONMENT: ("environments", "change_requests"),
}
_ONLY_OF_ORGANIZATION = frozenset((*_OF_ORGANIZATION, *_ENVIRONMENTS_OF_ORGANIZATION))


@dataclass(frozen=True, slots=True)
class Address:
    """The address of webhooks: an organization, or one of its stacks or environments."""

    org: str
    project: str = ""
    stack: str = ""
    environment: str = ""

    @property
    def owner(self) -> Owner:
        """Return what the webhooks belong to."""
        return Owner.ENVIRONMENT if self.environment else Owner.STACK if self.stack else Owner.ORGANIZATION


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a webhook; `secret` as the client sent it."""

    display_name: str
    payload_url: str
    format: Format
    filters: tuple[str, ...]
    groups: tuple[str, ...]
    active: bool
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook; `owner_id` is the id of its stack or environment, empty for one of the organization.

    `paused_until` is in unix milliseconds.
    """

    id: str
    org_id: str
    owner_id: str
    name: str
    settings: Settings
    sealed_secret: bytes | None
    failures: int = 0
    paused_until: int | None = None
    owner: Owner = Owner.ORGANIZATION

    def is_subscribed(self, event: str) -> bool:
        """Tell whether events of a name are sent to it: those of its filters and groups, or without any all of upstream's."""
        if self.owner is not Owner.ORGANIZATION and event in _ONLY_OF_ORGANIZATION:
            return False
        names = {*self.settings.filters, *(name for group in self.settings.groups for name in GROUPS[group])}
        return event in names if names else event not in OWN_FILTERS


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request to a webhook and the response; without one, the code is 0 and the body says why. `sent_at` is in milliseconds."""

    id: str
    webhook_id: str
    kind: str
    payload: str
    sent_at: int
    duration_millis: int
    request_url: str
    request_headers: str
    response_code: int
    response_headers: str
    response_body: str

    @classmethod
    def unanswered(cls, delivery_id: str, webhook: Webhook, kind: str, payload: str) -> "Delivery":
        """Return a delivery without a response; when and why is added later."""
        return cls(
            id=delivery_id,
            webhook_id=webhook.id,
            kind=kind,
            payload=payload,
            sent_at=0,
            duration_millis=0,
            request_url=webhook.settings.payload_url,
            request_headers="",
            response_code=0,
            response_headers="",
            response_body="",
        )

    @property
    def is_success(self) -> bool:
        """Tell whether the receiver accepted it."""
        return 200 <= self.response_code < 300

    @property
    def problem(self) -> str:
        """Return why the delivery failed."""
        return f"the receiver answers with status {self.response_code}" if self.response_code else self.response_body


def require_name(name: str) -> None:
    """Raise BadRequest for a name that cannot be part of an address."""
    if not _NAME.fullmatch(name) or len(name) > NAME_LIMIT or name in (".", ".."):
        raise BadRequest(f"a webhook's name has up to {NAME_LIMIT} letters, digits and . _ -")


def require_settings(settings: Settings, owner: Owner) -> None:
    """Raise BadRequest for settings that a webhook cannot have; the address of the receiver is checked elsewhere."""
    if not settings.display_name.strip() or len(settings.display_name) > DISPLAY_NAME_LIMIT:
        raise BadRequest(f"displayName must have 1 to {DISPLAY_NAME_LIMIT} characters")
    if not settings.payload_url or len(settings.payload_url) > URL_LIMIT:
        raise BadRequest(f"payloadUrl must have 1 to {URL_LIMIT:,} characters")
    if len(settings.secret.encode()) > SECRET_LIMIT_BYTES:
        raise BadRequest(f"secret has more than {SECRET_LIMIT_BYTES:,} bytes")
    if settings.format is Format.DEPLOYMENTS:
        _require_deployment_target(settings, owner)
    _require_known("group", settings.groups, allowed_groups(owner))
    _require_known("filter", settings.filters, allowed_filters(owner))


def allowed_groups(owner: Owner) -> tuple[str, ...]:
    """Return the groups that a webhook may have."""
    return _GROUPS_OF[owner]


def allowed_filters(owner: Owner) -> tuple[str, ...]:
    """Return the filters that a webhook may have."""
    own = () if owner is Owner.ENVIRONMENT else OWN_FILTERS
    names = (*(name for group in allowed_groups(owner) for name in GROUPS[group]), *own)
    return tuple(name for name in names if owner is Owner.ORGANIZATION or name not in _ONLY_OF_ORGANIZATION)


def parse_format(text: str) -> Format:
    """Return the format of a name, `raw` for an empty one; raises BadRequest."""
    try:
        return Format(text or Format.RAW)
    except ValueError as error:
        raise BadRequest(f"format {text[:40]!a} is not one of {', '.join(Format)}") from error


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """Return names in their order, each once."""
    return tuple(dict.fromkeys(names))


def has_cycle(start: str, target: str, others: Sequence[tuple[str, str]]) -> bool:
    """Tell whether a deployment of stack `start` that starts one of `target` leads back to `start`.

    `others` are the (stack, target) of existing webhooks; a stack is `project/name`.
    """
    seen, waiting = set[str](), [target]
    while waiting:
        stack = waiting.pop()
        if stack == start:
            return True
        if stack not in seen:
            seen.add(stack)
            waiting.extend(end for begin, end in others if begin == stack)
    return False


def _require_deployment_target(settings: Settings, owner: Owner) -> None:
    if owner is Owner.ORGANIZATION:
        raise BadRequest(f"only webhooks of stacks and environments have the format {Format.DEPLOYMENTS}")
    if not _DEPLOYMENT_TARGET.fullmatch(settings.payload_url):
        raise BadRequest(f"with the format {Format.DEPLOYMENTS}, payloadUrl is the stack to deploy: project/stack")


def _require_known(what: str, names: Iterable[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise BadRequest(f"{what} {name[:60]!a} is not one of {', '.join(known)}")
