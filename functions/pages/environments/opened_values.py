"""The values of an environment as its pages list them: one row for each scalar, by path."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from common.environments.language.syntax import path as paths

ROWS_LIMIT = 2_000
_LONG = 200
_TITLES = {
    "environmentVariables": "Environment variables",
    "pulumiConfig": "Pulumi configuration",
    "files": "Files",
}
_OTHERS = "Values"


class _Position(msgspec.Struct, frozen=True):
    line: int = 0


class _Range(msgspec.Struct, frozen=True):
    environment: str = ""
    begin: _Position = _Position()


class _Trace(msgspec.Struct, frozen=True):
    definition: _Range = msgspec.field(name="def", default=_Range())


class EvaluatedValue(msgspec.Struct):
    """A value of the reply to a check or an open."""

    value: "bool | int | float | str | list[EvaluatedValue] | dict[str, EvaluatedValue] | None" = None
    secret: bool = False
    unknown: bool = False
    trace: _Trace = _Trace()


class _Evaluated(msgspec.Struct):
    properties: dict[str, EvaluatedValue] = {}


@dataclass(frozen=True, slots=True)
class Row:
    """A value: its path, its text, where it comes from, and whether it is a secret or not known."""

    path: str
    text: str
    environment: str
    is_secret: bool
    is_unknown: bool

    @property
    def is_long(self) -> bool:
        """Tell whether the text is unfolded when someone asks for it."""
        return len(self.text) > _LONG


@dataclass(frozen=True, slots=True)
class Section:
    """Values that are used in one way."""

    key: str
    title: str
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Values:
    """The values of an environment, up to a limit."""

    sections: list[Section]
    is_cut: bool

    @property
    def has_secrets(self) -> bool:
        """Tell whether any value is a secret."""
        return any(row.is_secret for section in self.sections for row in section.rows)

    @property
    def has_unknown(self) -> bool:
        """Tell whether any value is known only after the environment is opened."""
        return any(row.is_unknown for section in self.sections for row in section.rows)


def read_values(reply: bytes) -> Values:
    """Return the values in the reply to a check or an open."""
    properties = msgspec.json.decode(reply, type=_Evaluated).properties
    rows: dict[str, list[Row]] = {key: [] for key in (*_TITLES, "")}
    count = 0
    for name, value in properties.items():
        for row in _rows(value, (name,)):
            count += 1
            if count <= ROWS_LIMIT:
                rows[name if name in _TITLES else ""].append(row)
    sections = [Section(key, _TITLES.get(key, _OTHERS), found) for key, found in rows.items() if found]
    return Values(sections, count > ROWS_LIMIT)


def read_value(reply: bytes) -> str:
    """Return the text of one value of an opened environment."""
    return _text(msgspec.json.decode(reply, type=EvaluatedValue))


def _rows(value: EvaluatedValue, path: tuple[str | int, ...]) -> Iterator[Row]:
    content = value.value
    is_open = not (value.secret or value.unknown)
    if is_open and isinstance(content, dict) and content:
        for name, member in content.items():
            yield from _rows(member, (*path, name))
        return
    if is_open and isinstance(content, list) and content:
        for number, element in enumerate(content):
            yield from _rows(element, (*path, number))
        return
    yield Row(paths.join(path), _text(value), value.trace.definition.environment, value.secret, value.unknown)


def _text(value: EvaluatedValue) -> str:
    content = _plain(value)
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def _plain(value: EvaluatedValue) -> object:
    content = value.value
    if isinstance(content, dict):
        return {name: _plain(member) for name, member in content.items()}
    return [_plain(element) for element in content] if isinstance(content, list) else content
