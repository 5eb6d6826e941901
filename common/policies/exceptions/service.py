"""Exceptions from policies: create, list, get, remove. Clients get the active ones with the packs of an update."""

import re

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Conflict, NotFound
from common.core.ids import new_id
from common.core.paging import make_token, read_token, seal
from common.db.faults import is_race
from common.db.retry import retry
from common.policies.exceptions import model, repository
from common.policies.exceptions.model import EXCEPTION_LIMIT, ExceptionSearch, NewException, PolicyException
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission

PAGE_SIZE, PAGE_LIMIT = 100, 500
_NUMBER = re.compile(r"[0-9]{1,18}")


def create_exception(backend: Backend, caller: Caller, org: str, new: NewException) -> tuple[PolicyException, bool]:
    """Create an exception, and return it and whether it is new; one for the same policies and resources is updated instead."""
    membership = caller.require(Permission.POLICY_EXCEPTIONS_CREATE, org, missing=missing_org(org))
    model.require_valid(new)
    matches = model.encode(new.matches)

    def create() -> tuple[PolicyException | None, bool]:
        now_millis = unix_millis(backend.clock.now())
        expires_at = now_millis + new.expires_in_seconds * 1000 if new.expires_in_seconds is not None else None
        with backend.db.begin() as tx:
            repository.lock(tx, membership.org_id)
            if not repository.has_pack(tx, membership.org_id, new.pack):
                raise NotFound(f"Policy pack {new.pack[:100]!a} not found")
            same = repository.find_same(tx, membership.org_id, new.pack, matches, now_millis)
            if same is None and repository.count_active(tx, membership.org_id, now_millis) >= EXCEPTION_LIMIT:
                raise BadRequest(f"an organization may have at most {EXCEPTION_LIMIT:,} active exceptions; remove some first")
            number = same.number if same is not None else repository.last_number(tx, membership.org_id) + 1
            if same is not None:
                repository.update_terms(tx, membership.org_id, number, reason=new.reason, expires_at=expires_at)
            else:
                values = {
                    "id": new_id(),
                    "number": number,
                    "pack_name": new.pack,
                    "matches": matches,
                    "reason": new.reason,
                    "expires_at": expires_at,
                    "created_by": caller.user_id,
                    "created_at": now_millis,
                }
                repository.add(tx, membership.org_id, values)
            description = f"{'Updated' if same else 'Created'} exception EXC-{number} from policy pack {new.pack!a}"
            audit.record(tx, backend, caller, membership.org_id, Event.POLICY_EXCEPTION_CREATED, description=description)
            return repository.find(tx, membership.org_id, number, now_millis), same is None

    created, is_new = retry(create, when=is_race)
    if created is None:
        raise NotFound("the exception was removed at the same time")
    return created, is_new


def get_exception(backend: Backend, caller: Caller, org: str, name: str) -> PolicyException:
    """Return an exception by its id, such as EXC-42; NotFound for an unknown one."""
    membership = caller.require(Permission.POLICY_EXCEPTIONS_READ, org, missing=missing_org(org))
    with backend.db.connect() as connection:
        number = model.number_of(name)
        found = repository.find(connection, membership.org_id, number, _now(backend)) if number is not None else None
    if found is None:
        raise _missing(name)
    return found


def remove_exception(backend: Backend, caller: Caller, org: str, name: str) -> PolicyException:
    """Remove an exception, and return it; Conflict if it is not active any longer."""
    membership = caller.require(Permission.POLICY_EXCEPTIONS_DELETE, org, missing=missing_org(org))
    number = model.number_of(name)

    def remove() -> PolicyException:
        now_millis = _now(backend)
        with backend.db.begin() as tx:
            if number is None or repository.find(tx, membership.org_id, number, now_millis) is None:
                raise _missing(name)
            if not repository.remove(tx, membership.org_id, number, user_id=caller.user_id, now_millis=now_millis):
                # Clients match on the last two words (platform.md 12).
                raise Conflict(f"policy exception EXC-{number} is already removed")
            removed = repository.find(tx, membership.org_id, number, now_millis)
            description = f"Removed exception EXC-{number}"
            audit.record(tx, backend, caller, membership.org_id, Event.POLICY_EXCEPTION_REMOVED, description=description)
        if removed is None:
            raise _missing(name)
        return removed

    return retry(remove)


def page_exceptions(
    backend: Backend,
    caller: Caller,
    org: str,
    search: ExceptionSearch,
    *,
    limit: int = PAGE_SIZE,
    token: str | None = None,
) -> tuple[list[PolicyException], str | None]:
    """Return exceptions, the newest first, and the token of the next page or None; a page before the last may be short."""
    membership = caller.require(Permission.POLICY_EXCEPTIONS_READ, org, missing=missing_org(org))
    sealed = seal(caller.user_id, membership.org_id, search.pack, search.policy, search.stack, *sorted(search.statuses))
    before = _position(token, sealed) if token else None
    with backend.db.connect() as connection:
        rows = repository.list_after(
            connection, membership.org_id, search, before=before, limit=limit + 1, now_millis=_now(backend)
        )
    page = rows[:limit]
    next_token = make_token(sealed, str(page[-1].number)) if len(rows) > limit else None
    return [row for row in page if search.has(row)], next_token


def _position(token: str, sealed: str) -> int:
    (number,) = read_token(token, sealed, 1)
    if not _NUMBER.fullmatch(number):
        raise BadRequest("the continuation token is not one of this server's")
    return int(number)


def _now(backend: Backend) -> int:
    return unix_millis(backend.clock.now())


def _missing(name: str) -> NotFound:
    return NotFound(f"Policy exception {name[:100]!a} not found")
