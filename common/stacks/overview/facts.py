"""What the client says of an update: its message, where it ran, the commit, and its configuration. No I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from common.stacks.model import Status
from common.stacks.overview.values import HIDDEN, Value, read_object, show
from common.stacks.updates.model import HistoryEntry

_MESSAGE_LIMIT = 400
_HOSTS = {"github.com": "https://github.com", "gitlab.com": "https://gitlab.com", "bitbucket.org": "https://bitbucket.org"}
_UNFINISHED = (Status.NOT_STARTED, Status.RUNNING, Status.FINISHING)
_CHANGES = {"create": "created", "update": "updated", "replace": "replaced", "delete": "deleted", "same": "unchanged"}
_LABELS = {
    "exec.kind": "Started by",
    "git.headName": "Branch",
    "git.author": "Commit author",
    "git.dirty": "Uncommitted changes",
    "vcs.kind": "Version control",
    "vcs.owner": "Repository owner",
    "vcs.repo": "Repository",
    "ci.system": "CI system",
    "ci.build.id": "Build",
    "ci.build.number": "Build number",
    "ci.build.type": "Build type",
    "ci.pr.number": "Pull request",
    "pulumi.version": "Pulumi version",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """A line about where an update ran; `address` is where more is told, if it is a web address."""

    label: str
    text: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a client said of an update when it created it."""

    message: str = ""
    environment: list[Fact] = field(default_factory=list)
    others: list[tuple[str, str]] = field(default_factory=list)
    config: list[Value] = field(default_factory=list)

    @property
    def title(self) -> str:
        """Return the first line of the message."""
        return next(iter(self.message.strip().splitlines()), "")[:_MESSAGE_LIMIT]


def facts_of(program: bytes) -> Facts:
    """Return what the request that created an update says; nothing of what is not understood."""
    body = read_object(program)
    metadata = _object(body.get("metadata"))
    environment = {name: value for name, value in _object(metadata.get("environment")).items() if isinstance(value, str)}
    message = metadata.get("message")
    # The commit is a fact of its own, and the address of a build is the link of its number.
    shown = {*_LABELS, "git.head", *(["ci.build.url"] if "ci.build.id" in environment else [])}
    return Facts(
        message=message if isinstance(message, str) else "",
        environment=_environment(environment),
        others=sorted((name, value) for name, value in environment.items() if name not in shown),
        config=[_config(name, value) for name, value in sorted(_object(body.get("config")).items())],
    )


def change_counts(changes: bytes | None) -> dict[str, int]:
    """Return how many resources an update created, updated, replaced and deleted, from what its client counted."""
    counts = {name: count for name, count in read_object(changes).items() if isinstance(count, int)}
    replaced = counts.get("replace", 0) or counts.get("create-replacement", 0)
    return {
        "create": counts.get("create", 0) + counts.get("import", 0),
        "update": counts.get("update", 0),
        "replace": replaced,
        "delete": counts.get("delete", 0),
        "same": counts.get("same", 0),
    }


def config_changes(before: Iterable[Value], after: Iterable[Value]) -> dict[str, str]:
    """Return how keys of a configuration differ from another one: `add`, `update` or `delete`; values of secrets do not tell."""
    old, new = ({value.name: value for value in values} for values in (before, after))
    changes = {name: "add" if name not in old else "update" for name, value in new.items() if old.get(name) != value}
    return {**changes, **{name: "delete" for name in old if name not in new}}


def summary_of(entry: HistoryEntry) -> str:
    """Return a sentence about an update: what it was, how it ended, how long it took and what it changed."""
    title = entry.kind.replace("-", " ").capitalize() + (f" {entry.version}" if entry.version else "")
    if entry.status in _UNFINISHED:
        return f"{title} is running." if entry.started_at else f"{title} has not started."
    seconds = max((entry.ended_at or 0) - (entry.started_at or entry.created_at), 0) // 1000
    changes = change_counts(entry.resource_changes)
    counted = [f"{changes[name]} {word}" for name, word in _CHANGES.items() if changes[name]]
    return f"{title} {entry.status} after {seconds} s: {', '.join(counted) or 'no changes reported'}."


def web_address(text: str) -> str:
    """Return an address that people may be sent to, or nothing."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return text if parts.scheme in ("http", "https") and parts.netloc and text.isprintable() else ""


def _environment(variables: Mapping[str, str]) -> list[Fact]:
    facts = []
    if head := variables.get("git.head"):
        facts.append(Fact("Commit", head[:12], _commit_address(variables, head)))
    for name, label in _LABELS.items():
        if text := variables.get(name):
            facts.append(Fact(label, text, web_address(variables.get("ci.build.url", "")) if name == "ci.build.id" else ""))
    return facts


def _commit_address(variables: Mapping[str, str], head: str) -> str:
    host = _HOSTS.get(variables.get("vcs.kind", ""))
    owner, repository = variables.get("vcs.owner", ""), variables.get("vcs.repo", "")
    if host is None or not owner or not repository or not head.isalnum():
        return ""
    return f"{host}/{quote(owner)}/{quote(repository)}/commit/{head}"


def _config(name: str, value: object) -> Value:
    """Return a configuration value, which is a text or says of itself whether it is a secret or an object."""
    if not isinstance(value, dict):
        return show(name, value)
    if value.get("secret"):
        return Value(name, HIDDEN, is_secret=True)
    return show(name, value.get("string", value))


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
