"""Paths in documents: `values.a.b`, `imports[0]`, `values["with-hyphen"]`."""

import re

Path = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_INDEX = re.compile(r"\d{1,9}", re.ASCII)
_END_OF_NAME = re.compile(r"[.\[]")


def join_key(root: str, key: str) -> str:
    """Return the path of a member; the empty key adds nothing, as upstream has it."""
    if not key:
        return root
    if _BARE.fullmatch(key):
        return f"{root}.{key}" if root else key
    escaped = key.replace('"', '\\"')
    return f'{root}["{escaped}"]'


def join_index(root: str, index: int) -> str:
    """Return the path of an element."""
    return f"{root}[{index}]"


def parse(text: str) -> Path:
    """Return the steps of a path; raises ValueError for what is no path."""
    steps: list[str | int] = []
    rest = text
    while rest:
        step, rest = _subscript(rest) if rest[0] == "[" else _name(rest, is_first=not steps)
        steps.append(step)
    return tuple(steps)


def _name(rest: str, *, is_first: bool) -> tuple[str, str]:
    if rest[0] == ".":
        # A leading dot names the root; between steps it separates them.
        rest = rest[1:]
        if rest.startswith("["):
            return _as_name(_subscript(rest))
    elif not is_first:
        raise ValueError("expected '.' or '[' after ']'")
    end = _END_OF_NAME.search(rest)
    name = rest[: end.start()] if end else rest
    if not name:
        raise ValueError("expected a property name")
    return name, rest[len(name) :]


def _as_name(step: tuple[str | int, str]) -> tuple[str, str]:
    name, rest = step
    if not isinstance(name, str):
        raise ValueError("expected a property name after '.'")  # noqa: TRY004 - of the text, not of an argument
    return name, rest


def _subscript(rest: str) -> tuple[str | int, str]:
    if rest.startswith('["'):
        return _quoted(rest)
    index, closed, after = rest[1:].partition("]")
    if not closed or not _INDEX.fullmatch(index):
        raise ValueError("expected an index or a quoted name between '[' and ']'")
    return int(index), after


def _quoted(rest: str) -> tuple[str, str]:
    name: list[str] = []
    at = 2
    while at < len(rest):
        if rest[at] == '"':
            if rest[at + 1 : at + 2] != "]":
                raise ValueError("missing ']' after a quoted name")
            return "".join(name), rest[at + 2 :]
        if rest[at : at + 2] == '\\"':
            at += 1
        name.append(rest[at])
        at += 1
    raise ValueError("missing closing quote in a name")


def join(steps: Path) -> str:
    """Return the text of a path."""
    text = ""
    for step in steps:
        text = join_index(text, step) if isinstance(step, int) else join_key(text, step)
    return text
