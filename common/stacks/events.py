"""Events of stacks: messages of the outbox that other areas, such as webhooks, react to after the commit.

A use case queues them in the transaction of the change, together with its other messages:
`outbox.queue(tx, backend, [events.stack_created(stack, caller)])`.
"""

from dataclasses import dataclass

import msgspec

from common.outbox.model import Message, NewMessage
from common.rights.caller import Caller
from common.stacks.model import Kind, Stack, StackPath

TOPIC = "stack-event"
# The names of events by the kind of update; a state that was imported and resources that were imported have the same.
_WORDS = {
    Kind.UPDATE: "update",
    Kind.REFRESH: "refresh",
    Kind.DESTROY: "destroy",
    Kind.IMPORT: "import",
    Kind.RESOURCE_IMPORT: "import",
}


class StackEvent(msgspec.Struct, tag="stack", frozen=True):
    """A stack was created or deleted. `name` is the event's name, as filters of webhooks have it."""

    name: str
    stack_id: str
    org: str
    project: str
    stack: str
    action: str
    user_id: str


class UpdateEvent(msgspec.Struct, tag="update", frozen=True):
    """An update or preview started or ended; the rest is in its row. A preview has no version."""

    name: str
    stack_id: str
    org: str
    project: str
    stack: str
    update_id: str
    kind: str
    result: str
    is_preview: bool
    version: int | None


class ViolationEvent(msgspec.Struct, tag="violation", frozen=True):
    """An update opened an issue of a policy, or opened one again that was fixed."""

    name: str
    stack_id: str
    org: str
    project: str
    stack: str
    update_id: str
    version: int
    pack: str
    pack_version: str
    policy: str
    level: str
    message: str
    urn: str


Event = StackEvent | UpdateEvent | ViolationEvent
_decoder = msgspec.json.Decoder(Event)


@dataclass(frozen=True, slots=True)
class Run:
    """An update or preview of a stack."""

    stack_id: str
    path: StackPath
    update_id: str
    kind: Kind
    dry_run: bool
    version: int | None


def stack_created(stack: Stack, caller: Caller) -> NewMessage:
    """Return the message that a stack was created."""
    return _stack(stack, caller, "created")


def stack_deleted(stack: Stack, caller: Caller) -> NewMessage:
    """Return the message that a stack was deleted."""
    return _stack(stack, caller, "deleted")


def started(run: Run) -> NewMessage:
    """Return the message that an update started."""
    return _update(run, "update_started", "started")


def ended(run: Run, *, is_success: bool) -> list[NewMessage]:
    """Return the message that an update or preview ended, if its kind has an event."""
    word = "preview" if run.dry_run else _WORDS.get(run.kind)
    result = "succeeded" if is_success else "failed"
    return [_update(run, f"{word}_{result}", result)] if word is not None else []


def violated(event: ViolationEvent, dedupe_key: str) -> NewMessage:
    """Return the message that an update violated a policy."""
    return NewMessage(TOPIC, "", event.stack_id, msgspec.json.encode(event).decode(), dedupe_key)


def read(message: Message) -> Event:
    """Return the event of a message."""
    event: Event = _decoder.decode(message.content)
    return event


def _stack(stack: Stack, caller: Caller, action: str) -> NewMessage:
    path = stack.path
    return _message(StackEvent(f"stack_{action}", stack.id, path.org, path.project, path.name, action, caller.user_id))


def _update(run: Run, name: str, result: str) -> NewMessage:
    path = run.path
    return _message(
        UpdateEvent(
            name=name,
            stack_id=run.stack_id,
            org=path.org,
            project=path.project,
            stack=path.name,
            update_id=run.update_id,
            kind=_WORDS.get(run.kind, run.kind.value),
            result=result,
            is_preview=run.dry_run,
            version=None if run.dry_run else run.version,
        )
    )


def _message(event: Event) -> NewMessage:
    return NewMessage(TOPIC, "", event.stack_id, msgspec.json.encode(event).decode())
