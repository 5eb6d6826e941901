"""Bodies of deliveries: upstream's raw payloads (platform.md 9), and messages for Slack and Microsoft Teams."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec

from common.approvals.events import ChangeRequestEvent
from common.environments.events import EnvironmentEvent, EventName
from common.stacks.events import StackEvent, UpdateEvent, ViolationEvent
from common.webhooks.model import Format
from common.webhooks.repository import Profile

PING_TEXT = "🍹 Just a friendly ping from Pulumi 🍹"
_GOOD, _BAD, _PLAIN = "good", "attention", "default"
_SLACK_COLORS = {_GOOD: "#36a64f", _BAD: "#d00000", _PLAIN: "#8a3391"}


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload of a kind, with what a person is told of it."""

    kind: str
    raw: dict[str, Any]
    title: str
    details: str = ""
    url: str = ""
    mood: str = _PLAIN


def ping(user: Profile, organization: Profile, seconds: int) -> Payload:
    """Return the payload of a ping."""
    raw = {"timestamp": seconds, "message": PING_TEXT, **_people(user, organization)}
    return Payload("ping", raw, PING_TEXT)


def stack(event: StackEvent, user: Profile, organization: Profile, base_url: str) -> Payload:
    """Return the payload of a stack that was created or deleted."""
    raw = {
        **_people(user, organization),
        "action": event.action,
        "projectName": event.project,
        "stackName": event.stack,
    }
    path = f"{event.org}/{event.project}/{event.stack}"
    url = f"{base_url}/{quote(path)}" if event.action == "created" else ""
    return Payload("stack", raw, f"Stack {path} was {event.action} by {user.login}", url=url)


def update(event: UpdateEvent, user: Profile, organization: Profile, resource_changes: dict[str, int], base_url: str) -> Payload:
    """Return the payload of an update or a preview."""
    path = f"{event.org}/{event.project}/{event.stack}"
    place = f"previews/{event.update_id}" if event.is_preview else f"updates/{event.version}"
    url = f"{base_url}/{quote(path)}/{place}"
    raw = {
        **_people(user, organization),
        "projectName": event.project,
        "stackName": event.stack,
        "updateUrl": url,
        "kind": event.kind,
        "result": event.result,
        "resourceChanges": resource_changes,
        "isPreview": event.is_preview,
    }
    what = "Preview" if event.is_preview else event.kind.capitalize()
    changes = ", ".join(f"{number} {operation}" for operation, number in sorted(resource_changes.items()))
    mood = {"succeeded": _GOOD, "failed": _BAD}.get(event.result, _PLAIN)
    kind = "stack_preview" if event.is_preview else "stack_update"
    return Payload(kind, raw, f"{what} of stack {path} {event.result}, by {user.login}", changes, url, mood)


def violation(event: ViolationEvent, user: Profile, organization: Profile, base_url: str) -> Payload:
    """Return the payload of a violation of a policy; its members are our own."""
    path = f"{event.org}/{event.project}/{event.stack}"
    url = f"{base_url}/{quote(path)}/updates/{event.version}"
    raw = {
        **_people(user, organization),
        "projectName": event.project,
        "stackName": event.stack,
        "updateUrl": url,
        "policyPack": event.pack,
        "policyPackVersion": event.pack_version,
        "policyName": event.policy,
        "enforcementLevel": event.level,
        "message": event.message,
        "resourceUrn": event.urn,
    }
    title = f"Update {event.version} of stack {path} violated policy {event.policy} of {event.pack}, {event.level}"
    return Payload("policy_violation", raw, title, event.message, url, _BAD)


def environment(event: EnvironmentEvent, user: Profile, organization: Profile, base_url: str) -> Payload:
    """Return the payload of an event of an environment."""
    path = f"{event.org}/{event.project}/{event.environment}"
    raw = {**_people(user, organization), "projectName": event.project, "environmentName": event.environment}
    if event.imported is None:
        raw["action"] = event.action
    if event.tag:
        raw["tagName"] = event.tag
    if event.revision is not None:
        raw["revision"] = event.revision
    if event.error:
        raw["errorMessage"] = event.error
    if event.imported is not None:
        imported = event.imported
        raw["affectedRevisions"] = event.affected_revisions
        raw["importedEnvironmentReference"] = {
            "projectName": imported.project,
            "environmentName": imported.name,
            "revision": imported.revision,
        }
    is_gone = event.name == EventName.DELETED
    url = "" if is_gone else f"{base_url}/{quote(event.org)}/esc/{quote(event.project)}/{quote(event.environment)}"
    mood = {EventName.ROTATION_SUCCEEDED: _GOOD, EventName.ROTATION_FAILED: _BAD}.get(EventName(event.name), _PLAIN)
    return Payload(event.kind, raw, _title(event, path, user), event.error, url, mood)


def _title(event: EnvironmentEvent, path: str, user: Profile) -> str:
    if event.imported is not None:
        imported = event.imported
        return f"Environment {path} imports {imported.project}/{imported.name}, which has a new revision {imported.revision}"
    what = {
        "environment": "Environment",
        "environment_revision": f"Revision {event.revision} of environment",
        "environment_revision_tag": f"Revision tag {event.tag} of environment",
        "environment_tag": f"Tag {event.tag} of environment",
        "environment_rotation": "Rotation of secrets of environment",
    }[event.kind]
    verb = event.action if event.kind == "environment_rotation" else f"was {event.action}"
    return f"{what} {path} {verb}, by {user.login}"


def change_request(event: ChangeRequestEvent, user: Profile, organization: Profile, base_url: str) -> Payload:
    """Return the payload of something that happened to a change request. Upstream's is documented nowhere (additions.md 5)."""
    project, _, environment = event.qualified_name.partition("/")
    url = f"{base_url}/{quote(organization.login)}/esc/{quote(event.qualified_name)}?version={event.request_id}"
    raw = {
        **_people(user, organization),
        "action": event.change,
        "changeRequestId": event.request_id,
        "changeRequestUrl": url,
        "status": event.status,
        "revisionNumber": event.revision,
        "entityType": event.entity_type,
        "entityAction": event.action,
        "projectName": project,
        "environmentName": environment,
    }
    what = "Change of" if event.action == "update" else "Opening"
    title = (
        f"{what} {event.entity_type} {organization.login}/{event.qualified_name}: change request {event.change} by {user.login}"
    )
    mood = {"applied": _GOOD, "closed": _BAD}.get(event.change, _PLAIN)
    return Payload("change_request", raw, title, f"Status: {event.status}", url, mood)


def body(payload: Payload, form: Format) -> str:
    """Return the body of a delivery as JSON."""
    writer = {Format.SLACK: _slack, Format.TEAMS: _teams}.get(form)
    document = writer(payload) if writer is not None else payload.raw
    return msgspec.json.encode(document).decode()


def _slack(payload: Payload) -> dict[str, Any]:
    """Return a message for an incoming webhook of Slack."""
    title = _escaped(payload.title)
    fields = {"color": _SLACK_COLORS[payload.mood], "fallback": title, "text": _escaped(payload.details)}
    link = {"title": "Show in the console", "title_link": payload.url} if payload.url else {}
    return {"text": title, "attachments": [fields | link] if payload.details or payload.url else []}


def _teams(payload: Payload) -> dict[str, Any]:
    """Return a message with an Adaptive Card, which a workflow of Teams takes (additions.md 5)."""
    texts = [{"type": "TextBlock", "text": payload.title, "weight": "bolder", "wrap": True, "color": payload.mood}]
    if payload.details:
        texts.append({"type": "TextBlock", "text": payload.details, "wrap": True})
    actions = [{"type": "Action.OpenUrl", "title": "Show in the console", "url": payload.url}] if payload.url else []
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": texts,
        "actions": actions,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _escaped(text: str) -> str:
    """Return a text that Slack shows as it is: these three characters begin links and mentions."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _people(user: Profile, organization: Profile) -> dict[str, Any]:
    return {"user": _person(user), "organization": _person(organization)}


def _person(profile: Profile) -> dict[str, str]:
    return {"name": profile.name, "githubLogin": profile.login, "avatarUrl": profile.avatar_url}
