"""The groups of an organization's directory: each is a team of kind `scim`, whose name and members the directory decides."""

from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import NotFound
from common.core.ids import is_id
from common.people.teams import directory_groups as teams
from common.people.teams import steps as all_teams
from common.sign_in.scim.group_patch import GroupChange, group_change
from common.sign_in.scim.locking import in_turn
from common.sign_in.scim.model import Directory, Document, Group, Invalid, ScimType, Taken, parse_group
from common.sign_in.scim.query import Asked, Page
from common.sign_in.scim.repository import groups as group_rows
from common.sign_in.scim.repository import users
from common.sign_in.scim.user_patch import Operation

# A page ends early rather than show more members than so many; the first group is shown whole.
MEMBERS_OF_PAGE = 20_000


def page_groups(backend: Backend, directory: Directory, asked: Asked) -> Page[Group]:
    """Return a page of the directory's groups, with members if they are asked for; raises Invalid for a bad filter."""
    # No permission check in this module: whoever calls holds the directory's token.
    with backend.db.connect() as connection:
        page = group_rows.page(connection, directory.org_id, asked)
        if not page.found or not asked.with_members:
            return page
        counts = group_rows.count_members(connection, [group.id for group in page.found])
        shown = _first(page.found, counts)
        return replace(page, found=group_rows.with_members(connection, directory.org_id, shown))


def get_group(backend: Backend, directory: Directory, group_id: str, *, with_members: bool = True) -> Group:
    """Return a group; NotFound when the directory has none of that id."""
    with backend.db.connect() as connection:
        group = _load(connection, directory, group_id)
        return group_rows.with_members(connection, directory.org_id, [group])[0] if with_members else group


def create_group(backend: Backend, directory: Directory, sent: Document) -> Group:
    """Make a group with its team; Taken when there is one of that name, Invalid for members whom the directory does not have."""
    profile = parse_group(sent)

    def create(tx: Connection) -> Group:
        now = backend.clock.now()
        if group_rows.is_taken(tx, directory.org_id, profile.display_name):
            raise _taken(profile.display_name)
        team_id = teams.create(tx, directory.org_id, profile.display_name, now)
        group_rows.add(tx, directory.org_id, team_id, profile, unix_millis(now))
        user_ids = _user_ids(tx, directory, profile.members or ())
        teams.add_members(tx, directory.org_id, team_id, user_ids, now)
        return _shown(tx, directory, team_id)

    return in_turn(backend, directory, create)


def replace_group(backend: Backend, directory: Directory, group_id: str, sent: Document) -> Group:
    """Put another name and other members in place of a group's; without members in the document, they stay.

    Raises NotFound, Taken and Invalid.
    """
    profile = parse_group(sent)
    members = profile.members
    change = GroupChange(
        profile.display_name,
        profile.external_id,
        profile.external_id is None,
        members is not None,
        set(members or ()),
    )
    return in_turn(backend, directory, lambda tx: _shown(tx, directory, _change(tx, backend, directory, group_id, change)))


def patch_group(backend: Backend, directory: Directory, group_id: str, operations: list[Operation]) -> None:
    """Change a group's name and members; errors as in replace_group."""
    change = group_change(operations)
    in_turn(backend, directory, lambda tx: _change(tx, backend, directory, group_id, change))


def delete_group(backend: Backend, directory: Directory, group_id: str) -> None:
    """Delete a group and its team, with all that was given to it; NotFound when there is none."""

    def delete(tx: Connection) -> None:
        group = _load(tx, directory, group_id)
        group_rows.remove(tx, group.id)
        all_teams.delete(tx, group.id, backend.clock.now())

    in_turn(backend, directory, delete)


def _change(tx: Connection, backend: Backend, directory: Directory, group_id: str, change: GroupChange) -> str:
    """Change a group and return its id."""
    old = _load(tx, directory, group_id)
    new = replace(old, display_name=change.display_name or old.display_name, external_id=_external_id(old, change))
    if new.display_name != old.display_name:
        if group_rows.is_taken(tx, directory.org_id, new.display_name):
            raise _taken(new.display_name)
        teams.rename(tx, old.id, new.display_name)
    has_changed = _put_members(tx, backend, directory, old, change)
    if has_changed or new != old:
        group_rows.put(tx, new, unix_millis(backend.clock.now()))
    return old.id


def _put_members(tx: Connection, backend: Backend, directory: Directory, group: Group, change: GroupChange) -> bool:
    """Put people into the group's team and out of it; tell whether there was anything to do."""
    added = _user_ids(tx, directory, change.added)
    has_changed = teams.add_members(tx, directory.org_id, group.id, added, backend.clock.now())
    if change.is_replaced:
        return teams.remove_others(tx, group.id, added) or has_changed
    # Whoever is not there need not be removed, as repeats and deleted people need it.
    removed = users.find_user_ids(tx, directory.org_id, change.removed) if change.removed else {}
    return teams.remove_members(tx, group.id, list(removed.values())) or has_changed


def _user_ids(tx: Connection, directory: Directory, scim_ids: Collection[str]) -> list[str]:
    """Return the users of people who must be there; raises Invalid."""
    found = users.find_user_ids(tx, directory.org_id, scim_ids) if scim_ids else {}
    missing = next((one for one in sorted(scim_ids) if one not in found), None)
    if missing is not None:
        raise Invalid(ScimType.INVALID_VALUE, f"the directory has no user {missing[:80]!a} who could be a member")
    return list(found.values())


def _external_id(old: Group, change: GroupChange) -> str | None:
    return None if change.is_external_id_gone else change.external_id or old.external_id


def _first(groups: list[Group], counts: dict[str, int]) -> list[Group]:
    """Return as many of the groups as have not too many members together, and one at least."""
    total = 0
    for number, group in enumerate(groups):
        total += counts.get(group.id, 0)
        if total > MEMBERS_OF_PAGE and number:
            return groups[:number]
    return groups


def _shown(tx: Connection, directory: Directory, group_id: str) -> Group:
    return group_rows.with_members(tx, directory.org_id, [_load(tx, directory, group_id)])[0]


def _load(connection: Connection, directory: Directory, group_id: str) -> Group:
    found = group_rows.find(connection, directory.org_id, group_id) if is_id(group_id) else None
    if found is None:
        msg = f"the directory has no group {group_id[:80]!a}"
        raise NotFound(msg)
    return found


def _taken(display_name: str) -> Taken:
    return Taken(f"the directory has a group of that displayName already: {display_name[:80]!a}")
