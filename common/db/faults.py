"""What an error of a database driver means, and which of our own errors it becomes.

A request that met an error has changed nothing: a single statement is all or nothing, and a transaction is rolled back.
The one exception is a connection that is lost while COMMIT is on its way, when the outcome is unknown.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from common.core.errors import BackendError, BadRequest, Conflict, TooLarge, Unavailable

# MySQL's error numbers.
DUPLICATE, DEADLOCK, LOCK_WAIT, PACKET, DENIED = 1062, 1213, 1205, 1153, 1045
# One of these errors means that the server is not the primary.
READ_ONLY = {
    1290,  # ER_OPTION_PREVENTS_STATEMENT: --read-only, --super-read-only; after a failover of Aurora and of Azure
    1792,  # ER_CANT_EXECUTE_INREAD_ONLY_TRANSACTION: transaction_read_only, which Aurora's readers set
    1836,  # ERREAD_ONLY_MODE
    1874,  # ER_INNODBREAD_ONLY
    3100,  # ER_RUN_HOOK_ERROR: a member that left its replication group takes no transaction
}
# The server's disk, or the room that it gives to tables, is used up.
FULL = (1021, 1114)
_SQLITE_DUPLICATES = {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}


class Contention(Unavailable):
    """The database ended a transaction in favour of another one: nothing was changed, and a repeat may succeed at once."""


def is_duplicate(error: BaseException) -> bool:
    """Tell whether a statement failed because a unique index has the row already."""
    if not isinstance(error, IntegrityError):
        return False
    return number(error) == DUPLICATE or getattr(error.orig, "sqlite_errorname", "") in _SQLITE_DUPLICATES


@contextmanager
def unless_taken(message: str) -> Iterator[None]:
    """Turn the database's refusal of a second row of a unique name into Conflict with that message."""
    try:
        yield
    except Exception as error:
        if is_duplicate(error):
            raise Conflict(message) from error
        raise


def is_contention(error: BaseException) -> bool:
    """Tell whether the transaction lost to another one: a repeat of the same may succeed."""
    return isinstance(error, Contention)


def is_race(error: BaseException) -> bool:
    """Tell whether another process was faster, so that the use case must read again and decide again."""
    return is_duplicate(error) or is_contention(error)


def number(error: BaseException | None) -> int | None:
    """Return the number that MySQL gave an error, of the driver's error or of SQLAlchemy's around it."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = cause.args[0] if cause is not None and cause.args else None
    return code if isinstance(code, int) else None


def words(error: BaseException | None) -> str:
    """Return what the driver said, without the statement and its values; an empty text when it was no driver."""
    cause = error.__cause__ if isinstance(error, BackendError) else error
    said = cause.orig.args if isinstance(cause, DBAPIError) and cause.orig else ()
    return str(said[-1]) if said else ""


@contextmanager
def translated() -> Iterator[None]:
    """Raise our own errors in place of the drivers', but those that a repository's caller must see (`is_duplicate`)."""
    try:
        yield
    except NoConnectionError as error:
        raise Unavailable("all connections to the database are in use; try again") from error
    except DataError as error:
        # Names and numbers are checked before they get here; this is what was overlooked.
        raise BadRequest("a value in the request is longer or larger than the database can store") from error
    except OperationalError as error:
        raise _operational(error) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable("the connection to the database was lost; try again") from error
        raise


def _operational(error: OperationalError) -> Exception:
    if getattr(error.orig, "sqlite_errorname", "") == "SQLITE_FULL":
        return Unavailable("the disk that holds the database is full; nothing was changed. Make room on it, and try again")
    match number(error):
        case code if code in FULL:
            return Unavailable("the disk of the database server is full; nothing was changed. Make room on it, and try again")
        case 1213:
            return Contention("the database ended this change in favour of another one; try again")
        case 1205:
            return Unavailable("another change held the same rows for too long; try again")
        case 1153:
            return TooLarge("the request is larger than the database takes at once (its max_allowed_packet)")
        case code if code in READ_ONLY:
            return Unavailable("the database is read-only at the moment, for example during a failover; try again")
        case _:
            return Unavailable("the database does not answer or is overloaded; try again")
