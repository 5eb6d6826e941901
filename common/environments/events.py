"""Events of environments: messages of the outbox that other areas, such as webhooks, react to after the commit.

A use case queues them in the transaction of the change: `events.queue(tx, backend, caller, environment, EventName.CREATED)`.
"""

from enum import StrEnum

import msgspec
from sqlalchemy import Connection

from common.backend import Backend
from common.environments.model import Environment
from common.outbox import steps as outbox
from common.outbox.model import Message, NewMessage
from common.rights.caller import Caller

TOPIC = "environment-event"


class EventName(StrEnum):
    """The names of events, as filters of webhooks have them."""

    CREATED = "environment_created"
    DELETED = "environment_deleted"
    REVISION_CREATED = "environment_revision_created"
    REVISION_RETRACTED = "environment_revision_retracted"
    REVISION_TAG_CREATED = "environment_revision_tag_created"
    REVISION_TAG_UPDATED = "environment_revision_tag_updated"
    REVISION_TAG_DELETED = "environment_revision_tag_deleted"
    TAG_CREATED = "environment_tag_created"
    TAG_UPDATED = "environment_tag_updated"
    TAG_DELETED = "environment_tag_deleted"
    IMPORT_CHANGED = "imported_environment_changed"
    ROTATION_SUCCEEDED = "environment_rotation_succeeded"
    ROTATION_FAILED = "environment_rotation_failed"


class ImportedRevision(msgspec.Struct, frozen=True):
    """The revision of an imported environment that importers have from now on."""

    project: str
    name: str
    revision: int


class EnvironmentEvent(msgspec.Struct, tag="environment", frozen=True):
    """Something happened to an environment. `revision`, `tag`, and what was imported are set for the events that have them."""

    name: str
    environment_id: str
    org_id: str
    org: str
    project: str
    environment: str
    user_id: str
    revision: int | None = None
    tag: str = ""
    error: str = ""
    affected_revisions: tuple[int, ...] = ()
    imported: ImportedRevision | None = None

    @property
    def kind(self) -> str:
        """Return the kind of webhook: the name without its last word, or all of it for imports."""
        return self.name if self.name == EventName.IMPORT_CHANGED else self.name.rpartition("_")[0]

    @property
    def action(self) -> str:
        """Return the last word of the name."""
        return self.name.rpartition("_")[2]


_decoder = msgspec.json.Decoder(EnvironmentEvent)


def queue(
    tx: Connection,
    backend: Backend,
    caller: Caller,
    environment: Environment,
    name: EventName,
    *,
    revision: int | None = None,
    tag: str = "",
    error: str = "",
) -> None:
    """Queue an event in the transaction of its cause."""
    path = environment.path
    event = EnvironmentEvent(
        name=name,
        environment_id=environment.id,
        org_id=environment.org_id,
        org=path.org,
        project=path.project,
        environment=path.name,
        user_id=caller.user_id,
        revision=revision,
        tag=tag,
        error=error,
    )
    queue_event(tx, backend, event)


def queue_event(tx: Connection, backend: Backend, event: EnvironmentEvent) -> None:
    """Queue an event in the transaction of its cause, where its environment is not loaded."""
    outbox.queue(tx, backend, [NewMessage(TOPIC, "", event.environment_id, msgspec.json.encode(event).decode())])


def read(message: Message) -> EnvironmentEvent:
    """Return the event of a message."""
    return _decoder.decode(message.content)
