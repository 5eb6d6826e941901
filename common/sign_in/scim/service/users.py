"""The people of an organization's directory: listed, made, changed, deactivated, deleted."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import NotFound
from common.core.ids import is_id, new_id
from common.db.faults import is_duplicate
from common.sign_in.scim import members
from common.sign_in.scim.locking import in_turn
from common.sign_in.scim.model import Directory, Document, Profile, Taken, User, parse_user
from common.sign_in.scim.query import Asked, Page
from common.sign_in.scim.repository import users
from common.sign_in.scim.user_patch import Operation, patched


def page_users(backend: Backend, directory: Directory, asked: Asked) -> Page[User]:
    """Return a page of the directory's people; raises Invalid for a filter that cannot be."""
    # No permission check in this module: whoever calls holds the directory's token.
    with backend.db.connect() as connection:
        return users.page(connection, directory.org_id, asked)


def get_user(backend: Backend, directory: Directory, scim_id: str) -> User:
    """Return a person; NotFound when the directory has none of that id."""
    with backend.db.connect() as connection:
        return _load(connection, directory, scim_id)


def create_user(backend: Backend, directory: Directory, sent: Document) -> User:
    """Make a person, who is a member unless `active` is false; Taken when there is one of that user name, Invalid."""
    profile = parse_user(sent)
    is_active = profile.active is not False

    def create(tx: Connection) -> User:
        now = backend.clock.now()
        if users.is_taken(tx, directory.org_id, profile.key):
            raise _taken(profile)
        user_id = members.settle(tx, directory, profile, now)
        scim_id = new_id()
        users.add(tx, directory.org_id, scim_id, user_id, profile, active=is_active, now_millis=unix_millis(now))
        _put_active(tx, directory, user_id, is_active=is_active, now=now)
        return _load(tx, directory, scim_id)

    return in_turn(backend, directory, create)


def replace_user(backend: Backend, directory: Directory, scim_id: str, sent: Document) -> User:
    """Put other attributes in place of a person's, `active` only if it is told.

    Raises NotFound, Taken for a user name of another person, Invalid, and Conflict for the last admin.
    """
    profile = parse_user(sent)
    return _change(backend, directory, scim_id, lambda _: profile)


def patch_user(backend: Backend, directory: Directory, scim_id: str, operations: list[Operation]) -> User:
    """Change some of a person's attributes; errors as in replace_user."""
    return _change(backend, directory, scim_id, lambda user: parse_user(patched(user.attributes(), operations)))


def delete_user(backend: Backend, directory: Directory, scim_id: str) -> None:
    """Forget a person and end their membership; NotFound, and Conflict for the last admin."""

    def delete(tx: Connection) -> None:
        user = _load(tx, directory, scim_id)
        users.remove(tx, user.id)
        members.remove(tx, directory, user.user_id, parse_user(user.attributes()).user_name, backend.clock.now())

    in_turn(backend, directory, delete)


def _change(backend: Backend, directory: Directory, scim_id: str, change: Callable[[User], Profile]) -> User:
    def attempt(tx: Connection) -> User:
        now = backend.clock.now()
        old = _load(tx, directory, scim_id)
        new = change(old)
        is_active = old.active if new.active is None else new.active
        _put(tx, old, new, is_active=is_active, now=now)
        before = parse_user(old.attributes())
        if new.user_name != before.user_name:
            members.rename(tx, directory, old.user_id, before.user_name, new, now)
        if new.name != before.name:
            members.call(tx, directory, old.user_id, new.name)
        if is_active is not old.active:
            _put_active(tx, directory, old.user_id, is_active=is_active, now=now)
        return _load(tx, directory, scim_id)

    return in_turn(backend, directory, attempt)


def _put(tx: Connection, old: User, new: Profile, *, is_active: bool, now: datetime) -> None:
    try:
        users.put(tx, old.id, new, active=is_active, now_millis=unix_millis(now))
    except Exception as error:
        if is_duplicate(error):
            raise _taken(new) from error
        raise


def _put_active(tx: Connection, directory: Directory, user_id: str, *, is_active: bool, now: datetime) -> None:
    if is_active:
        members.admit(tx, directory, user_id, now)
    else:
        members.suspend(tx, directory, user_id, now)


def _load(connection: Connection, directory: Directory, scim_id: str) -> User:
    found = users.find(connection, directory.org_id, scim_id) if is_id(scim_id) else None
    if found is None:
        msg = f"the directory has no user {scim_id[:80]!a}"
        raise NotFound(msg)
    return found


def _taken(profile: Profile) -> Taken:
    return Taken(f"the directory has a user of that userName already: {profile.user_name[:80]!a}")
