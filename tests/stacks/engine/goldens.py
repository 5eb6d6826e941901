"""Finds the golden cases: the small set in this folder, and the complete one beside the checkout where there is one."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from common.stacks.engine import document
from tests.reporting import missing_tool

CASES = Path(__file__).parent / "cases"
COMPLETE = Path(__file__).parents[4] / "shared" / "goldens"


@dataclass(frozen=True)
class JournalCase:
    """A journal and what it must amount to; texts are as they were written."""

    name: str
    base: bytes
    entries: list[bytes]
    expected: bytes | None
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def tags(self) -> set[str]:
        """How the expectation differs from ours on purpose."""
        return set(self.meta.get("compare") or [])


def own_cases() -> list[JournalCase]:
    """Return the cases of this folder."""
    return [_named(folder) for folder in sorted(CASES.iterdir()) if folder.is_dir()]


def complete_cases() -> Iterator[JournalCase]:
    """Yield the named and the random cases of the complete set."""
    for folder in sorted(path for path in (require_complete() / "journal").iterdir() if path.is_dir()):
        yield _named(folder)
    for line in lines("journal/random.jsonl"):
        parts = {name: bytes(text) for name, text in msgspec.json.decode(line, type=dict[str, msgspec.Raw]).items()}
        expected = parts.get("expected") or parts.get("expectedIfSkipped")
        yield JournalCase(
            json.loads(parts["name"]), _base(parts["base"]), _elements(parts["entries"]), expected, json.loads(parts["meta"])
        )


def lines(name: str) -> list[bytes]:
    """Return the lines of a file of the complete set; other separators than a line feed can be part of a text."""
    return [line for line in (require_complete() / name).read_bytes().split(b"\n") if line]


def member(line: bytes, name: str) -> bytes:
    """Return one member of a line as it is written."""
    return bytes(msgspec.json.decode(line, type=dict[str, msgspec.Raw])[name])


def require_complete() -> Path:
    """Return the folder of the complete set; without one skip the test, or fail it on a build machine."""
    if not COMPLETE.is_dir():
        missing_tool("the complete golden cases are not laid beside this checkout (../shared/goldens)")
    return COMPLETE


def numbers(text: bytes) -> set[bytes]:
    """Return the spellings of all numbers in a JSON text."""
    without_strings = re.sub(rb'"(?:[^"\\]|\\.)*"', b"", text)
    return set(re.findall(rb"-?\d[\d.eE+-]*", without_strings))


def _named(folder: Path) -> JournalCase:
    found = [folder / name for name in ("expected.json", "expected-if-skipped.json") if (folder / name).exists()]
    return JournalCase(
        folder.name,
        _base((folder / "base.json").read_bytes()),
        _elements((folder / "entries.json").read_bytes()),
        found[0].read_bytes() if found else None,
        json.loads((folder / "meta.json").read_bytes()),
    )


def _base(text: bytes) -> bytes:
    return document.EMPTY if text.strip() == b"null" else text


def _elements(text: bytes) -> list[bytes]:
    return [bytes(one) for one in msgspec.json.decode(text, type=list[msgspec.Raw])]
