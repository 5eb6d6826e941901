"""Writes stacks as a DIY backend has them, so that `pulumi login` works with the place.

A stack's own file is written last: before it, the client does not see the stack.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from common.installation.moving import config_values, passphrase, states
from common.installation.moving.diy import layout
from common.installation.moving.diy.source import DiySource
from common.installation.moving.model import ConfigFile, MovedStack, MovingError, Outcome, Source, StateDeleted, Update
from common.installation.moving.passphrase import PassphraseCrypter
from common.installation.moving.translation import Translator, uses_service
from common.ports.blobs import Bucket

_NANOS = 1_000_000_000
_TAGS_VERSION = 1


class DiyTarget:
    """A place for a DIY backend. `phrase` returns the passphrase that encrypts what the source's service has encrypted."""

    def __init__(self, bucket: Bucket, words: str, phrase: Callable[[], str]) -> None:
        """List what the place has; raises MovingError for one in the legacy layout."""
        self._bucket, self.words, self._phrase = bucket, words, phrase
        self._present = DiySource(bucket, words)
        self.config_files: list[ConfigFile] = []
        has_meta = bucket.find_size(layout.META) is not None
        if self._present.list_names() and not has_meta:
            raise MovingError(f"{words} has stacks in the layout without projects: choose an empty place")
        self._has_meta = has_meta

    def compare(self, source: Source, stack: MovedStack) -> Outcome:
        """Return NEW for a stack that is missing, UNCHANGED for one that is there already; raises MovingError for another one."""
        if stack.name not in self._present.list_names():
            return Outcome.NEW
        there = self._present.load(stack.name)
        last = len(stack.updates) - 1
        is_same = [update.identity for update in there.updates[: last + 1]] == [update.identity for update in stack.updates]
        if is_same and stack.updates:
            is_same = states.fingerprint(self._present.get_state(there, there.updates[last])) == states.fingerprint(
                source.get_state(stack, stack.updates[last])
            )
        if not is_same:
            raise MovingError(f"another stack of that name is in {self.words}: remove it there, or choose another place")
        return Outcome.UNCHANGED

    def write(self, source: Source, stack: MovedStack) -> list[str]:
        """Write a stack and return notes about it; raises MovingError."""
        if not self._has_meta:
            self._bucket.put_file(layout.META, layout.META_TEXT)
            self._has_meta = True
        writing = _Writing(self._bucket, source, stack, self._phrase)
        writing.run()
        if writing.config_file is not None:
            self.config_files.append(writing.config_file)
        return writing.notes


class _Writing:
    """Writes one stack."""

    def __init__(self, bucket: Bucket, source: Source, stack: MovedStack, phrase: Callable[[], str]) -> None:
        self._bucket, self._source, self._stack, self._phrase = bucket, source, stack, phrase
        self._crypter: PassphraseCrypter | None = None
        self._translator = Translator(source, stack.name, lambda text: self._opened().encrypt(text))
        self.notes: list[str] = []
        self.config_file: ConfigFile | None = None

    def run(self) -> None:
        """Write history and tags, then the stack itself."""
        project, name = self._stack.name.project, self._stack.name.name
        # What an interrupted export has left.
        self._bucket.delete([key for key, _at in self._bucket.page(layout.history_prefix(project, name), "", 1_000_000)])
        stamp, checkpoint, newest = 0, states.to_checkpoint(None, self._stack.name), None
        for update in self._stack.updates:
            stamp = max(stamp + 1, update.ended_at * _NANOS)
            newest, written = self._write_update(update, stamp)
            checkpoint = written or checkpoint
        if newest is not None and self._crypter is not None and newest.config:
            self.config_file = ConfigFile(self._stack.name, config_values.file_text(newest.config, self._crypter.salt))
        if self._stack.tags:
            content = {"version": _TAGS_VERSION, "tags": self._stack.tags}
            self._bucket.put_file(layout.tags_key(project, name), msgspec.json.encode(content))
        self._bucket.put_file(layout.state_key(project, name), checkpoint)

    def _write_update(self, update: Update, stamp: int) -> tuple[Update, bytes | None]:
        """Write an update with its state, and return both; None for a state that the source did not keep."""
        moved, problem = self._translator.config_of(update)
        if problem:
            self.notes.append(problem)
        history, state = layout.history_keys(self._stack.name.project, self._stack.name.name, stamp)
        try:
            text = self._source.get_state(self._stack, update)
        except StateDeleted as error:
            if update is self._stack.updates[-1]:
                raise
            self.notes.append(str(error))
            self._bucket.put_file(history, msgspec.json.encode(_record(moved)))
            return moved, None
        if text is not None and uses_service(text):
            text = states.translated(text, self._translator, passphrase.TYPE, {"salt": self._opened().salt})
        checkpoint = states.to_checkpoint(text, self._stack.name)
        self._bucket.put_file(history, msgspec.json.encode(_record(moved)))
        self._bucket.put_file(state, checkpoint)
        return moved, checkpoint

    def _opened(self) -> PassphraseCrypter:
        if self._crypter is None:
            self._crypter = PassphraseCrypter(self._phrase())
        return self._crypter


def _record(update: Update) -> dict[str, Any]:
    changes = {"resourceChanges": msgspec.Raw(update.resource_changes)} if update.resource_changes is not None else {}
    return {
        "kind": update.kind,
        "startTime": update.started_at,
        "message": update.message,
        "environment": update.environment,
        "config": config_values.to_diy(update.config),
        "version": update.version,
        "result": update.result,
        "endTime": update.ended_at,
        **changes,
    }
