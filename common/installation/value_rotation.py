"""Encrypts the values that the server keeps again, with new data keys, while it serves requests.

Each stack, project and environment gets a new data key, and keeps the one before: that still opens what is in users' files. Then
the secrets in its states and revisions are encrypted with the new key. A run may stop anywhere; the next one does what is left.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from common.backend import Backend
from common.core.clock import from_millis
from common.core.errors import BackendError, Unavailable
from common.crypto import owner_keys, wrapped_keys
from common.crypto.envelope import Envelope
from common.crypto.model import WrappedKey
from common.environments.renewal import renew_revisions
from common.installation.repository import bootstrap as repository
from common.stacks.state.renewal import forget_former, renew_states

# A request that began before a state was stored anew has ended after this time.
GRACE_SECONDS = 60.0
_ITEM = "rotation of values"
Show = Callable[[str], object]


@dataclass(slots=True)
class ValueRotation:
    """What a run did: how many data keys it replaced, how many values it encrypted again, and the problems.

    `continued_from` is when the rotation began that it continued, or None if it began one.
    """

    keys: int = 0
    values: int = 0
    problems: list[tuple[WrappedKey, str]] = field(default_factory=list)
    continued_from: datetime | None = None


def rotate_values(backend: Backend, *, grace_seconds: float = GRACE_SECONDS, show: Show = print) -> ValueRotation:
    """Replace all data keys of stacks, projects and environments, encrypt their values again, and return what was done.

    What cannot be encrypted again opens as before. After an outage the rotation is not finished: the next run goes on with it.
    """
    # No permission check: the operator, who runs this with the installation's settings, may change its keys.
    since, is_new = _begin(backend)
    result, owners, is_finished = ValueRotation(continued_from=None if is_new else since), _owners(backend), True
    for key in owners:
        try:
            result.keys += owner_keys.replace_key(backend, key, since)
            result.values += _renew(backend, key)
        except BackendError as error:
            result.problems.append((key, error.detail))
            is_finished = is_finished and not isinstance(error, Unavailable)
        show(f"{result.keys:,} data keys replaced, {result.values:,} values encrypted again")
    show("waiting for requests that began before the states were replaced")
    time.sleep(grace_seconds)
    for key in owners:
        if key.table == "stacks":
            forget_former(backend, key.id)
    if is_finished:
        with backend.db.connect() as connection:
            repository.delete(connection, _ITEM)
    return result


def _begin(backend: Backend) -> tuple[datetime, bool]:
    """Return when the rotation began that is not finished, or begin one; and whether it is new."""
    with backend.db.begin() as tx:
        began_at = repository.find_made_at(tx, _ITEM)
        if began_at is not None:
            return from_millis(began_at), False
        now = backend.clock.now()
        repository.note(tx, _ITEM, now)
        return now, True


def _owners(backend: Backend) -> list[WrappedKey]:
    """Return the data key of each stack, project and environment, which another process may replace meanwhile."""
    pages = wrapped_keys.iterate_pages(backend.db)
    return [key for page in pages for key in page if key.table in _RENEWALS]


def _renew(backend: Backend, key: WrappedKey) -> int:
    envelope = owner_keys.open_present(backend, key)
    return 0 if envelope is None else _RENEWALS[key.table](backend, key.id, envelope)


def _renew_nothing(_backend: Backend, _project_id: str, _envelope: Envelope) -> int:
    """Return 0: the values of a project are in users' files alone."""
    return 0


_RENEWALS: dict[str, Callable[[Backend, str, Envelope], int]] = {
    "stacks": renew_states,
    "environments": renew_revisions,
    "project_keys": _renew_nothing,
}
