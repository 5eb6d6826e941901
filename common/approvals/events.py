"""Events of change requests: messages of the outbox that webhooks react to after the commit."""

import msgspec

from common.approvals.model import ChangeRequest
from common.outbox.model import NewMessage

TOPIC = "change-request"


class ChangeRequestEvent(msgspec.Struct, tag="change_request", frozen=True):
    """Something happened to a request. `name` is the event's name, as filters of webhooks have it, `change` its last word."""

    name: str
    change: str
    org_id: str
    request_id: str
    entity_type: str
    qualified_name: str
    target_id: str
    action: str
    status: str
    revision: int
    user_id: str


def message(request: ChangeRequest, change: str, user_id: str) -> NewMessage:
    """Return the message that a request was created, updated, approved, unapproved, closed, applied or submitted."""
    event = ChangeRequestEvent(
        name=f"change_request_{change}",
        change=change,
        org_id=request.org_id,
        request_id=request.id,
        entity_type=request.entity_type,
        qualified_name=request.qualified_name,
        target_id=request.target_id,
        action=request.action.value,
        status=request.status.value,
        revision=request.latest,
        user_id=user_id,
    )
    return NewMessage(TOPIC, "", request.id, msgspec.json.encode(event).decode())
