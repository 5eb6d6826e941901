"""Scenes of running updates, for each kind of update. Calls of the engine have the token of the update's lease."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pulumi_cloud_sdk import models

from common.stacks.engine import delta
from tests.contract.sdk_client import with_lease
from tests.contract.sdk_scene import PROJECT, SCENES, Scene, refused, scene

KINDS = ("update", "preview", "refresh", "destroy")
OPTIONS = models.AppUpdateOptions([], "never", False, 1, False, False, False, False, False)
DRY_RUN = models.AppUpdateOptions([], "never", True, 1, False, False, False, False, False)
STATE = {"version": 3, "deployment": {"manifest": {}, "resources": []}}


def program(kind: str) -> Any:
    """Return the program of an update; that of a preview is a dry run."""
    options = DRY_RUN if kind == "preview" else OPTIONS
    return models.AppUpdateProgramRequest(PROJECT, "yaml", "", "", options, {}, models.AppUpdateMetadata("hi", {}))


@dataclass(frozen=True, slots=True)
class Live:
    """An update of one kind: the SDK's calls of that kind, as the admin and with the lease."""

    where: Scene
    kind: str
    stack: str
    id: str
    lease: Any = None

    def admin(self, name: str) -> Callable[..., Any]:
        """Return a call of the admin about this update."""
        return self._call(self.where.admin.stacks, name)

    def engine(self, name: str) -> Callable[..., Any]:
        """Return a call of the engine about this update."""
        return self._call(self.lease, name)

    def _call(self, stacks: Any, name: str) -> Callable[..., Any]:
        call = getattr(stacks, f"{name}_{self.kind}")
        return lambda *request, **query: call(self.where.org, PROJECT, self.stack, self.id, *request, **query)


def create(where: Scene, kind: str) -> Live:
    """Create an update of a new stack."""
    stack = where.stack()
    call = getattr(where.admin.stacks, f"create_update_for_{kind}")
    return Live(where, kind, stack, call(where.org, PROJECT, stack, program(kind)).update_id)


def start(where: Scene, kind: str, journal: int = 2) -> Live:
    """Create and start an update."""
    new = create(where, kind)
    started = new.admin("start_update_for")(models.AppStartUpdateRequest(None, journal))
    return Live(where, kind, new.stack, new.id, with_lease(where.url, started.token, where.decoded))


def line(number: int) -> Any:
    """Return an engine event."""
    return models.AppEngineEvent(number, 1, stdout_event=models.AppStdoutEngineEvent(f"line {number}", "never"))


def create_update_for(where: Scene, kind: str) -> None:
    """An update has an id, and no policies at first."""
    assert create(where, kind).id


def start_update_for(where: Scene, kind: str) -> None:
    """A started update has a lease."""
    assert start(where, kind).lease


def get_update_status_for(where: Scene, kind: str) -> None:
    """The status of an update changes when it is started."""
    new = create(where, kind)
    before = new.admin("get_update_status_for")().status
    new.admin("start_update_for")(models.AppStartUpdateRequest())

    assert ["not started", "running"] == [before.value, new.admin("get_update_status_for")().status.value]


def cancel_update(where: Scene, kind: str) -> None:
    """A canceled update accepts nothing more."""
    live = start(where, kind)
    live.admin("cancel_update")()

    with refused(403):
        live.engine("record_engine_event_batch")(models.AppEngineEventBatch([line(0)]))


def complete_update(where: Scene, kind: str) -> None:
    """An update ends as its engine says."""
    live = start(where, kind)
    live.engine("complete_update")(models.AppCompleteUpdateRequest(models.AppUpdateStatus("failed")))

    assert "failed" == live.admin("get_update_status_for")().status.value


def renew_update_lease(where: Scene, kind: str) -> None:
    """A lease is renewed."""
    assert start(where, kind).engine("renew_update_lease")(models.AppRenewUpdateLeaseRequest("", 300)).token


def record_engine_event(where: Scene, kind: str) -> None:
    """One event is stored."""
    start(where, kind).engine("record_engine_event")(line(0))


def record_engine_event_batch(where: Scene, kind: str) -> None:
    """Several events are stored."""
    start(where, kind).engine("record_engine_event_batch")(models.AppEngineEventBatch([line(0), line(1)]))


def append_update_log_entry(where: Scene, kind: str) -> None:
    """A line of the log is stored as an event."""
    live = start(where, kind)
    live.engine("append_update_log_entry")(models.AppAppendUpdateLogEntryRequest("stdout", {"text": "hi"}))

    assert "hi" == live.admin("get_engine_events")().events[0].stdout_event.message


def get_engine_events(where: Scene, kind: str) -> None:
    """Events come back in order, with where to go on."""
    live = start(where, kind)
    live.engine("record_engine_event_batch")(models.AppEngineEventBatch([line(1), line(0)]))
    found = live.admin("get_engine_events")()

    assert (["line 0", "line 1"], "2") == ([event.stdout_event.message for event in found.events], found.continuation_token)


def create_journal_entries(where: Scene, kind: str) -> None:
    """An empty batch of entries is accepted by each kind of update."""
    start(where, kind).engine("create_journal_entries")(models.AppJournalEntries([]))


def patch_update_checkpoint(where: Scene, kind: str) -> None:
    """A whole state is stored."""
    request = models.AppPatchUpdateCheckpointRequest(False, 3, None, STATE["deployment"])
    start(where, kind, journal=0).engine("patch_update_checkpoint")(request)


def patch_update_verbatim_checkpoint(where: Scene, kind: str) -> None:
    """A whole state with a number is stored."""
    request = models.AppPatchUpdateVerbatimCheckpointRequest(3, 1, STATE)
    start(where, kind, journal=0).engine("patch_update_verbatim_checkpoint")(request)


def patch_update_checkpoint_delta(where: Scene, kind: str) -> None:
    """A difference to the state before is applied; the SDK writes JSON with blanks, which the first digest says."""
    live = start(where, kind, journal=0)
    live.engine("patch_update_verbatim_checkpoint")(models.AppPatchUpdateVerbatimCheckpointRequest(3, 1, STATE))
    text = b'{"version": 3, "deployment": {"manifest": {}, "resources": []}}'

    live.engine("patch_update_checkpoint_delta")(models.AppPatchUpdateCheckpointDeltaRequest(3, delta.digest(text), 2, []))


OF_EVERY_KIND = (
    create_update_for,
    start_update_for,
    get_update_status_for,
    cancel_update,
    complete_update,
    renew_update_lease,
    record_engine_event,
    record_engine_event_batch,
    append_update_log_entry,
    get_engine_events,
)
# A preview stores events alone, and upstream has these calls for the other kinds.
OF_CHANGES = (patch_update_checkpoint, patch_update_verbatim_checkpoint, patch_update_checkpoint_delta)


def register(play: Callable[[Scene, str], None], kind: str) -> None:
    """Register the scene of an operation for one kind of update."""
    SCENES[f"{play.__name__}_{kind}"] = lambda where: play(where, kind)


for _kind in KINDS:
    for _play in (*OF_EVERY_KIND, create_journal_entries, *(OF_CHANGES if _kind != "preview" else ())):
        register(_play, _kind)


@scene
def begin_update(where: Scene) -> None:
    """An update is created and started at once; the reply has the state that it begins with."""
    stack = where.stack()
    where.admin.stacks.import_stack(where.org, PROJECT, stack, models.AppImportStackRequest(3, None, STATE["deployment"]))
    request = models.AppBeginUpdateRequest(models.AppUpdateKind("update"), program("update"), None, 2)

    begun = where.admin.stacks.begin_update(where.org, PROJECT, stack, request)

    assert (2, stack, 3) == (begun.version, begun.stack.stack_name, begun.deployment.version)
