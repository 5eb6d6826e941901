"""Reads the stacks of a DIY backend, in both layouts."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec

from common.core.errors import BackendError
from common.installation.moving import config_values, states
from common.installation.moving.diy import layout
from common.installation.moving.diy.layout import StackFiles
from common.installation.moving.model import IN_PROGRESS, MovedStack, MovingError, StackName, Update
from common.ports.blobs import Bucket

_PAGE = 1000


class _Record(msgspec.Struct, rename="camel"):
    """An update in a history: upstream's backend.UpdateInfo."""

    kind: str = "update"
    start_time: int = 0
    end_time: int = 0
    message: str | None = None
    environment: dict[str, str] | None = None
    config: dict[str, Any] | None = None
    result: str = ""
    # Operation → number of resources.
    resource_changes: dict[str, int] | None = None


class _Tags(msgspec.Struct):
    tags: dict[str, str] | None = None


class DiySource:
    """A folder, a bucket or a container that `pulumi login` names. What it has is listed once."""

    has_service = False

    def __init__(self, bucket: Bucket, words: str, default_project: str = "") -> None:
        """List the files; `default_project` is for stacks of the legacy layout with an empty state."""
        self._bucket, self.words = bucket, words
        self._files: dict[StackName, StackFiles] = {}
        self._problems: dict[StackName, str] = {}
        for files in layout.sort(self._keys()):
            self._add(files, default_project)

    def list_names(self) -> list[StackName]:
        """Return the stacks, also those that cannot be moved."""
        return sorted({*self._files, *self._problems}, key=str)

    def load(self, name: StackName) -> MovedStack:
        """Return a stack; raises MovingError."""
        if name in self._problems:
            raise MovingError(self._problems[name])
        files = self._files[name]
        if files.lock:
            raise MovingError(f"an update of it runs ({files.lock}); if none does, run `pulumi cancel`")
        updates = [
            self._update(version, files, stamp) for version, (stamp, _key) in enumerate(sorted(files.histories.items()), 1)
        ]
        if updates and not updates[-1].state:
            updates[-1] = replace(updates[-1], state=files.state)
        last = self._last_change(name, files, updates[-1] if updates else None)
        notes = ("the layout without projects",) if not files.project else ()
        return MovedStack(name, self._tags(files), [*updates, *last], notes=notes)

    def get_state(self, stack: MovedStack, update: Update) -> bytes | None:
        """Return the state after an update; raises MovingError."""
        if not update.state:
            raise MovingError(f"{self.words} has no state of version {update.version} of {stack.name}")
        return states.from_checkpoint(self._read(update.state), update.state)

    def decrypt(self, name: StackName, ciphertexts: list[str]) -> dict[str, bytes]:
        """Raise MovingError: in a DIY backend the client encrypts."""
        raise MovingError(f"{len(ciphertexts):,} secrets of {name} are encrypted by another service")

    def _add(self, files: StackFiles, default_project: str) -> None:
        try:
            name = StackName(files.project, files.name) if files.project else self._name_in_states(files, default_project)
        except MovingError as error:
            self._problems[StackName("", files.name)] = str(error)
            return
        if name in self._files:
            self._problems[name] = f"{self._files[name].state} and {files.state} are the same stack"
        self._files[name] = files

    def _name_in_states(self, files: StackFiles, default_project: str) -> StackName:
        """Return the name of a stack of the legacy layout, with the project that its newest state with resources names."""
        for key in (files.state, *(files.checkpoints[stamp] for stamp in sorted(files.checkpoints, reverse=True))):
            named = states.find_name(states.from_checkpoint(self._read(key), key))
            if named is not None:
                return StackName(named.project, files.name)
        if not default_project:
            raise MovingError("its states name no project: pass --project")
        return StackName(default_project, files.name)

    def _update(self, version: int, files: StackFiles, stamp: int) -> Update:
        key = files.histories[stamp]
        try:
            record = msgspec.json.decode(self._read(key), type=_Record)
        except msgspec.MsgspecError as error:
            raise MovingError(f"{key} is not an update: {error}") from error
        if record.result == IN_PROGRESS:
            raise MovingError(f"{key} is of an update that has not ended")
        return Update(
            version=version,
            kind=record.kind,
            result=record.result,
            started_at=record.start_time,
            ended_at=record.end_time,
            message=record.message or "",
            environment=record.environment or {},
            config=config_values.from_diy(record.config or {}),
            resource_changes=msgspec.json.encode(record.resource_changes) if record.resource_changes is not None else None,
            state=files.checkpoints.get(stamp, ""),
        )

    def _last_change(self, name: StackName, files: StackFiles, last: Update | None) -> list[Update]:
        """Return what changed the state after the last update and is in no history: an import, an edit or a rename."""
        current = self._read(files.state)
        if last is not None and (last.state == files.state or self._read(last.state) == current):
            return []
        state = states.from_checkpoint(current, files.state)
        if last is None and state is None:
            return []
        named = states.find_name(states.from_checkpoint(self._read(last.state), last.state)) if last is not None else None
        kind = "rename" if named is not None and named != name else "import"
        at = files.written_at // 1000
        return [Update(last.version + 1 if last is not None else 1, kind, "succeeded", at, at, state=files.state)]

    def _tags(self, files: StackFiles) -> dict[str, str]:
        if not files.tags:
            return {}
        try:
            return msgspec.json.decode(self._read(files.tags), type=_Tags).tags or {}
        except msgspec.MsgspecError as error:
            raise MovingError(f"{files.tags} has no tags: {error}") from error

    def _read(self, key: str) -> bytes:
        try:
            return states.inflated(self._bucket.get_stored(key), key)
        except BackendError as error:
            raise MovingError(error.detail) from error

    def _keys(self) -> Iterator[tuple[str, int]]:
        after = layout.ROOT
        while page := self._bucket.page(layout.ROOT, after, _PAGE):
            if page[-1][0] <= after:
                raise MovingError(f"{self.words} lists the same files again and again")
            yield from page
            after = page[-1][0]
