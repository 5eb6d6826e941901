"""Steps that find the caller in whose name a job works, such as a rotation that they scheduled."""

from datetime import datetime

from sqlalchemy import Connection

from common.access.repository import member_rights, tokens
from common.core.clock import unix_millis
from common.rights.caller import Caller


def token_of(caller: Caller) -> str | None:
    """Return the token to keep for a caller whose work is done later, a machine's; None for a person."""
    return None if caller.is_person else caller.token_id


def find_caller(connection: Connection, org_id: str, user_id: str, token_id: str | None, now: datetime) -> Caller | None:
    """Return the caller of an earlier request with the rights of today, or None if they have none in the organization.

    A person is found as a member, without the token of that request. A machine is found by its token, which must be valid.
    """
    # No permission check in this module: the job's work is decided by the rights of the caller.
    if token_id is None:
        return member_rights.find_caller(connection, org_id, user_id, unix_millis(now))
    return tokens.find_valid_caller(connection, token_id, unix_millis(now))
