"""The scripts and styles of the pages: built files that `console/` makes, named by the hash of their content."""

import json
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

_FOLDER = Path(__file__).parent / "assets"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".txt": "text/plain"}
# The name of a built file has its hash before the suffix. Old releases had other names, each with one file of a kind.
_HASH = re.compile(r"-[0-9a-z]{8}(?=\.\w+$)")
_OF_OLD = {".js": "console.js", ".css": "page.css"}
_LICENCES = "licences.txt"


class StaticFile(NamedTuple):
    """A file, its media type, and whether the name that was asked for names this very content."""

    content: bytes
    media_type: str
    is_exact: bool


@cache
def names() -> dict[str, str]:
    """Return the name of each built file by what pages call it, such as `page.css`."""
    files: dict[str, str] = json.loads((_FOLDER / "manifest.json").read_text("utf-8"))["files"]
    return files


def address(name: str) -> str:
    """Return where browsers fetch a built file."""
    return f"/assets/{names()[name]}"


def find(name: str) -> StaticFile | None:
    """Return a file by its name, or today's file in place of one that another release had, or None."""
    suffix = Path(name).suffix
    current = _LICENCES if name == _LICENCES else names().get(_HASH.sub("", name)) or names().get(_OF_OLD.get(suffix, ""))
    return StaticFile(_content(current), _TYPES[suffix], name == current) if current is not None else None


@cache
def _content(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()
