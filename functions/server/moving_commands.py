"""What `stackhold import` and `stackhold export` do."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from common.config.object_stores import open_address
from common.config.settings import Settings
from common.core.errors import BackendError, StartUpError
from common.installation.moving import moves
from common.installation.moving.api_source import ApiSource
from common.installation.moving.diy.source import DiySource
from common.installation.moving.diy.target import DiyTarget
from common.installation.moving.model import MovingError, Outcome, Result, Source, StackName
from common.installation.moving.moves import Target
from common.installation.moving.service import InstallationTarget, find_owner
from common.installation.moving.teams import import_team
from common.ports.blobs import Bucket, StoreError
from functions.server import startup
from functions.server.api_client import ApiClient
from functions.server.config_files import make_folder, write_config_files
from functions.server.listener import login_address
from functions.server.progress import Progress

Report = Callable[[str], object]
_SIGNS = {Outcome.NEW: "+", Outcome.MOVED: "+", Outcome.UNCHANGED: "=", Outcome.FAILED: "!"}
_PASSPHRASE, _PASSPHRASE_FILE = "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"
_NO_PASSPHRASE = f"set {_PASSPHRASE}: it encrypts the secrets that this service has encrypted, and the client will ask for it"
# A service that is busy is asked again for half a minute.
_ATTEMPTS = 6
_SCHEME = "file://"


@dataclass(frozen=True, slots=True)
class Service:
    """Another service: its address, the variable with a token for it, and an organization there."""

    url: str
    token_variable: str
    org: str


class Moving:
    """One run of a command that moves stacks."""

    def __init__(
        self,
        stacks: Sequence[str],
        *,
        parallel: int,
        is_dry_run: bool,
        as_json: bool,
        report: Report,
        config_files: Path | None = None,
    ) -> None:
        """Move these stacks (`project/stack`), or all if there are none. Raises StartUpError for a text that names no stack."""
        self._names = [_stack_name(text) for text in stacks]
        self._parallel, self._is_dry_run, self._as_json = parallel, is_dry_run, as_json
        self._report, self._config_files = report, config_files
        self._moved: set[StackName] = set()
        # The report for a program.
        self._content: dict[str, object] = {}

    def import_diy(self, settings: Settings, place: str, *, org: str, owner: str, project: str) -> bool:
        """Import from a DIY backend, report it, and tell whether nothing failed."""
        bucket, words = _open_bucket(settings, place)
        source = DiySource(bucket, words, project)
        return self._ended(self._import(settings, source, org, owner, ""))

    def import_service(
        self, settings: Settings, service: Service, *, org: str, owner: str, url: str | None, with_teams: bool
    ) -> bool:
        """Import through the API of another service, report it, and tell whether nothing failed."""
        token = os.environ.get(service.token_variable)
        if not token:
            raise StartUpError(f"{service.token_variable} is not set: it must have an access token for {service.url}")
        api = ApiClient.connected(service.url.rstrip("/"), token, attempts=_ATTEMPTS)
        source = ApiSource(api, service.org, self._names)
        is_done = self._import(settings, source, org, owner, url or login_address(settings))
        return self._ended((not with_teams or self._import_teams(settings, source, org, owner)) and is_done)

    def export_diy(self, settings: Settings, place: str, *, org: str) -> bool:
        """Export to a DIY backend, report it, and tell whether nothing failed."""
        source = ApiSource(ApiClient.signed_in(os.environ, attempts=_ATTEMPTS), org, self._names)
        bucket, words = _open_bucket(settings, place, is_new=True)
        try:
            target = DiyTarget(bucket, words, _passphrase)
        except MovingError as error:
            raise StartUpError(str(error)) from error
        return self._ended(self._move(source, target))

    def _ended(self, is_done: bool) -> bool:  # noqa: FBT001 - what it returns
        if self._as_json:
            self._report(msgspec.json.encode(self._content).decode())
        return is_done

    def _import_teams(self, settings: Settings, source: ApiSource, org: str, owner: str) -> bool:
        moved = source.list_teams()
        with closing(startup.open_existing(settings)) as backend:
            new_owner = find_owner(backend, org, owner)
            results = [import_team(backend, new_owner, team, self._moved, is_dry_run=self._is_dry_run) for team in moved]
        self._content["teams"] = results
        for result in () if self._as_json else results:
            self._report(shown(f"{_SIGNS[result.outcome]} team {result.name}: {result.outcome} {result.problem}".rstrip()))
            for note in result.notes:
                self._report(shown(f"    {note}"))
        return all(result.outcome is not Outcome.FAILED for result in results)

    def _import(self, settings: Settings, source: Source, org: str, owner: str, url: str) -> bool:
        with closing(startup.open_existing(settings)) as backend:
            try:
                new_owner = find_owner(backend, org, owner)
            except BackendError as error:
                raise StartUpError(error.detail) from error
            return self._move(source, InstallationTarget(backend, new_owner, url.rstrip("/")))

    def _move(self, source: Source, target: Target) -> bool:
        names = source.list_names()
        if missing := [name for name in self._names if name not in names]:
            raise StartUpError(f"{source.words} has no stack {missing[0]}")
        if self._config_files is not None and not self._is_dry_run:
            make_folder(self._config_files)
        progress = Progress()
        try:
            results = moves.move(
                source,
                target,
                self._names or names,
                is_dry_run=self._is_dry_run,
                parallel=self._parallel,
                show=lambda text: progress.show(shown(text)),
            )
        finally:
            progress.end()
            # Also after an interruption: the next run passes over the stacks that are there.
            files = write_config_files(self._config_files, target.config_files) if self._config_files is not None else []
        self._moved = {result.name for result in results if result.outcome is not Outcome.FAILED}
        self._content["stacks"] = _json(results)
        if not self._as_json:
            self._report("\n".join([*_lines(results, source.words), *files]))
        return all(result.outcome is not Outcome.FAILED for result in results)


def _open_bucket(settings: Settings, place: str, *, is_new: bool = False) -> tuple[Bucket, str]:
    # The client takes `file://~` and relative folders too.
    address = str(Path(place.removeprefix(_SCHEME)).expanduser()) if place.startswith(_SCHEME) else place
    store = open_address(settings, "the backend's address", address)
    if store.folder is not None and not store.folder.is_dir():
        if not is_new:
            raise StartUpError(f"there is no folder {store.folder}")
        store.folder.mkdir(mode=0o700, parents=True)
    bucket = Bucket(store.driver)
    try:
        bucket.page("", "", 1)
    except (OSError, StoreError, BackendError) as error:
        raise StartUpError(f"{store.words} cannot be read: {error}") from error
    return bucket, store.words


def shown(text: str) -> str:
    """Return a text of another backend as a line for a terminal, without what would control it."""
    return "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in text)


def _passphrase() -> str:
    if (passphrase := os.environ.get(_PASSPHRASE)) is not None:
        return passphrase
    file = os.environ.get(_PASSPHRASE_FILE)
    if not file:
        raise StartUpError(_NO_PASSPHRASE)
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise StartUpError(f"{_PASSPHRASE_FILE}: {file} cannot be read: {error.strerror}") from error


def _stack_name(text: str) -> StackName:
    project, separator, name = text.partition("/")
    if not (project and separator and name) or "/" in name:
        raise StartUpError(f"{text[:300]!a} is not a stack: write project/stack")
    return StackName(project, name)


def _lines(results: Sequence[Result], words: str) -> list[str]:
    lines = [f"stacks of {words}"]
    for result in results:
        detail = result.problem or _count(result.updates, "update")
        lines.append(f"{_SIGNS[result.outcome]} {result.name}: {result.outcome}, {detail}")
        lines += [f"    {note}" for note in result.notes]
    counts = Counter(result.outcome for result in results)
    updates = sum(result.updates for result in results)
    summary = ", ".join(f"{counts[outcome]:,} {outcome}" for outcome in Outcome if counts[outcome])
    total = f"{_count(len(results), 'stack')} with {_count(updates, 'update')}"
    return [*map(shown, lines), f"{total}: {summary or 'nothing to move'}"]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _json(results: Sequence[Result]) -> list[dict[str, object]]:
    return [
        {
            "stack": str(result.name),
            "outcome": result.outcome,
            "updates": result.updates,
            "problem": result.problem,
            "notes": result.notes,
        }
        for result in results
    ]
