"""Where a DIY backend keeps what it knows of a stack. Pure.

With projects, as `.pulumi/meta.yaml` says by version 1, it is `.pulumi/stacks/<project>/<stack>.json`; in the legacy layout the
project is missing in every path. Source: pkg/backend/diy/{store,state,stack_tags,lock}.go at v3.276.0.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

ROOT = ".pulumi/"
META = f"{ROOT}meta.yaml"
META_TEXT = b"version: 1\n"
_COMPRESSED = (".gz", ".zst")
_TAGS = ".pulumi-tags"
_HISTORY_FILE = re.compile(r"(?P<stack>.+)-(?P<stamp>[0-9]+)\.(?P<kind>history|checkpoint)\.json(\.gz|\.zst)?")
_STACKS, _HISTORY, _LOCKS = "stacks", "history", "locks"
# The only organization of a DIY backend.
ORGANIZATION = "organization"


@dataclass(slots=True)
class StackFiles:
    """The files of one stack by their keys; those of its history by their time in nanoseconds."""

    project: str
    name: str
    state: str = ""
    written_at: int = 0
    tags: str = ""
    lock: str = ""
    histories: dict[int, str] = field(default_factory=dict)
    checkpoints: dict[int, str] = field(default_factory=dict)


def sort(keys: Iterable[tuple[str, int]]) -> list[StackFiles]:
    """Return the stacks of (key, written at in unix milliseconds) pairs; in the legacy layout the project is empty."""
    stacks: dict[tuple[str, str], StackFiles] = {}

    def of(project: str, name: str) -> StackFiles:
        return stacks.setdefault((project, name), StackFiles(project, name))

    for key, written_at in keys:
        folder, *names = key.removeprefix(ROOT).split("/")
        if folder == _STACKS and len(names) in (1, 2):
            _sort_stack(of, names, key, written_at)
        elif folder == _HISTORY and len(names) in (2, 3) and (match := _HISTORY_FILE.fullmatch(names[-1])):
            files = of(names[0] if len(names) == 3 else "", names[-2])
            (files.histories if match["kind"] == "history" else files.checkpoints)[int(match["stamp"])] = key
        elif folder == _LOCKS and len(names) == 4 and names[0] == ORGANIZATION:
            of(names[1], names[2]).lock = key
        elif folder == _LOCKS and len(names) == 2:
            of("", names[0]).lock = key
    return sorted((files for files in stacks.values() if files.state), key=lambda files: (files.project, files.name))


def state_key(project: str, name: str) -> str:
    """Return the key of a stack's state, without compression."""
    return f"{ROOT}{_STACKS}/{project}/{name}.json"


def tags_key(project: str, name: str) -> str:
    """Return the key of a stack's tags."""
    return f"{ROOT}{_STACKS}/{project}/{name}{_TAGS}"


def history_prefix(project: str, name: str) -> str:
    """Return the beginning of the keys of a stack's history."""
    return f"{ROOT}{_HISTORY}/{project}/{name}/"


def history_keys(project: str, name: str, stamp: int) -> tuple[str, str]:
    """Return the keys of an update and of the state after it."""
    prefix = f"{history_prefix(project, name)}{name}-{stamp}"
    return f"{prefix}.history.json", f"{prefix}.checkpoint.json"


def _sort_stack(of: Callable[[str, str], StackFiles], names: list[str], key: str, written_at: int) -> None:
    project, file = names[0] if len(names) == 2 else "", names[-1]
    if file.endswith(_TAGS):
        of(project, file.removesuffix(_TAGS)).tags = key
        return
    for suffix in _COMPRESSED:
        file = file.removesuffix(suffix)
    if not file.endswith(".json"):
        return
    files = of(project, file.removesuffix(".json"))
    # A change of the compression may leave two files; clients read the newer one.
    if not files.state or written_at >= files.written_at:
        files.state, files.written_at = key, written_at
