"""Counts what our own text should do without: words that docs/glossary.md lists, and forms that CONTRIBUTING.md forbids.

python -m tools.word_check [folder …] prints each place. tests/test_words.py holds the numbers.
"""

import ast
import io
import itertools
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tools.sentences import sentences
from tools.words import CLASS_NAMES, problem

ROOT = Path(__file__).parents[1]
FOLDERS = ("aws", "bench", "common", "functions", "tests", "tools")
LEFT_OUT = (ROOT / "tests" / "e2e" / "programs", ROOT / "tests" / "e2e" / "tools")
# First words of a docstring that are not in the imperative.
THIRD_PERSON = re.compile(
    r"(?:Adds|Builds|Calls|Checks|Closes|Creates|Deletes|Finds|Gets|Gives|Keeps|Lists|Makes|Opens|Raises|Reads|Removes|Returns|Runs"
    r"|Sends|Sets|Starts|Stops|Tells|Waits|Writes|Yields)\b"
)


class Kind(StrEnum):
    """What is wrong with a text."""

    CLASS = "class name"
    DOCSTRING = "docstring"
    COMMENT = "comment"
    MESSAGE = "message"
    MOOD = "docstring not in the imperative"
    LATE_RAISE = "message assigned before it is raised"


@dataclass(frozen=True, slots=True)
class Place:
    """One text that should be written in another way."""

    kind: Kind
    path: Path
    line: int
    reason: str

    def __str__(self) -> str:
        """Return what an editor can jump to."""
        return f"{self.path.relative_to(ROOT)}:{self.line} {self.kind}: {self.reason}"


def places(*folders: str) -> Iterator[Place]:
    """Yield every place in these folders of ours, or in all."""
    for folder in folders or FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not any(path.is_relative_to(outside) for outside in LEFT_OUT):
                yield from places_in(path)
    for sentence in sentences():
        if sentence.path.relative_to(ROOT).parts[0] in (folders or FOLDERS) and (reason := problem(sentence.text)):
            yield Place(Kind.MESSAGE, sentence.path, sentence.line, reason)


def places_in(path: Path) -> Iterator[Place]:
    """Yield every place in a file's names, docstrings and comments."""
    source = path.read_text("utf-8")
    yield from _of_tree(path, ast.parse(source))
    yield from _of_comments(path, source)


def _of_tree(path: Path, tree: ast.Module) -> Iterator[Place]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name in CLASS_NAMES:
            yield Place(Kind.CLASS, path, node.lineno, node.name)
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
            yield from _of_docstring(path, node)
        for body in (getattr(node, "body", None), getattr(node, "orelse", None), getattr(node, "finalbody", None)):
            if isinstance(body, list):
                yield from _of_body(path, body)


def _of_docstring(path: Path, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Module) -> Iterator[Place]:
    text = ast.get_docstring(node) or ""
    line = 1 if isinstance(node, ast.Module) else node.lineno
    if reason := problem(text):
        yield Place(Kind.DOCSTRING, path, line, reason)
    is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("test_")
    if is_function and (word := THIRD_PERSON.match(text)):
        yield Place(Kind.MOOD, path, line, word[0])


def _of_body(path: Path, body: list[ast.stmt]) -> Iterator[Place]:
    for statement, following in itertools.pairwise(body):
        assigned = isinstance(statement, ast.Assign) and [ast.unparse(target) for target in statement.targets] == ["msg"]
        if assigned and isinstance(following, ast.Raise):
            yield Place(Kind.LATE_RAISE, path, statement.lineno, "raise X(…) with the message in it")


def _of_comments(path: Path, source: str) -> Iterator[Place]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and (reason := problem(token.string)):
            yield Place(Kind.COMMENT, path, token.start[0], reason)


if __name__ == "__main__":
    print(*places(*sys.argv[1:]), sep="\n")
