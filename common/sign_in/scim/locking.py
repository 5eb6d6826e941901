"""All changes that a directory makes of one organization take turns with each other and with those of its members."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from common.backend import Backend
from common.core.errors import Unavailable
from common.db.faults import is_race
from common.people.orgs.members import steps as members
from common.sign_in.scim.model import Directory

_ATTEMPTS = 4
_T = TypeVar("_T")


def in_turn(backend: Backend, directory: Directory, change: Callable[[Connection], _T]) -> _T:
    """Run a change in one transaction under the organization's lock, and anew when another organization took a name first."""
    for _ in range(_ATTEMPTS):
        try:
            return members.with_org_lock(backend, directory.org_id, change)
        except Exception as error:
            if not is_race(error):
                raise
    msg = "others keep taking the same names; try again"
    raise Unavailable(msg)
