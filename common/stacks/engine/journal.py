"""Replays a journal: builds the state of an update from its base and its journal entries.

Every stored journal results in a deployment, also a damaged one; its errors are in the result and in the deployment's
`metadata.integrity_error`. No clock: the caller passes the time. Rules: state.md 6.4, 6.6, B.1, B.3.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from msgspec import Raw

from common.stacks.engine import checks, comparison, document, entry, jsontext, progress, steps
from common.stacks.engine.document import Document
from common.stacks.engine.entry import Damage, Part, TooMuch
from common.stacks.engine.jsontext import Members, Shield
from common.stacks.engine.progress import Base, Progress, ReplayedDeployment

INTEGRITY_ERROR = "integrity_error"
DEFAULT_CEILING_BYTES = 256 << 20
# How often the size of the progress is checked while as many entries are read as the ceiling allows.
_CHECKS = 8
# A journal that is damaged throughout repeats the same error; the first findings are the useful ones.
_MOST_FINDINGS = 50
# Members of a deployment that a replay writes itself; all others are copied from the base.
_OWN_MEMBERS = ("manifest", "secrets_providers", "resources", "pending_operations", "metadata", "snippets", "extensions")


@dataclass(frozen=True, slots=True)
class _End:
    """The end of the update: the client's version, the time, and the command."""

    cli_version: str
    now: datetime
    command: str


@dataclass(frozen=True, slots=True)
class Replay:
    """The result of a replay: the container after the update."""

    text: bytes
    resource_count: int
    damage: tuple[str, ...]  # errors in the journal, for the log and the update's result
    order: tuple[int, ...] | None  # positions in the base, if only the order of its resources changed; () if nothing changed
    integrity_error: str | None  # the first rule that the state breaks

    @property
    def unchanged(self) -> bool:
        """Tell whether nothing but the manifest's time differs from the base."""
        return self.order == ()


class _MarkTaken(Exception):
    """A batch contains the character that the shield uses as its mark."""


def replay(
    base: bytes,
    parts: Sequence[Part],
    *,
    cli_version: str,
    now: datetime,
    command: str = "update",
    ceiling_bytes: int = DEFAULT_CEILING_BYTES,
) -> Replay:
    """Return the container after the journal; its batches may be repeated, overlapping and out of order.

    Batches are read one after another, and only what the state needs stays in memory. `cli_version` is for the manifest; if it
    is empty the base's stays. Raises BadDocument only for an unreadable base, and TooMuch for a journal that needs more
    memory than the ceiling, or more work than the journal of a real client.
    """
    end = _End(cli_version, now, command)
    try:
        return _replay(base, parts, jsontext.shield_beside(jsontext.used_marks([base])), end, ceiling_bytes)
    except _MarkTaken:
        used = jsontext.used_marks([base])
        for part in parts:
            used |= jsontext.used_marks([part.read()])
        return _replay(base, parts, jsontext.shield_beside(used), end, ceiling_bytes)


def _replay(base: bytes, parts: Sequence[Part], shield: Shield, end: _End, ceiling_bytes: int) -> Replay:
    opened = document.open_document(shield.hide(base), shield)
    damage = Damage()
    state = progress.start(opened)
    hidden = [Part(part.first_sequence, partial(_hidden, shield, part.read)) for part in parts]
    unchecked = 0
    for item, taken in entry.in_order(hidden, damage, ceiling_bytes):
        steps.apply(state, item)
        unchecked += taken
        if unchecked > ceiling_bytes // _CHECKS:
            unchecked = 0
            if state.size_bytes > ceiling_bytes:
                raise TooMuch(f"the state that it describes needs more than {ceiling_bytes:,} bytes")
    return _finish(opened, state, damage, end, base)


def _hidden(shield: Shield, read: Callable[[], bytes]) -> bytes:
    text = read()
    if shield.mark and jsontext.uses_mark(text, shield.mark):
        raise _MarkTaken
    return shield.hide(text)


def _finish(opened: Document, state: Progress, reading: Damage, end: _End, base: bytes) -> Replay:
    deployment, shield = state.deployment(), opened.shield
    damage = _findings([*reading, *state.damage, *deployment.damage])
    version = end.cli_version or _base_version(opened)
    verdict = checks.verdict([item.head for item in deployment.resources], deployment.snippets)
    error = verdict or (f"damaged journal: {damage[0]}" if damage else None)
    finding = {"version": version, "command": end.command, "error": error} if error else None
    text = shield.show(_write(opened, state.base, deployment, _manifest(version, end.now), finding))
    words = tuple(shield.show_words(message) for message in damage)
    broken_rule = checks.shortened(shield.show_words(verdict)) if verdict is not None else None
    return Replay(text, len(deployment.resources), words, comparison.find_order(base, text), broken_rule)


def _findings(damage: list[str]) -> list[str]:
    """Return each finding once, and the number of findings that a long list leaves out."""
    distinct = list(dict.fromkeys(damage))
    left_out = len(distinct) - _MOST_FINDINGS
    return [*distinct[:_MOST_FINDINGS], f"and {left_out} more"] if left_out > 0 else distinct


def _base_version(opened: Document) -> str:
    manifest = jsontext.find_object(opened.members.get("manifest")) or {}
    return jsontext.find_text(manifest.get("version")) or ""


def _manifest(version: str, now: datetime) -> Raw:
    time = now.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return jsontext.raw({"time": time, "magic": checks.magic(version), "version": version})


def _write(opened: Document, base: Base, deployment: ReplayedDeployment, manifest: Raw, finding: dict[str, str] | None) -> bytes:
    """Return the container's text, in upstream's order of members."""
    parts: list[tuple[str, list[bytes]]] = [("manifest", [manifest])]
    provider = jsontext.present(base.members.get("secrets_providers"))
    if provider is not None:
        parts.append(("secrets_providers", [provider]))
    if deployment.resources:
        parts.append(("resources", _listed([item.text for item in deployment.resources])))
    if deployment.operations:
        parts.append(("pending_operations", _listed([operation.text for operation in deployment.operations])))
    parts.append(("metadata", [_metadata(base.members, finding)]))
    if deployment.snippets is not None and not jsontext.is_empty(deployment.snippets):
        parts.append(("snippets", [deployment.snippets]))
    if deployment.extensions:
        parts.append(("extensions", [jsontext.raw(deployment.extensions)]))
    parts += [(name, [value]) for name, value in base.members.items() if name not in _OWN_MEMBERS]
    return document.write_document(opened.outer, parts, sorted(deployment.features))


def _metadata(members: Members, finding: dict[str, str] | None) -> Raw:
    """Return the base's metadata with the error of this state in place of an earlier error."""
    metadata = jsontext.find_object(members.get("metadata")) or {}
    metadata.pop(INTEGRITY_ERROR, None)
    if finding is not None:
        metadata[INTEGRITY_ERROR] = jsontext.raw(finding)
    return Raw(jsontext.write_object(metadata))


def _listed(texts: list[Raw]) -> list[bytes]:
    pieces: list[bytes] = []
    for text in texts:
        pieces += (b"," if pieces else b"[", text)
    return [*pieces, b"]"]
