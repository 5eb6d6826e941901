"""Policy packs of an organization: publish, list, get, delete.

A client publishes in three calls: it creates a version, stores the archive at an address that needs no token, and completes the
version. It does not look at the reply to the second call, so the third one checks that the archive is there and is a pack.
Clients keep a version by its tag for ever, so a tag never gets other content, also not after it was deleted.
"""

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Conflict, NotFound
from common.core.ids import new_id
from common.db.faults import is_duplicate, is_race
from common.db.retry import retry
from common.policies.packs import keys, repository
from common.policies.packs.archive import PACKED_LIMIT_BYTES, read_digest
from common.policies.packs.model import (
    LATEST,
    PACK_LIMIT,
    VERSION_LIMIT,
    NewPack,
    Pack,
    PackVersion,
    Upload,
    group_versions,
)
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission
from common.stacks import policy_archives


def create_version(backend: Backend, caller: Caller, org: str, new: NewPack, details: str) -> Upload:
    """Create a version that waits for its archive, and return where that is stored; `details` is the text of the request."""
    membership = caller.require(Permission.POLICY_PACK_CREATE, org, missing=missing_org(org))
    new.check()

    def create() -> PackVersion:
        with backend.db.begin() as tx:
            repository.lock(tx, membership.org_id)
            used = repository.used_versions(tx, membership.org_id, new.name)
            _require_space(new, used, repository.count_packs(tx, membership.org_id, without=new.name))
            number, tag = _next_version(new, used)
            version_id = new_id()
            version = PackVersion(
                id=version_id,
                name=new.name,
                version=number,
                tag=tag,
                display_name=new.display_name or new.name,
                blob_key=keys.upload_key(version_id),
                created_at=unix_millis(backend.clock.now()),
                details=details,
            )
            repository.add(tx, membership.org_id, version, created_by=caller.user_id)
            return version

    version = retry(create, when=is_race)
    link = policy_archives.upload_link(backend, version.blob_key)
    return Upload(version.version, link.url, link.headers)


def complete_version(backend: Backend, caller: Caller, org: str, name: str, reference: str) -> None:
    """Make a version usable after checking its archive; BadRequest for what is not a pack, or has a tag of other content."""
    membership = caller.require(Permission.POLICY_PACK_CREATE, org, missing=missing_org(org))
    with backend.db.connect() as connection:
        version = repository.find_incomplete(connection, membership.org_id, name, reference)
        if version is None:
            if repository.find(connection, membership.org_id, name, reference) is not None:
                raise BadRequest(f"version {reference[:100]!a} of policy pack {name[:100]!a} is already complete")
            raise _missing(name, reference)
    archive, digest = _read_upload(backend, version)
    # Of two calls at the same time, each checks and stores what it read.
    blob_key = keys.archive_key(new_id())
    backend.policy_packs.put_file(blob_key, archive)

    def complete() -> None:
        with backend.db.begin() as tx:
            repository.lock(tx, membership.org_id)
            earlier = repository.find_digest(tx, membership.org_id, name, version.tag)
            if earlier is not None and earlier != digest:
                raise BadRequest(
                    f"version {version.tag} of policy pack {name} had other content before; publish this one under a new version,"
                    " because clients keep a version for ever"
                )
            now_millis = unix_millis(backend.clock.now())
            try:
                is_done = repository.complete(tx, version.id, blob_key=blob_key, digest=digest, now_millis=now_millis)
            except Exception as error:
                if is_duplicate(error):
                    raise _taken(name, version.tag) from error
                raise
            if not is_done:
                raise BadRequest(f"version {version.tag} of policy pack {name} is already complete")
            description = f"Published version {version.tag} of policy pack {name!a}"
            audit.record(tx, backend, caller, membership.org_id, Event.POLICY_PACK_CREATED, description=description)

    # A job deletes the upload.
    try:
        retry(complete)
    except BadRequest:
        # After other errors the transaction may be committed.
        backend.policy_packs.delete([blob_key])
        raise


def list_packs(backend: Backend, caller: Caller, org: str, name: str | None = None) -> list[Pack]:
    """Return an organization's packs with their versions, or one of them."""
    membership = caller.require(Permission.POLICY_PACK_READ, org, missing=missing_org(org))
    with backend.db.connect() as connection:
        return group_versions(repository.list_versions(connection, membership.org_id, name or None))


def list_newest(backend: Backend, caller: Caller, org: str) -> list[PackVersion]:
    """Return the newest version of each pack with its policies."""
    membership = caller.require(Permission.POLICY_PACK_READ, org, missing=missing_org(org))
    with backend.db.connect() as connection:
        return repository.list_newest(connection, membership.org_id)


def list_versions(backend: Backend, caller: Caller, org: str, name: str) -> list[PackVersion]:
    """Return the versions of a pack with their policies, newest first; NotFound for a pack that does not exist."""
    membership = caller.require(Permission.POLICY_PACK_READ, org, missing=missing_org(org))
    with backend.db.connect() as connection:
        versions = repository.list_detailed(connection, membership.org_id, name)
    if not versions:
        raise _missing(name, LATEST)
    return versions


def get_version(backend: Backend, caller: Caller, org: str, name: str, reference: str = LATEST) -> PackVersion:
    """Return a version by tag or number, or the newest one; BadRequest while its archive is missing, else NotFound."""
    membership = caller.require(Permission.POLICY_PACK_READ, org, missing=missing_org(org))
    with backend.db.connect() as connection:
        version = repository.find(connection, membership.org_id, name, reference if reference != LATEST else None)
        if version is not None:
            return version
        if repository.find_incomplete(connection, membership.org_id, name, reference) is not None:
            raise BadRequest(f"version {reference[:100]!a} of policy pack {name[:100]!a} is not completely published")
    raise _missing(name, reference)


def delete_version(backend: Backend, caller: Caller, org: str, name: str, reference: str) -> None:
    """Delete a version; Conflict while a policy group has it."""
    membership = caller.require(Permission.POLICY_PACK_DELETE, org, missing=missing_org(org))

    def delete() -> None:
        with backend.db.begin() as tx:
            repository.lock(tx, membership.org_id)
            version = repository.find(tx, membership.org_id, name, reference)
            if version is None:
                raise _missing(name, reference)
            if version.is_applied:
                raise Conflict(
                    f"version {version.tag} of policy pack {name} is enabled in a policy group; disable it there first"
                )
            repository.mark_deleted(tx, [version.id], unix_millis(backend.clock.now()))
            description = f"Deleted version {version.tag} of policy pack {name!a}"
            audit.record(tx, backend, caller, membership.org_id, Event.POLICY_PACK_DELETED, description=description)

    retry(delete)


def delete_pack(backend: Backend, caller: Caller, org: str, name: str) -> None:
    """Delete all versions of a pack; BadRequest while a policy group has one."""
    membership = caller.require(Permission.POLICY_PACK_DELETE, org, missing=missing_org(org))

    def delete() -> None:
        with backend.db.begin() as tx:
            repository.lock(tx, membership.org_id)
            versions = repository.list_versions(tx, membership.org_id, name)
            if not versions:
                raise NotFound(f"Policy pack {name[:100]!a} not found")
            applied = [version.tag for version in versions if version.is_applied]
            if applied:
                raise BadRequest(
                    f"policy pack {name} is enabled in a policy group (version {applied[0]}); disable it there first"
                )
            repository.mark_deleted(tx, [version.id for version in versions], unix_millis(backend.clock.now()))
            description = f"Deleted policy pack {name!a} with {len(versions)} versions"
            audit.record(tx, backend, caller, membership.org_id, Event.POLICY_PACK_DELETED, description=description)

    retry(delete)


def _next_version(new: NewPack, used: list[tuple[int, str, bool]]) -> tuple[int, str]:
    """Return number and tag of a new version: its number is the tag of a version without one."""
    tags = {tag for _, tag, _ in used}
    number = max((number for number, _, _ in used), default=0) + 1
    if new.version_tag:
        if any(is_live and tag == new.version_tag for _, tag, is_live in used):
            raise _taken(new.name, new.version_tag)
        return number, new.version_tag
    while str(number) in tags:
        number += 1
    return number, str(number)


def _require_space(new: NewPack, used: list[tuple[int, str, bool]], other_packs: int) -> None:
    if sum(is_live for _, _, is_live in used) >= VERSION_LIMIT:
        raise BadRequest(f"policy pack {new.name} has {VERSION_LIMIT:,} versions, which is the limit; delete old ones")
    if other_packs >= PACK_LIMIT:
        raise BadRequest(f"the organization has {PACK_LIMIT:,} policy packs, which is the limit")


def _read_upload(backend: Backend, version: PackVersion) -> tuple[bytes, str]:
    size = backend.policy_packs.find_size(version.blob_key)
    if size is None:
        raise BadRequest(f"the archive of policy pack {version.name} was not uploaded; publish it again")
    if size > PACKED_LIMIT_BYTES:
        raise BadRequest(f"the archive of a policy pack may have at most {PACKED_LIMIT_BYTES:,} bytes")
    archive = backend.policy_packs.get_stored(version.blob_key)
    return archive, read_digest(archive)


def _taken(name: str, tag: str) -> BadRequest:
    # Upstream answers 400 and not 409 (platform.md 12).
    return BadRequest(f"policy pack {name} already has a version {tag}; publish with another version")


def _missing(name: str, reference: str) -> NotFound:
    return NotFound(f"Version {reference[:100]!a} of policy pack {name[:100]!a} not found")
