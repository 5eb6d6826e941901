"""Imports stacks of another backend: with all their updates, dates, tags and states, each stack whole or not at all.

The operator runs it with the installation's settings, while the server may be running. States are stored first; then one
transaction inserts the stack with all its versions. What an interrupted import has stored, a job deletes.
"""

from base64 import b64encode
from dataclasses import dataclass, field

import msgspec

from common.backend import Backend
from common.core.compression import unpack
from common.core.errors import BackendError, NotFound
from common.core.ids import new_id
from common.core.names import require_tags
from common.crypto.envelope import Envelope
from common.db.retry import retry
from common.installation.moving import config_values, states
from common.installation.moving.model import (
    SUCCEEDED,
    ConfigFile,
    MovedStack,
    MovingError,
    Outcome,
    Source,
    Update,
)
from common.installation.moving.translation import Translator, uses_service
from common.people.customer_keys.steps import begin_migration_of_new
from common.people.orgs import steps as orgs
from common.people.users import steps as users
from common.stacks.engine import ordering
from common.stacks.imports import steps
from common.stacks.imports.model import ExistingVersion, ImportedStack, NewOwner, PastVersion
from common.stacks.model import Kind, StackPath, Status
from common.stacks.state.steps import NO_STATE, StoredState, store_state
from common.stacks.updates import programs
from common.stacks.updates.model import Program

# The last second of the year 9999, and the largest number that the column of versions takes.
_LAST_SECOND, _LAST_VERSION = 253_402_300_799, (1 << 31) - 1
_KINDS = set(Kind) - {Kind.CREATE, Kind.DELETE, Kind.PREVIEW}


def find_owner(backend: Backend, org: str, login: str) -> NewOwner:
    """Return the organization and the user that stacks are imported for. NotFound if one of them does not exist."""
    # No permission check in this module: the operator holds the database.
    with backend.db.connect() as connection:
        org_id, user_id = orgs.find_id(connection, org), users.find_id(connection, login)
        customer_key = orgs.get_settings(connection, org_id).customer_key if org_id is not None else None
    if org_id is None:
        raise NotFound(f"there is no organization {org[:80]!a}")
    if user_id is None:
        raise NotFound(f"there is no user {login[:80]!a}")
    return NewOwner(org_id, org, user_id, login, customer_key)


class InstallationTarget:
    """An organization of an installation. `url` is how clients reach it: the secrets provider of a state names it."""

    def __init__(self, backend: Backend, owner: NewOwner, url: str) -> None:
        """Write nothing yet."""
        self._backend, self._owner, self._url = backend, owner, url
        self.config_files: list[ConfigFile] = []

    def compare(self, source: Source, stack: MovedStack) -> Outcome:
        """Return NEW for a stack that is missing, UNCHANGED for one that was imported; raises MovingError for another one."""
        existing = steps.find_existing(self._backend, self._owner, stack.name.project, stack.name.name)
        if existing is None:
            self._require_valid(stack)
            return Outcome.NEW
        versions = existing[1][: len(stack.updates)]
        if [_identity(version) for version in versions] != [(update.version, *_kept(update)) for update in stack.updates]:
            raise MovingError(
                "another stack here has this name, or the stack was updated in the source after its import: delete it here"
            )
        if stack.updates and self._fingerprint(versions[-1]) != states.fingerprint(source.get_state(stack, stack.updates[-1])):
            raise MovingError("a stack with its name and history has another state: delete it here first")
        return Outcome.UNCHANGED

    def write(self, source: Source, stack: MovedStack) -> list[str]:
        """Import a stack and return notes about it; raises MovingError."""
        importing = _Importing(self._backend, self._owner, self._url, source, stack)
        try:
            imported = importing.store()
            retry(lambda: self._add(imported))
        except BackendError as error:
            raise MovingError(error.detail) from error
        if importing.config_file is not None:
            self.config_files.append(importing.config_file)
        return importing.notes

    def _add(self, imported: ImportedStack) -> None:
        with self._backend.db.begin() as tx:
            steps.add(tx, self._backend, self._owner, imported)
            # An import may take longer than a migration that began meanwhile.
            customer_key = orgs.get_settings(tx, self._owner.org_id).customer_key
            begin_migration_of_new(tx, self._backend, self._owner.org_id, [imported.wrapped_key], customer_key)

    def _require_valid(self, stack: MovedStack) -> None:
        try:
            require_tags(stack.tags)
        except BackendError as error:
            raise MovingError(error.detail) from error
        before = 0
        for update in stack.updates:
            if not before < update.version <= _LAST_VERSION:
                raise MovingError(f"version {update.version} follows version {before}")
            if not all(0 <= seconds <= _LAST_SECOND for seconds in (update.started_at, update.ended_at)):
                raise MovingError(f"the dates of version {update.version} are not in seconds since 1970")
            before = update.version

    def _fingerprint(self, version: ExistingVersion) -> str:
        if version.checkpoint is None:
            return ""
        try:
            text = unpack(self._backend.checkpoints.get_intact(version.checkpoint))
        except BackendError as error:
            raise MovingError(error.detail) from error
        return states.fingerprint(ordering.applied(text, version.resource_order))


@dataclass(slots=True)
class _Importing:
    """Stores the states of one stack under new keys, and makes its rows."""

    backend: Backend
    owner: NewOwner
    url: str
    source: Source
    stack: MovedStack
    notes: list[str] = field(default_factory=list)
    config_file: ConfigFile | None = None
    _id: str = field(default_factory=new_id)
    _stored: StoredState = NO_STATE
    _digest: str = ""
    _written_as: StackPath | None = None
    _authors: dict[str, str] = field(default_factory=dict)

    def store(self) -> ImportedStack:
        """Store all states, the oldest first, and return the stack with its versions."""
        plain, wrapped = self.backend.data_keys.new(self._id, self.owner.customer_key)
        envelope = Envelope(plain, self._id)
        translator = Translator(self.source, self.stack.name, lambda text: b64encode(envelope.seal(text)).decode())
        versions = [self._version(update, translator) for update in self.stack.updates]
        if versions and versions[-1].damage is not None:
            raise MovingError(versions[-1].damage)
        return ImportedStack(self._id, self._path, self.stack.tags, self.stack.config, wrapped, versions, self._stored.links)

    @property
    def _path(self) -> StackPath:
        return StackPath(self.owner.org, self.stack.name.project, self.stack.name.name)

    def _version(self, update: Update, translator: Translator) -> PastVersion:
        damage = None
        try:
            is_translated = self._store_state(update, translator)
        except (MovingError, BackendError) as error:
            is_translated, damage = False, error.detail if isinstance(error, BackendError) else str(error)
            self.notes.append(f"version {update.version} has no state of its own: {damage}")
        moved, problem = translator.config_of(update)
        if problem:
            self.notes.append(problem)
        if update is self.stack.updates[-1] and is_translated and moved.config:
            self.config_file = ConfigFile(self.stack.name, config_values.file_text(moved.config))
        update_id = new_id()
        kind, _is_success, started_at, ended_at = _kept(moved)
        return PastVersion(
            update_id=update_id,
            version=moved.version,
            kind=Kind(kind),
            is_success=moved.result == SUCCEEDED,
            started_at=started_at * 1000,
            ended_at=ended_at * 1000,
            user_id=self._author(moved.author),
            program=programs.store(self.backend, self._id, update_id, Program(_program(moved), dry_run=False)).text,
            resource_changes=moved.resource_changes,
            checkpoint=self._stored.contents.checkpoint,
            resource_count=self._stored.contents.resource_count,
            written_as=self._written_as or self._path,
            damage=damage,
            integrity_error=self._stored.contents.integrity_error,
        )

    def _store_state(self, update: Update, translator: Translator) -> bool:
        """Store the state after an update, unless it is that of the version before, and tell whether it has service secrets."""
        text = self.source.get_state(self.stack, update)
        is_of_service = uses_service(text)
        if text is None:
            self._stored, self._digest = NO_STATE, ""
            return False
        name = states.find_name(text) or self.stack.name
        path = StackPath(self.owner.org, name.project, name.name)
        if is_of_service:
            provider = states.service_state(self.url, (path.org, path.project, path.name))
            text = states.translated(text, translator, states.SERVICE, provider)
        digest = states.digest(text)
        if digest != self._digest:
            self._stored, self._digest = store_state(self.backend, self._id, text), digest
            self._written_as = path
        return is_of_service

    def _author(self, login: str) -> str:
        """Return the id of the user with the login of an update's author, or that of the new owner."""
        if login and login not in self._authors:
            with self.backend.db.connect() as connection:
                self._authors[login] = users.find_id(connection, login) or self.owner.user_id
        return self._authors.get(login, self.owner.user_id)


def _program(update: Update) -> bytes:
    """Return the request that would have created an update: what a history shows comes from there."""
    metadata = {"message": update.message, "environment": update.environment}
    return msgspec.json.encode({"metadata": metadata, "config": update.config})


def _kept(update: Update) -> tuple[str, bool, int, int]:
    kind, is_success, started_at, ended_at = update.identity
    return (kind if kind in _KINDS else Kind.UPDATE.value), is_success, started_at, ended_at


def _identity(version: ExistingVersion) -> tuple[int, str, bool, int, int]:
    started_at, ended_at = (version.started_at or 0) // 1000, (version.ended_at or 0) // 1000
    return version.version, version.kind, version.status == Status.SUCCEEDED, started_at, ended_at
