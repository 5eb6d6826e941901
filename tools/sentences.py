"""Prints every sentence of ours that a person may read, for reading aloud: errors, log lines, pages, mails, help, settings.

python -m tools.sentences [--check]: with --check, only those that use a word docs/glossary.md tells us to avoid.
"""

import ast
import html
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.words import problem

ROOT = Path(__file__).parents[1]
PACKAGES = ("common", "functions", "aws")
LOG_CALLS = {"debug", "info", "warning", "error", "exception"}
# Markup, and Jinja's own: no one reads either.
MARKUP = re.compile(r"<style.*?</style>|<[^>]*>|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
# A text that a template hands to a macro: a label, a hint, a notice.
LABEL = re.compile(r'"([A-Z][^"]* [^"]*)"')


@dataclass(frozen=True, slots=True)
class Sentence:
    """One text with the place where it stands; a value that is filled in shows as `{name}`."""

    kind: str
    path: Path
    line: int
    text: str


def sentences() -> Iterator[Sentence]:
    """Yield all of them, file by file."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield from _of_module(path)
    for path in sorted((ROOT / "functions" / "pages" / "templates").rglob("*.html")):
        yield from _of_template(path)


def _of_module(path: Path) -> Iterator[Sentence]:
    tree = ast.parse(path.read_text("utf-8"))
    is_command_line = path.is_relative_to(ROOT / "functions" / "server")
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield from (Sentence("error", path, node.lineno, text) for text in _texts([*node.exc.args, *_values(node.exc)]))
        elif isinstance(node, ast.Return | ast.Assign | ast.AnnAssign) and node.value is not None:
            yield from (Sentence("text", path, node.lineno, text) for text in _texts([node.value]) if text.count(" ") > 2)
        elif isinstance(node, ast.Call):
            yield from _of_call(path, node)
        elif (
            is_command_line
            and isinstance(node, ast.FunctionDef)
            and any("command" in ast.unparse(d) for d in node.decorator_list)
        ):
            yield Sentence("help", path, node.lineno, ast.get_docstring(node) or "")


def _of_call(path: Path, call: ast.Call) -> Iterator[Sentence]:
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name in LOG_CALLS and isinstance(function, ast.Attribute) and ast.unparse(function.value) == "LOG":
        kind, arguments = "log", call.args[:1]
    elif name == "print":
        kind, arguments = "output", call.args
    elif path.parent.name == "sections":
        kind, arguments = "setting", call.args[1:]
    elif name in {"Option", "Argument"}:
        kind, arguments = "help", _values(call)
    elif name == "Mail":
        kind, arguments = "mail", [*call.args, *_values(call)]
    else:
        return
    yield from (Sentence(kind, path, call.lineno, text) for text in _texts(arguments))


def _values(call: ast.Call) -> list[ast.expr]:
    return [keyword.value for keyword in call.keywords]


def _texts(nodes: list[ast.expr]) -> Iterator[str]:
    """Yield what the expressions say, where it is text with at least one blank in it."""
    for node in nodes:
        text = _text(node)
        if " " in text.strip():
            yield " ".join(text.split())


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return f"{{{ast.unparse(node.value)}}}"
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    if isinstance(node, ast.IfExp):
        return f"{_text(node.body)} | {_text(node.orelse)}"
    return ""


def _of_template(path: Path) -> Iterator[Sentence]:
    source = path.read_text("utf-8")
    for number, line in enumerate(MARKUP.sub("\n", source).splitlines(), 1):
        text = " ".join(html.unescape(line).split())
        if " " in text and not text.startswith(("{{", "{%")):
            yield Sentence("page", path, number, text)
    for number, line in enumerate(source.splitlines(), 1):
        yield from (Sentence("page", path, number, html.unescape(label)) for label in LABEL.findall(line))


def main() -> int:
    """Print them, and with --check fail for any that a glossary rule speaks against."""
    check = "--check" in sys.argv[1:]
    failed = False
    for sentence in sentences():
        found = problem(sentence.text)
        if check and found is None:
            continue
        failed = failed or found is not None
        note = f"    [{found}]" if found else ""
        print(f"{sentence.kind:8}{sentence.path.relative_to(ROOT)}:{sentence.line}  {sentence.text}{note}")
    return int(check and failed)


if __name__ == "__main__":
    sys.exit(main())
