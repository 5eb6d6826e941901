"""Updates: upstream's sdk/go/common/apitype/{updates,history,events}.go. Times are unix seconds.

Bodies that only have to be kept are not modelled: program, configuration and environment pass as text.
"""

import msgspec
from msgspec import UNSET, Raw, UnsetType

from common.wire.policies import RequiredPolicy
from common.wire.stacks import Stack, UserInfo

EMPTY_OBJECT = Raw(b"{}")


class UpdateOptions(msgspec.Struct, rename="camel"):
    """Upstream: UpdateOptions; the one member that decides what an update is."""

    dry_run: bool = False


class UpdateProgramRequest(msgspec.Struct, rename="camel"):
    """Upstream: UpdateProgramRequest; everything else in it is kept as text."""

    name: str | None = None
    options: UpdateOptions | None = None
    metadata: "UpdateMetadata | None" = None
    config: dict[str, Raw] | None = None


class UpdateMetadata(msgspec.Struct):
    """Upstream: UpdateMetadata."""

    message: str | None = None
    environment: dict[str, str] | None = None


class AISettings(msgspec.Struct, rename="camel"):
    """Upstream: AISettingsForUpdate."""

    copilot_is_enabled: bool = False


class UpdateProgramResponse(msgspec.Struct, rename="camel"):
    """Upstream: UpdateProgramResponse."""

    update_id: str = msgspec.field(name="updateID")
    required_policies: list[RequiredPolicy] = []
    messages: list[str] = []
    ai_settings: AISettings = msgspec.field(name="aiSettings", default_factory=AISettings)


class StartUpdateRequest(msgspec.Struct, rename="camel"):
    """Upstream: StartUpdateRequest; `tags` null leaves the stack's tags alone, anything else replaces them."""

    tags: dict[str, str] | None = None
    journal_version: int = 0


class StartUpdateResponse(msgspec.Struct, rename="camel"):
    """Upstream: StartUpdateResponse."""

    version: int
    token: str
    token_expiration: int
    journal_version: int


class LogFields(msgspec.Struct):
    """The fields of a log entry, as clients before the engine's events sent them; upstream has no shape for them."""

    text: str = ""
    colorize: str = "always"
    severity: str = ""


class AppendUpdateLogEntryRequest(msgspec.Struct):
    """Upstream: AppAppendUpdateLogEntryRequest."""

    kind: str
    fields: LogFields = msgspec.field(default_factory=LogFields)


class BeginUpdateRequest(msgspec.Struct, rename="camel"):
    """Upstream: BeginUpdateRequest; `program` is the text of an UpdateProgramRequest."""

    update_kind: str
    program: Raw
    tags: dict[str, str] | None = None
    journal_version: int = 0


class BeginUpdateResponse(msgspec.Struct, rename="camel"):
    """Upstream: BeginUpdateResponse without its member `deployment`, which is stored text and added to the reply as such."""

    version: int
    token: str
    token_expiration: int
    journal_version: int
    stack: Stack
    update_id: str = msgspec.field(name="updateID")
    required_policies: list[RequiredPolicy] = []
    messages: list[str] = []
    ai_settings: AISettings = msgspec.field(name="aiSettings", default_factory=AISettings)


class RenewUpdateLeaseRequest(msgspec.Struct):
    """Upstream: RenewUpdateLeaseRequest; both members are ignored, the lease's length is the server's."""

    token: str = ""
    duration: int = 0


class RenewUpdateLeaseResponse(msgspec.Struct, rename="camel"):
    """Upstream: RenewUpdateLeaseResponse."""

    token: str
    token_expiration: int


class CompleteUpdateRequest(msgspec.Struct):
    """Upstream: CompleteUpdateRequest."""

    status: str


class UpdateResults(msgspec.Struct, rename="camel"):
    """Upstream: UpdateResults; a null token says that the update has ended."""

    status: str
    events: list[str]
    continuation_token: str | None


class UpdateInfo(msgspec.Struct, rename="camel"):
    """Upstream: UpdateInfo in history.go."""

    kind: str
    start_time: int
    message: Raw
    environment: Raw
    config: Raw
    result: str
    end_time: int
    version: int
    resource_count: int
    resource_changes: Raw | UnsetType = UNSET


class UpdateItem(msgspec.Struct, rename="camel"):
    """The service's own shape of an update: upstream's UpdateInfo of the REST description."""

    info: UpdateInfo
    update_id: str = msgspec.field(name="updateID")
    version: int
    latest_version: int
    requested_by: UserInfo
    policy_packs: list[str] = []


class GetHistoryResponse(msgspec.Struct):
    """Upstream: GetHistoryResponse."""

    updates: list[UpdateInfo]


class GetStackUpdatesResponse(msgspec.Struct, rename="camel"):
    """Upstream: GetStackUpdatesResponse of the REST description."""

    updates: list[UpdateItem]
    items_per_page: int
    total: int


class UpdateSummary(msgspec.Struct, rename="camel"):
    """Upstream: UpdateSummary."""

    result: str
    start_time: int
    end_time: int
    resource_count: int


class Timeline(msgspec.Struct, rename="camel"):
    """Upstream: GetUpdateTimelineResponse."""

    update: UpdateItem
    collated_update_events: list[UpdateItem]
    previews: list[UpdateItem]


class Activity(msgspec.Struct):
    """Upstream: Activity."""

    update: UpdateItem


class GetStackActivityResponse(msgspec.Struct, rename="camel"):
    """Upstream: GetStackActivityResponse."""

    activity: list[Activity]
    items_per_page: int
    total: int


class GetUpdateEventsResponse(msgspec.Struct, rename="camel"):
    """Upstream: GetUpdateEventsResponse; the token is null only when everything was given and the update has ended."""

    events: list[Raw]
    continuation_token: str | None
