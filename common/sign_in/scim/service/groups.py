"""The groups of an organization's directory: each is a team of kind `scim`, with the name and members that the directory sets.

No use case here checks a permission: the caller has the directory's token.
"""

from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import NotFound
from common.core.ids import is_id
from common.people.teams import directory_groups as teams
from common.people.teams import steps as all_teams
from common.sign_in.scim.group_patch import GroupChange
from common.sign_in.scim.locking import run_locked
from common.sign_in.scim.model import Directory, Group, GroupProfile, InvalidRequest, NameConflict, ScimType
from common.sign_in.scim.query import ListQuery, Page
from common.sign_in.scim.recording import Event, record
from common.sign_in.scim.repository import groups, users

# The most members on a page, which has fewer groups for it; the first group is returned with all its members.
MEMBERS_LIMIT = 20_000


def page_groups(backend: Backend, directory: Directory, query: ListQuery, *, members_limit: int = MEMBERS_LIMIT) -> Page[Group]:
    """Return a page of the directory's groups; raises InvalidRequest for an attribute that a filter cannot use."""
    with backend.db.connect() as connection:
        page = groups.page(connection, directory.org_id, query)
        if not page.resources or not query.with_members:
            return page
        counts = groups.count_members(connection, [group.id for group in page.resources])
        first = _first(page.resources, counts, members_limit)
        return replace(page, resources=groups.with_members(connection, directory.org_id, first))


def get_group(backend: Backend, directory: Directory, group_id: str, *, with_members: bool = True) -> Group:
    """Return a group; raises NotFound."""
    with backend.db.connect() as connection:
        return _get_with_members(connection, directory, group_id) if with_members else _get(connection, directory, group_id)


def create_group(backend: Backend, directory: Directory, profile: GroupProfile) -> Group:
    """Create a group and its team; raises NameConflict, and InvalidRequest for members who are not users of the directory."""

    def create(tx: Connection) -> Group:
        now = backend.clock.now()
        if groups.is_taken(tx, directory.org_id, profile.display_name):
            raise _name_conflict(profile.display_name)
        team_id = teams.create(tx, directory.org_id, profile.display_name, now)
        groups.create(tx, directory.org_id, team_id, profile, unix_millis(now))
        teams.add_members(tx, directory.org_id, team_id, _get_user_ids(tx, directory, profile.members or ()), now)
        record(tx, backend, directory, Event.TEAM_CREATED, f"Made team {profile.display_name} for a group of the directory")
        return _get_with_members(tx, directory, team_id)

    return run_locked(backend, directory, create)


def replace_group(backend: Backend, directory: Directory, group_id: str, change: GroupChange) -> Group:
    """Change a group and return it; raises NotFound, NameConflict and InvalidRequest."""

    def attempt(tx: Connection) -> Group:
        _change(tx, backend, directory, group_id, change)
        return _get_with_members(tx, directory, group_id)

    return run_locked(backend, directory, attempt)


def patch_group(backend: Backend, directory: Directory, group_id: str, change: GroupChange) -> None:
    """Change a group; errors as in replace_group."""
    run_locked(backend, directory, lambda tx: _change(tx, backend, directory, group_id, change))


def delete_group(backend: Backend, directory: Directory, group_id: str) -> None:
    """Delete a group, its team and the team's grants; raises NotFound."""

    def delete(tx: Connection) -> None:
        group = _get(tx, directory, group_id)
        groups.delete_group(tx, group.id)
        all_teams.delete(tx, group.id, backend.clock.now())
        record(tx, backend, directory, Event.TEAM_DELETED, f"Deleted team {group.display_name}")

    run_locked(backend, directory, delete)


def _change(tx: Connection, backend: Backend, directory: Directory, group_id: str, change: GroupChange) -> None:
    old = _get(tx, directory, group_id)
    new = replace(old, display_name=change.display_name or old.display_name, external_id=_external_id(old, change))
    if new.display_name != old.display_name:
        if groups.is_taken(tx, directory.org_id, new.display_name):
            raise _name_conflict(new.display_name)
        teams.rename(tx, old.id, new.display_name)
    has_changed = _change_members(tx, backend, directory, old, change)
    if has_changed or new != old:
        groups.update_group(tx, new, unix_millis(backend.clock.now()))
        description = f"Team {old.display_name}: {_describe(old, new, change)}"
        record(tx, backend, directory, Event.TEAM_UPDATED, description)


def _describe(old: Group, new: Group, change: GroupChange) -> str:
    """Return what a change does, for the audit log."""
    parts = [f"renamed to {new.display_name}"] if new.display_name != old.display_name else []
    if change.replaces_members:
        parts.append(f"set its members to {len(change.added)}")
    elif change.added or change.removed:
        parts.append(f"added {len(change.added)} and removed {len(change.removed)} members")
    return ", ".join(parts) or "changed by the directory"


def _change_members(tx: Connection, backend: Backend, directory: Directory, group: Group, change: GroupChange) -> bool:
    """Add and remove members of the group's team; return whether that changed anything."""
    added = _get_user_ids(tx, directory, change.added)
    has_changed = teams.add_members(tx, directory.org_id, group.id, added, backend.clock.now())
    if change.replaces_members:
        return teams.remove_others(tx, group.id, added) or has_changed
    # An unknown user is ignored: directories repeat requests, and remove users whom they have deleted.
    removed = users.find_user_ids(tx, directory.org_id, change.removed) if change.removed else {}
    return teams.remove_members(tx, group.id, list(removed.values())) or has_changed


def _get_user_ids(tx: Connection, directory: Directory, scim_ids: Collection[str]) -> list[str]:
    """Return the user ids of new members; raises InvalidRequest for an unknown user."""
    user_ids = users.find_user_ids(tx, directory.org_id, scim_ids) if scim_ids else {}
    missing = next((scim_id for scim_id in sorted(scim_ids) if scim_id not in user_ids), None)
    if missing is not None:
        raise InvalidRequest(ScimType.INVALID_VALUE, f"the directory has no user {missing[:80]!a} who could be a member")
    return list(user_ids.values())


def _external_id(old: Group, change: GroupChange) -> str | None:
    return None if change.clears_external_id else change.external_id or old.external_id


def _first(page: list[Group], counts: dict[str, int], members_limit: int) -> list[Group]:
    """Return the first groups that have at most so many members together, but at least one group."""
    total = 0
    for number, group in enumerate(page):
        total += counts.get(group.id, 0)
        if total > members_limit and number:
            return page[:number]
    return page


def _get_with_members(connection: Connection, directory: Directory, group_id: str) -> Group:
    return groups.with_members(connection, directory.org_id, [_get(connection, directory, group_id)])[0]


def _get(connection: Connection, directory: Directory, group_id: str) -> Group:
    group = groups.find(connection, directory.org_id, group_id) if is_id(group_id) else None
    if group is None:
        raise NotFound(f"the directory has no group {group_id[:80]!a}")
    return group


def _name_conflict(display_name: str) -> NameConflict:
    return NameConflict(f"the directory has a group with the displayName {display_name[:80]!a} already")
