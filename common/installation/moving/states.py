"""Changes states on their way: their container, their secrets and the record of their secrets provider. Pure.

Nothing else in a state changes, not even the spelling of a number.
"""

import hashlib
import re
from collections.abc import Sequence

from msgspec import Raw

from common.core.compression import BadGzip, OverLimit, inflate, is_packed
from common.installation.moving.model import MovingError, StackName, Translate
from common.stacks.engine import document, jsontext, urn
from common.stacks.engine.document import BadDocument, Document
from common.stacks.engine.jsontext import Members

SERVICE = "service"
# A server takes 256 MiB, unless its operator allows more.
_MOST_BYTES = 1 << 30
_ZSTD = b"\x28\xb5\x2f\xfd"
# A secret of a state: upstream's apitype.SecretV1. In a JSON text, a quote inside a value is escaped, so this matches no value.
_MARK = rb'"4dabf18193072939515e22adb298388d"\s*:\s*"1b47061264138c4ac30d75fd1eb44270"'
_SECRET = re.compile(rb'(%b\s*,\s*"ciphertext"\s*:\s*")([^"\\]*)"|("ciphertext"\s*:\s*")([^"\\]*)"(\s*,\s*%b)' % (_MARK, _MARK))
_ANY_SECRET = re.compile(_MARK)
_PLAIN_SECRET = re.compile(rb'%b\s*,\s*"plaintext"' % _MARK)


def inflated(stored: bytes, where: str) -> bytes:
    """Return the text of a file that may be compressed; raises MovingError, also above a gigabyte."""
    if stored.startswith(_ZSTD):
        raise MovingError(f"{where} is compressed with zstd: have the client write it again, with PULUMI_DIY_BACKEND_GZIP=true")
    try:
        return inflate(stored, _MOST_BYTES) if is_packed(stored) else stored
    except BadGzip as error:
        raise MovingError(f"{where} is damaged: {error}") from error
    except OverLimit as error:
        raise MovingError(f"{where} inflates to more than {_MOST_BYTES:,} bytes") from error


def from_checkpoint(text: bytes, where: str) -> bytes | None:
    """Return the container of an export for a checkpoint file, or None for a stack without a state; raises MovingError."""
    shield = jsontext.shield_for([text])
    outer = jsontext.find_object(shield.hide(text))
    checkpoint = jsontext.find_object(outer.get("checkpoint")) if outer is not None else None
    if outer is None or checkpoint is None:
        raise MovingError(f"{where} is not a checkpoint")
    latest = jsontext.present(checkpoint.get("latest"))
    if latest is None:
        return None
    version = bytes(outer.get("version", b""))
    if not version.isdigit():
        raise MovingError(f"{where} has no version")
    listed = jsontext.find_list(outer.get("features")) or []
    features = [name for name in map(jsontext.find_text, listed) if name is not None]
    return document.container(shield.show(latest), features=features, version=int(version[:4]))


def to_checkpoint(text: bytes | None, name: StackName) -> bytes:
    """Return the checkpoint file of a DIY backend for a state; raises MovingError."""
    stack = {"stack": jsontext.raw(f"organization/{name}")}
    if text is None:
        return jsontext.write_object({"version": Raw(b"3"), "checkpoint": Raw(jsontext.write_object(stack))})
    opened = _open(text)
    checkpoint = jsontext.write_object({**stack, "latest": opened.outer["deployment"]})
    outer = {name: value for name, value in opened.outer.items() if name in ("version", "features")}
    return opened.shield.show(jsontext.write_object({**outer, "checkpoint": Raw(checkpoint)}))


def find_name(text: bytes | None) -> StackName | None:
    """Return the stack that the URNs of a state name, or None for a state without resources."""
    if text is None:
        return None
    for head in _open(text).heads():
        parsed = urn.find(head.urn or "")
        if parsed is not None:
            return StackName(parsed.project, parsed.stack)
    return None


def provider_type(text: bytes | None) -> str:
    """Return the type of the secrets provider of a state, or an empty text."""
    return jsontext.find_text(_provider(_open(text)).get("type")) or "" if text is not None else ""


def ciphertexts(text: bytes) -> list[str]:
    """Return the secrets of a state as they are encrypted, each once; raises MovingError for one in an unknown form."""
    values = [match[2] if match[2] is not None else match[4] for match in _SECRET.finditer(text)]
    if len(values) + len(_PLAIN_SECRET.findall(text)) != len(_ANY_SECRET.findall(text)):
        raise MovingError("the state has a secret in a form that this release does not know")
    return list(dict.fromkeys(value.decode() for value in values))


def translated(text: bytes, translate: Translate, provider_kind: str, provider_state: dict[str, str]) -> bytes:
    """Return a state with its secrets encrypted anew, for another provider; raises MovingError."""
    new = translate(ciphertexts(text))

    def replace(match: re.Match[bytes]) -> bytes:
        if match[2] is not None:
            return b'%b%b"' % (match[1], new[match[2].decode()].encode())
        return b'%b%b"%b' % (match[3], new[match[4].decode()].encode(), match[5])

    opened = _open(_SECRET.sub(replace, text))
    members = opened.members
    provider = {"type": provider_kind, "state": provider_state}
    members["secrets_providers"] = jsontext.raw(provider)
    return opened.shield.show(jsontext.write_object({**opened.outer, "deployment": Raw(jsontext.write_object(members))}))


def fingerprint(text: bytes | None) -> str:
    """Return a hash of a state that stays the same when its secrets are encrypted anew."""
    if text is None:
        return ""
    opened = _open(text)
    members: Members = {name: value for name, value in opened.members.items() if name != "secrets_providers"}
    bare = _SECRET.sub(b"", opened.shield.show(jsontext.write_object(members)))
    return digest(jsontext.compact(bare))


def digest(text: bytes) -> str:
    """Return a hash of a text."""
    return hashlib.sha256(text).hexdigest()


def service_state(url: str, path: Sequence[str]) -> dict[str, str]:
    """Return the record of the service's own secrets provider for a stack (organization, project, name)."""
    owner, project, stack = path
    return {"url": url, "owner": owner, "project": project, "stack": stack}


def _open(text: bytes) -> Document:
    try:
        return document.open_document(text)
    except BadDocument as error:
        raise MovingError(f"the state cannot be read: {error}") from error


def _provider(opened: Document) -> Members:
    return jsontext.find_object(opened.members.get("secrets_providers")) or {}


def is_blank(text: bytes) -> bool:
    """Tell whether the service has no state yet and answers with an empty one, which no client wrote."""
    members = _open(text).members
    return "resources" not in members and "secrets_providers" not in members
