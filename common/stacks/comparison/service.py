"""Use cases that compare the states of two versions, of one stack or of two."""

from base64 import b64decode
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from common.audit import steps as audit
from common.audit.events import Event
from common.backend import Backend
from common.core.compression import unpack
from common.core.errors import BackendError
from common.crypto.owner_keys import open_envelope
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import steps as stacks
from common.stacks.comparison.model import PropertyDifference, StateDifference
from common.stacks.comparison.properties import compare_config
from common.stacks.comparison.resources import compare_states, find_secrets
from common.stacks.engine import document
from common.stacks.engine.document import StoredResource
from common.stacks.model import Stack, StackPath, VersionReference
from common.stacks.overview.values import read_object
from common.stacks.state.steps import load_version, renamed_state
from common.stacks.updates.finishing import get_current_stack
from common.stacks.updates.model import HistoryEntry
from common.stacks.updates.steps import load_newest_runs

# More secrets than these are compared by their ciphertexts.
_OPENED_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class ComparedVersion:
    """A version on one side of a comparison; `at` in unix milliseconds."""

    stack: Stack
    number: int
    at: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is different between two versions; `config` is that of the newest updates that clients ran up to each."""

    before: ComparedVersion
    after: ComparedVersion
    states: StateDifference
    config: list[PropertyDifference]


@dataclass(frozen=True, slots=True)
class _Side:
    version: ComparedVersion
    resources: list[StoredResource]


def find_version(backend: Backend, caller: Caller, path: StackPath, reference: VersionReference) -> ComparedVersion:
    """Return the version of a stack that a reference names. NotFound if the stack has no such version."""
    stack = get_current_stack(backend, caller, path, Permission.STACK_READ)
    version, at = load_version(backend, stack, reference)
    return ComparedVersion(stack, version.number, at)


def compare(
    backend: Backend,
    caller: Caller,
    path: StackPath,
    after: VersionReference,
    *,
    before: VersionReference | None,
    other: StackPath | None = None,
) -> Comparison:
    """Return what is different in a version of a stack from another version, of the same stack or of another one.

    Without `before` that is the version before `after`, or the newest one of the other stack. NotFound if
    there is no such version. Secrets are compared by their ciphertexts, or in clear if the caller may decrypt those of both
    stacks, which is recorded.
    """
    stack = get_current_stack(backend, caller, path, Permission.STACK_READ)
    former = stack if other is None else get_current_stack(backend, caller, other, Permission.STACK_READ)
    later = _load(backend, stack, after)
    if before is None:
        before = VersionReference(max(later.version.number - 1, 1)) if other is None else VersionReference()
    earlier = _load(backend, former, before)
    plaintexts = _plaintexts(backend, caller, earlier, later)
    states = compare_states(earlier.resources, later.resources, plaintexts)
    return Comparison(earlier.version, later.version, states, compare_config(*_configs(backend, earlier, later)))


def _configs(backend: Backend, earlier: _Side, later: _Side) -> list[dict[str, object]]:
    numbers: dict[str, list[int]] = defaultdict(list)
    for side in (earlier, later):
        numbers[side.version.stack.id].append(side.version.number)
    runs = {stack_id: load_newest_runs(backend, stack_id, versions) for stack_id, versions in numbers.items()}
    return [_config(runs[side.version.stack.id].get(side.version.number)) for side in (earlier, later)]


def _config(run: HistoryEntry | None) -> dict[str, object]:
    config = read_object(run.program).get("config") if run is not None else None
    return config if isinstance(config, dict) else {}


def _load(backend: Backend, stack: Stack, reference: VersionReference) -> _Side:
    version, at = load_version(backend, stack, reference)
    resources = list(document.resources(unpack(renamed_state(backend, stack, version))))
    return _Side(ComparedVersion(stack, version.number, at), resources)


def _plaintexts(backend: Backend, caller: Caller, earlier: _Side, later: _Side) -> dict[str, str]:
    """Return the secrets that only one of the states has, in clear, by their ciphertexts, if the caller may decrypt them.

    No one else learns whether two secrets are equal: a user who may only read could guess one, and have it compared.
    """
    sides = (earlier.version.stack, later.version.stack)
    if not all(stacks.may_on_stack(caller, stack, Permission.STACK_DECRYPT) for stack in sides):
        return {}
    sealed = find_secrets(earlier.resources, later.resources)
    if not all(sealed) or sum(map(len, sealed)) > _OPENED_LIMIT:
        return {}
    plaintexts = {}
    for stack, texts in zip(sides, sealed, strict=True):
        plaintexts.update(_open(backend, stack, texts))
    for stack in {stack.id: stack for stack in sides}.values():
        if plaintexts:
            description = f"Compared secrets of stack {stack.path}"
            audit.record_alone(backend, caller, stack.org_id, Event.SECRETS_DECRYPTED, description=description)
    return plaintexts


def _open(backend: Backend, stack: Stack, texts: Iterable[str]) -> dict[str, str]:
    """Return what can be decrypted; secrets of another provider cannot."""
    envelope = open_envelope(backend, stack.id, stack.wrapped_key)
    plaintexts = {}
    for text in texts:
        try:
            plaintexts[text] = envelope.open(b64decode(text, validate=True)).decode()
        except (BackendError, ValueError):
            continue
    return plaintexts
