"""Use cases of the hourly export: where an organization exports its audit log, and trying it out."""

from datetime import UTC, datetime

from common.audit import steps as audit
from common.audit.archives import repository, steps
from common.audit.archives.model import (
    HOUR_MILLIS,
    RESULT_LIMIT,
    Destination,
    Export,
    Result,
    hour_of,
    make_destination,
    make_secret,
)
from common.audit.events import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, NotFound
from common.db.faults import is_race
from common.db.retry import retry
from common.ports.archives import ArchiveError
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership
from common.rights.permissions import Permission

_MISSING = "the organization does not export its audit log"
_TEST_NAME, _TEST_TEXT = "stackhold-test.txt", b"This object was written to test the export of an audit log.\n"


def find_export(backend: Backend, caller: Caller, org: str) -> Export | None:
    """Return the settings of an organization's export, or None."""
    membership = _require(caller, org)
    with backend.db.connect() as connection:
        return repository.find(connection, membership.org_id)


def get_export(backend: Backend, caller: Caller, org: str) -> Export:
    """Return the settings of an organization's export; NotFound if there are none."""
    export = find_export(backend, caller, org)
    if export is None:
        raise NotFound(_MISSING)
    return export


def external_id(caller: Caller, org: str) -> str:
    """Return the external id with which a role is assumed for an organization."""
    return _require(caller, org).org_id


def update(
    backend: Backend, caller: Caller, org: str, destination: Destination | None, secret: str = "", *, is_enabled: bool
) -> None:
    """Set where an organization exports its log, or with None leave that as it is and turn the export on or off.

    Without a secret the one before is kept, if the destination is the same. An export that is turned on begins with the present
    hour; one that was on goes on where it was.
    """
    membership = _require(caller, org)
    wanted = _checked(backend, destination) if destination is not None else None
    sealed = _sealed(backend, membership.org_id, wanted, secret)

    def store() -> None:
        with backend.db.begin() as tx:
            before = repository.find(tx, membership.org_id)
            export = _changed(backend, membership.org_id, before, wanted, sealed, is_enabled=is_enabled)
            repository.store(tx, export)
            state = "on" if is_enabled else "off"
            text = f"Set the hourly export to {_in_words(export.destination)} ({state})"
            audit.record(tx, backend, caller, membership.org_id, Event.AUDIT_EXPORT_UPDATED, description=text)

    retry(store, when=is_race)


def delete(backend: Backend, caller: Caller, org: str) -> None:
    """Delete the settings of an organization's export; what was exported stays where it is. No error if there are none."""
    membership = _require(caller, org)

    def remove() -> None:
        with backend.db.begin() as tx:
            if repository.delete_export(tx, membership.org_id):
                text = "Deleted the hourly export"
                audit.record(tx, backend, caller, membership.org_id, Event.AUDIT_EXPORT_DELETED, description=text)

    retry(remove)


def try_destination(backend: Backend, caller: Caller, org: str, destination: Destination, secret: str = "") -> Result:
    """Write an object of no meaning to a destination that need not be set, and return how that went."""
    membership = _require(caller, org)
    before, wanted = find_export(backend, caller, org), _checked(backend, destination)
    now_millis = unix_millis(backend.clock.now())
    sealed = _sealed(backend, membership.org_id, wanted, secret)
    export = _changed(backend, membership.org_id, before, wanted, sealed, is_enabled=False)
    text = steps.open_secret(backend, export)
    try:
        archive = steps.open_archive(backend, membership.org_id, export.destination, text)
        archive.put(export.destination.key(membership.login, _TEST_NAME), _TEST_TEXT)
    except ArchiveError as error:
        return Result(now_millis, str(error)[:RESULT_LIMIT])
    return Result(now_millis, "")


def force(backend: Backend, caller: Caller, org: str, seconds: int | None) -> Result:
    """Export the hour of a moment in unix seconds now, or the last complete one, and return how that went.

    The object of an hour that was exported before is replaced. What is more than can be written in a request is written by a
    job. NotFound if the organization does not export its log.
    """
    membership = _require(caller, org)
    export, now_millis = get_export(backend, caller, org), unix_millis(backend.clock.now())
    hour = hour_of(seconds * 1000) if seconds is not None else hour_of(now_millis) - HOUR_MILLIS
    if hour > now_millis:
        raise BadRequest("timestamp is in the future")
    message, stopped = "", None
    try:
        stopped = steps.export_hour(backend, export, membership.login, hour)
    except ArchiveError as error:
        message = str(error)[:RESULT_LIMIT]
    result = Result(now_millis, message)

    def store() -> None:
        with backend.db.begin() as tx:
            repository.store_result(tx, membership.org_id, result)
            if stopped is not None:
                steps.queue_rest(tx, backend, membership.org_id, hour, stopped)
            when = f"the hour from {datetime.fromtimestamp(hour // 1000, UTC):%Y-%m-%d %H:%M} UTC"
            text = f"Could not export {when}: {message}" if message else f"Exported {when}"
            audit.record(tx, backend, caller, membership.org_id, Event.AUDIT_EXPORT_FORCED, description=text)

    retry(store)
    return result


def _require(caller: Caller, org: str) -> Membership:
    return caller.require(Permission.AUDIT_LOGS_EXPORT, org, missing=missing_org(org))


def _checked(backend: Backend, destination: Destination) -> Destination:
    destination = make_destination(destination)
    steps.require_address(backend, destination)
    return destination


def _sealed(backend: Backend, org_id: str, destination: Destination | None, secret: str) -> bytes | None:
    """Return the secret that was sent, sealed, or None where none was sent or none is needed."""
    if destination is None or not destination.has_secret or not secret:
        return None
    return steps.seal(backend, org_id, make_secret(destination, secret))


def _changed(
    backend: Backend,
    org_id: str,
    before: Export | None,
    destination: Destination | None,
    sealed: bytes | None,
    *,
    is_enabled: bool,
) -> Export:
    if destination is None:
        if before is None:
            raise BadRequest("a bucket or a container is needed: newS3Configuration")
        destination = before.destination
    now_millis = unix_millis(backend.clock.now())
    next_hour = before.next_hour if before is not None and before.is_enabled else hour_of(now_millis)
    return Export(
        org_id=org_id,
        is_enabled=is_enabled,
        destination=destination,
        sealed_secret=sealed or _kept_secret(before, destination),
        next_hour=next_hour,
        due_at=max(now_millis, steps.due_time(next_hour)),
        failures=0,
        result=before.result if before is not None else None,
    )


def _kept_secret(before: Export | None, destination: Destination) -> bytes | None:
    """Return the sealed secret of before, None where none is needed; BadRequest if it is not for this destination."""
    if not destination.has_secret:
        return None
    if before is None or before.sealed_secret is None or not destination.may_use_secret_of(before.destination):
        raise BadRequest("a secret is needed: secretAccessKey for S3, sasToken for Azure")
    return before.sealed_secret


def _in_words(destination: Destination) -> str:
    where = destination.bucket or destination.address
    return f"{destination.kind} {where}"
