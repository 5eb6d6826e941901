"""Environments: upstream's schemas of the same names. Times are RFC 3339. The shapes of values come with the language."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from common.wire.change_requests import ChangeRequestRef
from common.wire.stacks import UserInfo


class OpenEnvironmentResponse(msgspec.Struct):
    """Upstream: OpenEnvironmentResponse; `diagnostics` is left out on success (esc.md 4.3)."""

    id: str


class CreateEnvironmentRequest(msgspec.Struct):
    """Upstream: CreateEnvironmentRequest."""

    name: str
    project: str | None = None


class RestoreEnvironmentRequest(msgspec.Struct, rename="camel"):
    """Upstream: RestoreEnvironmentRequest."""

    name: str
    project: str | None = None
    deletion_timestamp: str | None = None


class CloneEnvironmentRequest(msgspec.Struct, rename="camel"):
    """Upstream: CloneEnvironmentRequest."""

    name: str
    project: str | None = None
    version: int | None = None
    preserve_history: bool | None = None
    preserve_access: bool | None = None
    preserve_environment_tags: bool | None = None
    preserve_revision_tags: bool | None = None


class UpdateEnvironmentResponse(msgspec.Struct, omit_defaults=True):
    """Upstream: UpdateEnvironmentResponse; the diagnostics are warnings."""

    diagnostics: list[Any] | UnsetType = UNSET


class EnvironmentSettings(msgspec.Struct, rename="camel"):
    """Upstream: EnvironmentSettings."""

    deletion_protected: bool


class PatchEnvironmentSettingsRequest(msgspec.Struct, rename="camel"):
    """Upstream: PatchEnvironmentSettingsRequest."""

    deletion_protected: bool | None = None


class EnvironmentReferrerMetadata(msgspec.Struct, rename="camel"):
    """Upstream: EnvironmentReferrerMetadata."""

    environment_referrer_count: int = 0
    stack_referrer_count: int = 0
    insights_account_referrer_count: int = 0


class OrgEnvironment(msgspec.Struct, rename="camel"):
    """Upstream: OrgEnvironment."""

    id: str
    organization: str
    project: str
    name: str
    created: str
    modified: str
    owned_by: UserInfo
    tags: dict[str, str]
    settings: EnvironmentSettings
    referrer_metadata: EnvironmentReferrerMetadata
    deleted_at: str | UnsetType = UNSET


class ListEnvironmentsResponse(msgspec.Struct, rename="camel"):
    """Upstream: ListEnvironmentsResponse; the token is empty at the end."""

    environments: list[OrgEnvironment]
    next_token: str


class EnvironmentMetadata(msgspec.Struct, rename="camel"):
    """Upstream: EnvironmentMetadata."""

    id: str
    owned_by: UserInfo
    open_request_needed: bool = False
    gated_actions: list[str] | UnsetType = UNSET
    active_change_request: ChangeRequestRef | UnsetType = UNSET
    managed_by_stack: str | UnsetType = UNSET
    oidc_subject: str | UnsetType = msgspec.field(name="oidcSubjectV2", default=UNSET)


class EnvironmentRevisionRetracted(msgspec.Struct, rename="camel"):
    """Upstream: EnvironmentRevisionRetracted."""

    replacement: int
    at: str
    by_login: str
    by_name: str
    reason: str


class EnvironmentRevisionChangeRequest(msgspec.Struct):
    """Upstream: EnvironmentRevisionChangeRequest."""

    id: str
    description: str


class EnvironmentRevision(msgspec.Struct, rename="camel"):
    """Upstream: EnvironmentRevision."""

    number: int
    created: str
    creator_login: str
    creator_name: str
    tags: list[str]
    retracted: EnvironmentRevisionRetracted | UnsetType = UNSET
    change_request: EnvironmentRevisionChangeRequest | UnsetType = UNSET


class RetractEnvironmentRevisionRequest(msgspec.Struct):
    """Upstream: RetractEnvironmentRevisionRequest."""

    replacement: int | None = None
    reason: str | None = None


class EnvironmentRevisionTag(msgspec.Struct, rename="camel"):
    """Upstream: EnvironmentRevisionTag."""

    name: str
    revision: int
    created: str
    modified: str
    editor_login: str
    editor_name: str


class ListEnvironmentRevisionTagsResponse(msgspec.Struct, rename="camel"):
    """Upstream: ListEnvironmentRevisionTagsResponse; the token is the name after which the next page begins, or empty."""

    tags: list[EnvironmentRevisionTag]
    next_token: str


class CreateEnvironmentRevisionTagRequest(msgspec.Struct):
    """Upstream: CreateEnvironmentRevisionTagRequest."""

    name: str = ""
    revision: int | None = None


class UpdateEnvironmentRevisionTagRequest(msgspec.Struct):
    """Upstream: UpdateEnvironmentRevisionTagRequest."""

    revision: int | None = None


class EnvironmentTag(msgspec.Struct, rename="camel"):
    """Upstream: EnvironmentTag."""

    id: str
    name: str
    value: str
    created: str
    modified: str
    editor_login: str
    editor_name: str


class ListEnvironmentTagsResponse(msgspec.Struct, rename="camel"):
    """Upstream: ListEnvironmentTagsResponse; the command line asks until the token is `0` (esc.md 4.5)."""

    tags: dict[str, EnvironmentTag]
    next_token: str


class CreateEnvironmentTagRequest(msgspec.Struct):
    """Upstream: CreateEnvironmentTagRequest."""

    name: str
    value: str


class CurrentTag(msgspec.Struct):
    """The value that a client read."""

    value: str | None = None


class NewTag(msgspec.Struct):
    """The new name and value; an empty or absent one keeps the old."""

    name: str | None = None
    value: str | None = None


class UpdateEnvironmentTagRequest(msgspec.Struct, rename="camel"):
    """Upstream: UpdateEnvironmentTagRequest."""

    current_tag: CurrentTag | None = None
    new_tag: NewTag | None = None


class EncryptEnvironmentSecretsRequest(msgspec.Struct):
    """Upstream: EncryptEnvironmentSecretsRequest; the texts are base64."""

    plaintexts: list[str]


class EncryptEnvironmentSecretsResponse(msgspec.Struct):
    """Upstream: EncryptEnvironmentSecretsResponse."""

    ciphertexts: list[str]


class DecryptEnvironmentSecretsRequest(msgspec.Struct):
    """Upstream: DecryptEnvironmentSecretsRequest."""

    ciphertexts: list[str]


class DecryptEnvironmentSecretsResponse(msgspec.Struct):
    """Upstream: DecryptEnvironmentSecretsResponse; the texts are base64."""

    plaintexts: list[str]


class EnvironmentImportReferrer(msgspec.Struct):
    """Upstream: EnvironmentImportReferrer."""

    project: str
    name: str
    revision: int


class EnvironmentStackReferrer(msgspec.Struct):
    """Upstream: EnvironmentStackReferrer; `version` is that of the stack."""

    project: str
    stack: str
    version: int


class EnvironmentReferrer(msgspec.Struct):
    """Upstream: EnvironmentReferrer; exactly one member is set."""

    environment: EnvironmentImportReferrer | UnsetType = UNSET
    stack: EnvironmentStackReferrer | UnsetType = UNSET


class ListEnvironmentReferrersResponse(msgspec.Struct, rename="camel"):
    """Upstream: ListEnvironmentReferrersResponse, by the version that a referrer names."""

    referrers: dict[str, list[EnvironmentReferrer]]
    continuation_token: str | UnsetType = UNSET


class ListProvidersResponse(msgspec.Struct):
    """Upstream: ListProvidersResponse."""

    providers: list[str]


class ListRotatorsResponse(msgspec.Struct):
    """Upstream: ListRotatorsResponse."""

    rotators: list[str]


class RotateEnvironmentRequest(msgspec.Struct):
    """Upstream: RotateEnvironmentRequest. The command line writes `Paths`, which may be null (esc.md 4.7)."""

    paths: list[str] | None = None
    capital_paths: list[str] | None = msgspec.field(name="Paths", default=None)

    @property
    def wanted(self) -> list[str]:
        """Return the paths; none for all secrets."""
        return self.paths or self.capital_paths or []


class SecretRotation(msgspec.Struct, rename="camel"):
    """Upstream: SecretRotation."""

    id: str
    environment_path: str
    status: str
    error_message: str | UnsetType = UNSET


class SecretRotationEvent(msgspec.Struct, rename="camel"):
    """Upstream: SecretRotationEvent."""

    id: str
    environment_id: str
    created: str
    user_id: str = msgspec.field(name="userID")
    pre_rotation_revision: int
    status: str
    rotations: list[SecretRotation]
    completed: str | UnsetType = UNSET
    post_rotation_revision: int | UnsetType = UNSET
    scheduled_action_id: str | UnsetType = msgspec.field(default=UNSET, name="scheduledActionID")
    error_message: str | UnsetType = UNSET


class RotateEnvironmentResponse(msgspec.Struct, rename="camel"):
    """Upstream: RotateEnvironmentResponse; `id` is the session of the opened result."""

    id: str
    secret_rotation_event: SecretRotationEvent
    diagnostics: list[Any] | UnsetType = UNSET


class ListEnvironmentSecretRotationHistoryResponse(msgspec.Struct):
    """Upstream: ListEnvironmentSecretRotationHistoryResponse."""

    events: list[SecretRotationEvent]


class SecretRotationSchedule(msgspec.Struct, rename="camel"):
    """Upstream: CreateEnvironmentSecretRotationScheduleRequest; an empty path means all secrets."""

    environment_path: str | None = None


class CreateEnvironmentScheduleRequest(msgspec.Struct, rename="camel"):
    """Upstream: CreateEnvironmentScheduleRequest, also as a change of which every member may be absent."""

    schedule_cron: str | None = None
    schedule_once: str | None = None
    secret_rotation_request: SecretRotationSchedule | None = None


class ScheduleDefinition(msgspec.Struct, rename="camel"):
    """What a schedule of an environment does."""

    environment_path: str


class ScheduledAction(msgspec.Struct, rename="camel"):
    """Upstream: ScheduledAction; a time that is not known is empty."""

    id: str
    org_id: str = msgspec.field(name="orgID")
    kind: str
    paused: bool
    created: str
    modified: str
    last_executed: str
    next_execution: str
    definition: ScheduleDefinition
    schedule_cron: str | UnsetType = UNSET
    schedule_once: str | UnsetType = UNSET


class ListScheduledActionsResponse(msgspec.Struct):
    """Upstream: ListScheduledActionsResponse."""

    schedules: list[ScheduledAction]


class ScheduledActionHistoryEvent(msgspec.Struct, rename="camel"):
    """Upstream: ScheduledActionHistoryEvent; `version` is the number of the run."""

    id: str
    scheduled_action_id: str = msgspec.field(name="scheduledActionID")
    executed: str
    version: int
    result: str


class ListScheduledActionHistoryResponse(msgspec.Struct, rename="camel"):
    """Upstream: ListScheduledActionHistoryResponse."""

    schedule_history_events: list[ScheduledActionHistoryEvent]
