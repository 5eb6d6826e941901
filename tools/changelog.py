"""Puts the changelog in order: each kind of change once per version, in the order of Keep a Changelog, nothing twice.

python -m tools.changelog

CHANGELOG.md is merged by union, so that two changes never conflict in it. That leaves headings and, at times, entries twice.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")


def tidied(text: str) -> str:
    """Return the text with the sections of every version merged and sorted; entries keep their order within a kind.

    Raises ValueError for a heading that is not one of KINDS, and for an entry without a heading.
    """
    head, *versions = ("\n" + text).split("\n## ")
    return "\n## ".join([head.strip("\n") + "\n", *(_version(version) for version in versions)]).rstrip("\n") + "\n"


def main() -> int:
    """Rewrite CHANGELOG.md; return the exit code."""
    path = ROOT / "CHANGELOG.md"
    path.write_text(tidied(path.read_text("utf-8")), "utf-8")
    return 0


def _version(text: str) -> str:
    title, *lines = text.splitlines()
    # A dict keeps order and holds each entry once.
    entries: dict[str, dict[str, None]] = {}
    for block in _blocks(title, lines):
        kind, *rest = block.splitlines()
        entries.setdefault(kind, {}).update(dict.fromkeys(_entries(rest)))
    parts = [f"### {kind}\n\n" + "\n".join(entries[kind]) for kind in KINDS if entries.get(kind)]
    return "\n\n".join([title, *parts]) + "\n"


def _blocks(title: str, lines: list[str]) -> list[str]:
    before, *blocks = ("\n" + "\n".join(lines)).split("\n### ")
    if before.strip():
        raise ValueError(f"{title}: '{before.strip().splitlines()[0]}' stands under no heading")
    if unknown := [block.splitlines()[0] for block in blocks if block.splitlines()[0] not in KINDS]:
        raise ValueError(f"{title}: '### {unknown[0]}' is not one of {', '.join(KINDS)}")
    return blocks


def _entries(lines: list[str]) -> list[str]:
    entries: list[str] = []
    for line in filter(str.strip, lines):
        if line.startswith("- ") or not entries:
            entries.append(line)
        else:
            entries[-1] += "\n" + line
    return entries


if __name__ == "__main__":
    sys.exit(main())
