"""Runs a change of a directory under the lock of its organization, so that such changes come one after the other."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from common.backend import Backend
from common.core.errors import Unavailable
from common.db.faults import is_race
from common.people.orgs.members import steps as members
from common.sign_in.scim.model import Directory

_T = TypeVar("_T")


def run_locked(backend: Backend, directory: Directory, change: Callable[[Connection], _T]) -> _T:
    """Run a change in one transaction under the organization's lock, and again if another organization took the same login."""
    return members.with_org_lock(
        backend,
        directory.org_id,
        change,
        when=is_race,
        failure=lambda: Unavailable("other requests keep taking the same login; try again"),
    )
