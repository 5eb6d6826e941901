"""The users of an organization's directory.

No use case here checks a permission: the caller has the directory's token.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import NotFound
from common.core.ids import is_id, new_id
from common.db.faults import is_duplicate
from common.sign_in.scim import members
from common.sign_in.scim.documents import parse_user, without_invalid
from common.sign_in.scim.locking import run_locked
from common.sign_in.scim.model import Directory, NameConflict, User, UserProfile
from common.sign_in.scim.operations import Operation
from common.sign_in.scim.query import ListQuery, Page
from common.sign_in.scim.recording import Event, record
from common.sign_in.scim.repository import users
from common.sign_in.scim.user_patch import apply_operations


def page_users(backend: Backend, directory: Directory, query: ListQuery) -> Page[User]:
    """Return a page of the directory's users; raises InvalidRequest for an attribute that a filter cannot use."""
    with backend.db.connect() as connection:
        return users.page(connection, directory.org_id, query)


def get_user(backend: Backend, directory: Directory, scim_id: str) -> User:
    """Return a user; raises NotFound."""
    with backend.db.connect() as connection:
        return _get(connection, directory, scim_id)


def create_user(backend: Backend, directory: Directory, profile: UserProfile) -> User:
    """Create a user, who becomes a member unless `active` is False; raises NameConflict."""
    is_active = profile.active is not False

    def create(tx: Connection) -> User:
        now = backend.clock.now()
        if users.is_taken(tx, directory.org_id, profile.key):
            raise _name_conflict(profile)
        user_id = members.find_or_create_user(tx, directory, profile, now)
        scim_id = new_id()
        users.create(tx, directory.org_id, scim_id, user_id, profile, active=is_active, now_millis=unix_millis(now))
        _set_active(tx, directory, user_id, is_active=is_active, now=now)
        suffix = "" if is_active else ", suspended"
        record(tx, backend, directory, Event.MEMBER_ADDED, f"The directory added {profile.user_name}{suffix}")
        return _get(tx, directory, scim_id)

    return run_locked(backend, directory, create)


def replace_user(backend: Backend, directory: Directory, scim_id: str, profile: UserProfile) -> User:
    """Replace a user's attributes; `active` stays if it is None.

    Raises NotFound, NameConflict if another user has the user name, and Conflict for the last admin.
    """
    return _change(backend, directory, scim_id, lambda _: profile)


def patch_user(backend: Backend, directory: Directory, scim_id: str, operations: list[Operation]) -> User:
    """Change some of a user's attributes; raises InvalidRequest besides the errors of replace_user."""

    def change(user: User) -> UserProfile:
        return parse_user(apply_operations(without_invalid(user.attributes()), operations))

    return _change(backend, directory, scim_id, change)


def delete_user(backend: Backend, directory: Directory, scim_id: str) -> None:
    """Delete a user and end their membership; raises NotFound, and Conflict for the last admin."""

    def delete(tx: Connection) -> None:
        user = _get(tx, directory, scim_id)
        users.delete_user(tx, user.id)
        user_name = user.attributes()["userName"]
        members.remove(tx, directory, user.user_id, user_name, backend.clock.now())
        record(tx, backend, directory, Event.MEMBER_REMOVED, f"The directory removed {user_name}")

    run_locked(backend, directory, delete)


def _change(backend: Backend, directory: Directory, scim_id: str, change: Callable[[User], UserProfile]) -> User:
    def attempt(tx: Connection) -> User:
        now = backend.clock.now()
        user = _get(tx, directory, scim_id)
        new = change(user)
        is_active = user.active if new.active is None else new.active
        _update(tx, user, new, is_active=is_active, now=now)
        old = parse_user(without_invalid(user.attributes()))
        if new.user_name != old.user_name:
            members.change_user_name(tx, directory, user.user_id, new, old_name=old.user_name, now=now)
        if new.name != old.name:
            members.change_name(tx, directory, user.user_id, new.name)
        # An admin may have reinstated a user whom the directory suspended: the directory's word ends their access again.
        if is_active is not user.active or not is_active:
            _set_active(tx, directory, user.user_id, is_active=is_active, now=now)
        _record_change(tx, backend, directory, old.user_name, new, activation=is_active if is_active is not user.active else None)
        return _get(tx, directory, scim_id)

    return run_locked(backend, directory, attempt)


def _record_change(
    tx: Connection, backend: Backend, directory: Directory, old_name: str, new: UserProfile, *, activation: bool | None
) -> None:
    """Record another sign-in name, the end of a membership, and its return; other attributes change no rights."""
    if new.user_name != old_name:
        description = f"The directory lets {old_name} sign in as {new.user_name}"
        record(tx, backend, directory, Event.USER_ADDED_IDENTITY, description)
    if activation is not None:
        event = Event.MEMBER_ADDED if activation else Event.MEMBER_REMOVED
        record(tx, backend, directory, event, f"The directory {'reinstated' if activation else 'suspended'} {new.user_name}")


def _update(tx: Connection, user: User, profile: UserProfile, *, is_active: bool, now: datetime) -> None:
    try:
        users.update_user(tx, user.id, profile, active=is_active, now_millis=unix_millis(now))
    except Exception as error:
        if is_duplicate(error):
            raise _name_conflict(profile) from error
        raise


def _set_active(tx: Connection, directory: Directory, user_id: str, *, is_active: bool, now: datetime) -> None:
    if is_active:
        members.activate(tx, directory, user_id, now)
    else:
        members.suspend(tx, directory, user_id, now)


def _get(connection: Connection, directory: Directory, scim_id: str) -> User:
    user = users.find(connection, directory.org_id, scim_id) if is_id(scim_id) else None
    if user is None:
        raise NotFound(f"the directory has no user {scim_id[:80]!a}")
    return user


def _name_conflict(profile: UserProfile) -> NameConflict:
    return NameConflict(f"the directory has a user with the userName {profile.user_name[:80]!a} already")
