"""The one way in which an organization's settings are changed: a step for the use cases that are about one of them."""

from collections.abc import Callable

from sqlalchemy import Connection

from common.core.errors import NotFound
from common.db.faults import Contention
from common.people.orgs.repository import settings
from common.rights.org_settings import OrgSettings, decode, encode


def change_settings(tx: Connection, org_id: str, change: Callable[[OrgSettings], OrgSettings]) -> OrgSettings:
    """Change an organization's settings from what they are now, and return them as they are then.

    Raises Contention when somebody else changed them at the same time: run the use case with common.db.faults.repeated.
    """
    # No permission check: the use case made it.
    text = settings.find(tx, org_id)
    if text is None:
        msg = "the organization does not exist any more"
        raise NotFound(msg)
    old = decode(text)
    new = change(old)
    if new != old and not settings.swap(tx, org_id, text, encode(new)):
        msg = "the organization's settings were changed by somebody else at the same time; try again"
        raise Contention(msg)
    return new


def load_settings(tx: Connection, org_id: str) -> OrgSettings:
    """Return an organization's settings as they are now: a step of its caller's use case."""
    return decode(settings.find(tx, org_id) or "{}")
