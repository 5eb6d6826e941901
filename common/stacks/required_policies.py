"""The policy packs that an update of a stack must run, and where clients download them.

Two groups may apply the same pack: the client gets the higher version once, and that of a preventative group before that of an
audit group. Packs of audit groups go to an update as advisory ones, since the client runs every pack that it is sent.
"""

import msgspec
from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import unix_millis
from common.rights.caller import Caller
from common.rights.predicate import Entity
from common.stacks import policy_archives
from common.stacks.engine.policy_groups import AppliedPack, Mode, RequiredPolicy, StackGroup, groups_of_stack
from common.stacks.model import Stack
from common.stacks.repository import required_policies as repository

_LEVEL = "enforcementLevel"
_ADVISORY, _DISABLED = "advisory", "disabled"
_ALL = "all"


class _Policy(msgspec.Struct, rename="camel"):
    name: str
    enforcement_level: str | None = None


class _Details(msgspec.Struct):
    policies: list[_Policy] = []


def find_for_update(connection: Connection, backend: Backend, caller: Caller, stack: Stack) -> tuple[RequiredPolicy, ...]:
    """Return the packs for an update. No statement in an organization without enabled packs, else one or two."""
    if not _has_policies(caller, stack):
        return ()
    chosen: dict[str, tuple[tuple[bool, int], AppliedPack, Mode]] = {}
    for group, packs in _groups(connection, stack).items():
        for pack in packs:
            rank = (group.mode is Mode.PREVENTATIVE, pack.version)
            if pack.name not in chosen or rank > chosen[pack.name][0]:
                chosen[pack.name] = (rank, pack, group.mode)
    required = [(pack, _advisory(pack) if mode is Mode.AUDIT else pack.config) for _, pack, mode in chosen.values()]
    return _required(connection, backend, stack, required)


def find_of_mode(
    connection: Connection, backend: Backend, caller: Caller, stack: Stack, mode: Mode | None
) -> tuple[RequiredPolicy, ...]:
    """Return the packs of the stack's groups of one mode, or of both, with their own configuration."""
    if not _has_policies(caller, stack):
        return ()
    chosen: dict[str, AppliedPack] = {}
    for group, packs in _groups(connection, stack).items():
        for pack in packs if mode in (None, group.mode) else ():
            if pack.name not in chosen or pack.version > chosen[pack.name].version:
                chosen[pack.name] = pack
    return _required(connection, backend, stack, [(pack, pack.config) for pack in chosen.values()])


def list_groups(connection: Connection, stack: Stack) -> list[StackGroup]:
    """Return all groups of the stack's organization that have a row."""
    return list(repository.list_groups(connection, stack.org_id, stack.id))


def list_groups_with_packs(connection: Connection, stack: Stack) -> dict[StackGroup, list[AppliedPack]]:
    """Return all groups of the stack's organization that have a row, with their packs."""
    return repository.list_groups(connection, stack.org_id, stack.id)


def find_groups_of_packs(connection: Connection, org_id: str, entity: Entity) -> dict[str, StackGroup]:
    """Return pack name → the group of a stack that applies it to updates."""
    groups = repository.list_groups(connection, org_id, entity.id)
    chosen: dict[str, tuple[tuple[bool, int], StackGroup]] = {}
    for group in groups_of_stack(groups, entity):
        for pack in groups[group]:
            rank = (group.mode is Mode.PREVENTATIVE, pack.version)
            if pack.name not in chosen or rank > chosen[pack.name][0]:
                chosen[pack.name] = (rank, group)
    return {name: group for name, (_, group) in chosen.items()}


def _has_policies(caller: Caller, stack: Stack) -> bool:
    # A caller may find a stack by a former name, in an organization that they do not belong to.
    membership = caller.membership(stack.path.org)
    return membership is None or membership.settings.has_policies


def _groups(connection: Connection, stack: Stack) -> dict[StackGroup, list[AppliedPack]]:
    groups = repository.list_groups(connection, stack.org_id, stack.id)
    return {group: groups[group] for group in groups_of_stack(groups, stack.entity)}


def _required(
    connection: Connection, backend: Backend, stack: Stack, packs: list[tuple[AppliedPack, str | None]]
) -> tuple[RequiredPolicy, ...]:
    """Return packs with their configuration as a client gets them, with exceptions and addresses."""
    names = {pack.name for pack, _ in packs if pack.has_exceptions}
    now_millis = unix_millis(backend.clock.now())
    exceptions = repository.list_exceptions(connection, stack.org_id, names, now_millis) if names else {}
    return tuple(_required_pack(backend, pack, config, exceptions.get(pack.name, [])) for pack, config in packs)


def _required_pack(backend: Backend, pack: AppliedPack, config: str | None, rows: list[tuple[int, str, str]]) -> RequiredPolicy:
    location = policy_archives.download_link(backend, pack.blob_key)
    exceptions = {f"EXC-{number}": {"reason": reason, "match": msgspec.Raw(matches.encode())} for number, reason, matches in rows}
    return RequiredPolicy(
        pack.name,
        pack.version,
        pack.tag,
        pack.display_name,
        location,
        config,
        pack.environments,
        msgspec.json.encode(exceptions).decode() if exceptions else None,
    )


def _advisory(pack: AppliedPack) -> str:
    """Return the configuration of a pack in which no policy can stop an update or change a resource."""
    config = msgspec.json.decode(pack.config, type=dict[str, object]) if pack.config else {}
    defaults = {
        policy.name: policy.enforcement_level for policy in msgspec.json.decode(pack.details or "{}", type=_Details).policies
    }
    everything = _level(config.pop(_ALL, None))
    result: dict[str, object] = {}
    for name in sorted({*config, *defaults}):
        entry = config.get(name)
        is_off = (_level(entry) or everything or defaults.get(name)) == _DISABLED
        result[name] = {**(entry if isinstance(entry, dict) else {}), _LEVEL: _DISABLED if is_off else _ADVISORY}
    return msgspec.json.encode(result).decode()


def _level(entry: object) -> object:
    return entry.get(_LEVEL) if isinstance(entry, dict) else entry
