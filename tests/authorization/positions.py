"""Where a row names things, in its address and its body, and what stands there: another tenant's thing, an own one, or none."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from tests.authorization.needs import KINDS, Row
from tests.stacks.engine.builders import urn

# Names in rows that are names of things, beside all that is written `<so>`.
OF_UPDATES = frozenset(f"{kind}-{name}" for kind in KINDS for name in ("live", "plain"))
NAMED = OF_UPDATES | {"acme", "annex", "shop", "dev", "ops", "given", "uma", "cora", "newt", "env", "announce", urn("b")}
# What is built in is no one's: its ids are constants.
BUILT_IN = ("<role admin>", "<set stack-read>")
Position = tuple[str | int, ...]


def positions(row: Row) -> list[Position]:
    """Return every place of a row where a thing is named."""
    in_path = [("at", name) for name, text in row.at.items() if f"{{{name}}}" in row.path and is_thing(text)]
    return [*in_path, *(("body", *place) for place, text in leaves(row.body) if is_thing(text))]


def is_thing(text: str) -> bool:
    """Whether a text of a row names a thing."""
    return text in NAMED or (text.startswith("<") and text.endswith(">") and text not in BUILT_IN)


def leaves(value: Any) -> Iterator[tuple[Position, str]]:
    """Yield every text in a body with its place."""
    if isinstance(value, str):
        yield (), value
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from (((name, *place), text) for place, text in leaves(part))


def filled(row: Row, choose: Callable[[Position, str], str]) -> Row:
    """Return the row with what `choose` gives for every place where a thing is named."""
    named = set(positions(row))
    at = {name: choose(("at", name), text) if ("at", name) in named else text for name, text in row.at.items()}
    return replace(row, at=at, body=_filled(row.body, ("body",), named, choose))


def _filled(value: Any, place: Position, named: set[Position], choose: Callable[[Position, str], str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(part, (*place, name), named, choose) for name, part in value.items()}
    if isinstance(value, list):
        return [_filled(part, (*place, number), named, choose) for number, part in enumerate(value)]
    return choose(place, value) if place in named else value
