"""The commands of a document, and what else of it can be held against what it speaks of."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Page:
    """A document."""

    path: Path

    @property
    def text(self) -> str:
        """The whole text."""
        return self.path.read_text("utf-8")

    @property
    def commands(self) -> list[str]:
        """The commands of its console blocks, without prompt and comment, each in one line."""
        found: list[str] = []
        for block in _BLOCK.findall(self.text):
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                first, *more = part.splitlines()
                # What is indented belongs to the command; what is not is what it prints.
                lines = [first, *(line for line in more if line.startswith(" "))]
                found.append(" ".join(line.strip().removesuffix("\\").strip() for line in lines))
        return found

    @property
    def words(self) -> set[str]:
        """What stands in backquotes."""
        outside = _BLOCK.sub("", self.text)
        return set(re.findall(r"`([^`\n]+)`", outside))

    @property
    def make_targets(self) -> set[str]:
        """The targets of `make` that it names."""
        return {name for place in (*self.commands, *self.words) for name in re.findall(r"(?:^|&& )make ([a-z][a-z-]+)", place)}

    def assignments(self, pattern: str = r"[A-Za-z]\w*") -> set[tuple[str, str]]:
        """What is written as NAME=value, in commands and in backquotes."""
        places = [*self.commands, *self.words]
        return {found for place in places for found in re.findall(rf"(?:^|[\s`])({pattern})=(\S+)", place)}

    def table(self, heading: str) -> list[list[str]]:
        """The cells of the first table after a heading, without its own head."""
        after = self.text.partition(f"{heading}\n")[2]
        rows = re.search(r"(?:^\|.*\|\n)+", after, re.MULTILINE)
        assert rows is not None, heading
        return [[cell.strip() for cell in line.strip("|").split("|")] for line in rows[0].splitlines()[2:]]


def make_targets() -> set[str]:
    """The targets of the Makefile and what it includes."""
    texts = [path.read_text("utf-8") for path in (ROOT / "Makefile", ROOT / "aws" / "build.mk")]
    return {name for text in texts for name in re.findall(r"^([a-z0-9][a-z0-9-]*):", text, re.MULTILINE)}


def amount(arithmetic: str) -> float:
    """Return the value of a cell of the cost tables: numbers, their units, × and +."""
    numbers = re.sub(r"[^0-9.×+()]", "", arithmetic.replace(",", ""))
    return float(eval(numbers.replace("×", "*"), {"__builtins__": {}}))
