"""Plain JSON as YAML, spelled as go-yaml v3 spells it: block style, indented by four, members in the order of Go's maps.

Numbers are written in double quotes: upstream hands them to go-yaml as strings (go-yaml issue 807).
"""

import re

from common.environments.language.syntax import write
from common.environments.language.syntax.number import Number
from common.environments.language.syntax.text import valid
from common.environments.language.values.plain import Json

_SIMPLE_KEY_LENGTH = 128


def to_yaml(content: Json) -> str:
    """Return a document as go-yaml's Marshal writes it."""
    return _joined(YamlWriter(4, quotes_numbers=True).lines(content, 0))


def to_block(content: Json, indent: int) -> str:
    """Return a value in block style, each line indented, with numbers as numbers."""
    return _joined(YamlWriter(2, quotes_numbers=False).lines(content, indent))


class YamlWriter:
    """Writes values in block style."""

    def __init__(self, step: int, *, quotes_numbers: bool) -> None:
        """Indent by steps."""
        self.step = step
        self.quotes_numbers = quotes_numbers

    def lines(self, content: Json, indent: int) -> list[str]:
        """Return the lines of a value; a block of text is one line that ends with line feeds of its own."""
        lines: list[str] = []
        if isinstance(content, dict) and content:
            self.mapping(content, indent, lines)
        elif isinstance(content, list) and content:
            self.sequence(content, indent, lines)
        else:
            lines.append(" " * indent + self.scalar(content, self.deeper(indent)))
        return lines

    def mapping(self, content: dict[str, Json], indent: int, lines: list[str]) -> None:
        """Add the lines of an object."""
        for name in sorted(content, key=_natural):
            key = write.inline(valid(name))
            value = content[name]
            start = " " * indent + (f"{key}:" if len(key) <= _SIMPLE_KEY_LENGTH else f"? {key}\n{' ' * indent}:")
            if isinstance(value, dict | list) and value:
                lines.append(start)
                lines += self.lines(value, self.deeper(indent))
            else:
                lines.append(f"{start} {self.scalar(value, self.deeper(indent))}")

    def sequence(self, content: list[Json], indent: int, lines: list[str]) -> None:
        """Add the lines of a list."""
        for element in content:
            if isinstance(element, dict | list) and element:
                inner = self.lines(element, indent + 2)
            else:
                inner = [" " * (indent + 2) + self.scalar(element, indent + 2)]
            inner[0] = " " * indent + "- " + inner[0][indent + 2 :]
            lines += inner

    def scalar(self, content: Json, indent: int) -> str:
        """Return a scalar, or an empty object or list."""
        if isinstance(content, Number):
            return write.quoted(content) if self.quotes_numbers else str(content)
        if isinstance(content, str):
            text = valid(content)
            return write.block(text, indent, self.step) if write.allows_block(text) else write.inline(text)
        if isinstance(content, dict | list):
            return "{}" if isinstance(content, dict) else "[]"
        return {None: "null", True: "true", False: "false"}[content]

    def deeper(self, indent: int) -> int:
        """Return the next multiple of the step: inside a list, that is less than a step."""
        return self.step * ((indent + self.step) // self.step)


def _joined(lines: list[str]) -> str:
    return "".join(line if line.endswith("\n") else line + "\n" for line in lines)


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Return what go-yaml orders keys by: numbers in names by value, letters after other characters."""
    parts: list[tuple[int, int, str]] = []
    for part in re.findall(r"[0-9]+|[^0-9]", name):
        if part[0].isdecimal() and part.isascii():
            parts.append((1, int(part), part))
        else:
            parts.append((2 if part.isalpha() else 0, 0, part))
    return parts
