"""Rows of the versions of policy packs."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, delete, exists, func, insert, or_, select, update

from common.db.tables.people import organizations
from common.db.tables.policies import policy_group_packs, policy_pack_versions
from common.policies.packs.model import PackVersion, number_of

_versions = policy_pack_versions.c
_COLUMNS = (
    _versions.id,
    _versions.name,
    _versions.version,
    _versions.tag,
    _versions.display_name,
    _versions.blob_key,
    _versions.created_at,
)
_HAS_ARCHIVE = (_versions.completed_at.is_not(None), _versions.deleted_at.is_(None))
_IS_APPLIED = exists().where(policy_group_packs.c.version_id == _versions.id)


def lock(tx: Connection, org_id: str) -> None:
    """Lock an organization, so that one transaction at a time changes its policy packs and groups."""
    tx.execute(select(organizations.c.id).where(organizations.c.id == org_id).with_for_update())


def used_versions(connection: Connection, org_id: str, name: str) -> list[tuple[int, str, bool]]:
    """Return number and tag of every version that a pack ever had, and whether it can be used."""
    query = select(_versions.version, _versions.tag, _versions.live_tag).where(_versions.org_id == org_id, _versions.name == name)
    return [(row.version, row.tag, row.live_tag is not None) for row in connection.execute(query)]


def count_packs(connection: Connection, org_id: str, *, without: str) -> int:
    """Return the number of packs with a version, without one pack."""
    query = select(func.count(func.distinct(_versions.name)))
    condition = (_versions.org_id == org_id, _versions.live_tag.is_not(None), _versions.name != without)
    return connection.scalar(query.where(*condition)) or 0


def add(tx: Connection, org_id: str, version: PackVersion, *, created_by: str) -> None:
    """Insert a version that waits for its archive; IntegrityError for a number that is taken."""
    tx.execute(
        insert(policy_pack_versions).values(
            id=version.id,
            org_id=org_id,
            name=version.name,
            version=version.version,
            tag=version.tag,
            live_tag=None,
            display_name=version.display_name,
            details=version.details,
            blob_key=version.blob_key,
            digest=None,
            created_by=created_by,
            created_at=version.created_at,
            completed_at=None,
            deleted_at=None,
        )
    )


def find(connection: Connection, org_id: str, name: str, reference: str | None) -> PackVersion | None:
    """Return a version by its tag or else its number, or the newest one for None; its policies are read too."""
    condition = [_versions.org_id == org_id, _versions.name == name, _versions.live_tag.is_not(None)]
    query: Select[Any] = select(*_COLUMNS, _versions.details, _IS_APPLIED.label("is_applied"))
    if reference is None:
        row = connection.execute(query.where(*condition).order_by(_versions.version.desc()).limit(1)).first()
        return _to_version(row) if row is not None else None
    rows = connection.execute(query.where(*condition, _named(reference)).limit(2)).all()
    versions = sorted(map(_to_version, rows), key=lambda version: version.tag != reference)
    return versions[0] if versions else None


def find_incomplete(connection: Connection, org_id: str, name: str, reference: str) -> PackVersion | None:
    """Return the newest version of a tag or number that waits for its archive, or None."""
    condition = (_versions.org_id == org_id, _versions.name == name, _versions.completed_at.is_(None), _named(reference))
    query: Select[Any] = select(*_COLUMNS, _versions.details).where(*condition).order_by(_versions.version.desc()).limit(1)
    row = connection.execute(query).first()
    return _to_version(row) if row is not None else None


def find_digest(connection: Connection, org_id: str, name: str, tag: str) -> str | None:
    """Return the digest of the content that a tag had, of a deleted version too, or None."""
    condition = (_versions.org_id == org_id, _versions.name == name, _versions.tag == tag, _versions.digest.is_not(None))
    return connection.scalar(select(_versions.digest).where(*condition).limit(1))


def list_versions(connection: Connection, org_id: str, name: str | None = None) -> list[PackVersion]:
    """Return the versions of an organization's packs, or of one pack, by name and number."""
    query: Select[Any] = select(*_COLUMNS, _IS_APPLIED.label("is_applied")).where(
        _versions.org_id == org_id, _versions.live_tag.is_not(None)
    )
    if name is not None:
        query = query.where(_versions.name == name)
    return [_to_version(row) for row in connection.execute(query.order_by(_versions.name, _versions.version))]


def list_detailed(connection: Connection, org_id: str, name: str) -> list[PackVersion]:
    """Return the versions of a pack with their policies, newest first."""
    query: Select[Any] = select(*_COLUMNS, _versions.details, _IS_APPLIED.label("is_applied")).where(
        _versions.org_id == org_id, _versions.name == name, _versions.live_tag.is_not(None)
    )
    return [_to_version(row) for row in connection.execute(query.order_by(_versions.version.desc()))]


def list_newest(connection: Connection, org_id: str) -> list[PackVersion]:
    """Return the newest version of each pack with its policies."""
    other = policy_pack_versions.alias("other")
    newest = (
        select(other.c.name, func.max(other.c.version).label("version"))
        .where(other.c.org_id == org_id, other.c.live_tag.is_not(None))
        .group_by(other.c.name)
        .subquery()
    )
    query: Select[Any] = (
        select(*_COLUMNS, _versions.details, _IS_APPLIED.label("is_applied"))
        .join(newest, and_(newest.c.name == _versions.name, newest.c.version == _versions.version))
        .where(_versions.org_id == org_id)
        .order_by(_versions.name)
    )
    return [_to_version(row) for row in connection.execute(query)]


def complete(tx: Connection, version_id: str, *, blob_key: str, digest: str, now_millis: int) -> bool:
    """Make a version usable, unless it is already; IntegrityError for a tag that another version has."""
    condition = (_versions.id == version_id, _versions.completed_at.is_(None))
    values = {"live_tag": _versions.tag, "blob_key": blob_key, "digest": digest, "completed_at": now_millis}
    return tx.execute(update(policy_pack_versions).where(*condition).values(values)).rowcount == 1


def mark_deleted(tx: Connection, ids: Collection[str], now_millis: int) -> None:
    """Mark versions as deleted; a job deletes their archives."""
    values = {"live_tag": None, "deleted_at": now_millis, "details": "{}"}
    tx.execute(update(policy_pack_versions).where(_versions.id.in_(sorted(ids))).values(values))


def list_leftovers(connection: Connection, *, before_millis: int, limit: int) -> list[tuple[str, str, bool]]:
    """Return (id, blob key, is a deleted version) of archives that no one needs: of deleted versions, and of old uploads."""
    is_deleted = and_(_versions.deleted_at.is_not(None), _versions.blob_key.is_not(None))
    is_abandoned = and_(_versions.completed_at.is_(None), _versions.created_at < before_millis)
    query = select(_versions.id, _versions.blob_key, _versions.deleted_at).where(or_(is_deleted, is_abandoned))
    rows = connection.execute(query.order_by(_versions.id).limit(limit))
    return [(row.id, row.blob_key, row.deleted_at is not None) for row in rows]


def delete_leftovers(tx: Connection, ids: Collection[str]) -> None:
    """Note that the archives of deleted versions are gone, and delete the rows of uploads that were never completed."""
    is_one = _versions.id.in_(sorted(ids))
    tx.execute(update(policy_pack_versions).where(is_one, _versions.deleted_at.is_not(None)).values(blob_key=None))
    tx.execute(delete(policy_pack_versions).where(is_one, _versions.completed_at.is_(None)))


def _named(reference: str) -> ColumnElement[bool]:
    number = number_of(reference)
    return _versions.tag == reference if number is None else or_(_versions.tag == reference, _versions.version == number)


def _to_version(row: Row[Any]) -> PackVersion:
    return PackVersion(
        row.id,
        row.name,
        row.version,
        row.tag,
        row.display_name,
        row.blob_key or "",
        row.created_at,
        getattr(row, "details", ""),
        bool(getattr(row, "is_applied", False)),
    )


def page_archives(connection: Connection, after: str, limit: int) -> list[str]:
    """Return the keys of archives of complete versions that are not deleted, in order, after a key."""
    query = select(_versions.blob_key).where(*_HAS_ARCHIVE, _versions.blob_key > after)
    return list(connection.scalars(query.order_by(_versions.blob_key).limit(limit)))


def find_archives(connection: Connection, keys: Collection[str]) -> set[str]:
    """Return those keys that are archives of complete versions that are not deleted."""
    return set(connection.scalars(select(_versions.blob_key).where(*_HAS_ARCHIVE, _versions.blob_key.in_(keys))))
