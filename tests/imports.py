"""Reads every import of a source tree without running it, for the rules in test_architecture.py."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# `import x  # arch: why this one may` lets a single import break the rules; the reason is part of the syntax.
ESCAPE = re.compile(r"#\s*arch:\s*(?P<reason>.*)$")


@dataclass(frozen=True, slots=True)
class Import:
    """One name that one module imports."""

    module: str
    path: Path
    line: int
    # A module of the tree where the name is one, else the full dotted name.
    target: str
    # Inside a function: done when first called, not when the module is loaded.
    deferred: bool
    # Under `if TYPE_CHECKING`: never done at all.
    typing_only: bool
    escape: str | None

    def is_of(self, *packages: str) -> bool:
        """Whether the target is one of the packages or lies in one."""
        return is_in(self.target, *packages)

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.module} imports {self.target}"


@dataclass(frozen=True, slots=True)
class Tree:
    """The modules of some packages (name → file) and all they import."""

    modules: dict[str, Path]
    imports: tuple[Import, ...]


def is_in(name: str, *packages: str) -> bool:
    """Whether a dotted name is one of the packages or lies in one."""
    return any(name == package or name.startswith(package + ".") for package in packages)


def read_tree(root: Path, *packages: str) -> Tree:
    """Parse all Python files of packages (folders or single files) directly under `root`."""
    files = [path for package in packages for path in [root / f"{package}.py", *sorted((root / package).rglob("*.py"))]]
    modules = {module_name(path.relative_to(root)): path for path in files if path.is_file()}
    imports = tuple(found for name, path in modules.items() for found in imports_of(name, path, root, frozenset(modules)))
    return Tree(modules, imports)


def module_name(path: Path) -> str:
    """Return the dotted name of a file given by its path from the root."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(module: str, path: Path, root: Path, modules: frozenset[str]) -> Iterator[Import]:
    """Yield every import of one file, however deep it stands, and call of import_module with a literal name."""
    source = path.read_text("utf-8")
    lines = source.splitlines()
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node, deferred, typing_only in _walk(ast.parse(source), deferred=False, typing_only=False):
        escape = _escape(lines[node.lineno - 1 : node.end_lineno])
        for name in _names(node, package):
            target = _known(name, modules)
            yield Import(module, path.relative_to(root), node.lineno, target, deferred, typing_only, escape)


def escapes(tree: Tree) -> Iterator[tuple[Path, int, str]]:
    """Yield file, line and reason of every escape comment, whether it is on an import or not."""
    for path in tree.modules.values():
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if found := ESCAPE.search(line):
                yield path, number, found["reason"].strip()


def cycles(edges: dict[str, set[str]]) -> Iterator[list[str]]:
    """Yield one cycle for each edge that closes one: depth first, each module once."""
    done: set[str] = set()
    for start in sorted(edges):
        trail: list[str] = []
        stack = [iter([start])]
        while stack:
            following = next(stack[-1], None)
            if following is None:
                stack.pop()
                if trail:
                    done.add(trail.pop())
            elif following in trail:
                yield [*trail[trail.index(following) :], following]
            elif following not in done:
                trail.append(following)
                stack.append(iter(sorted(edges.get(following, ()))))


def _walk(node: ast.AST, *, deferred: bool, typing_only: bool) -> Iterator[tuple[ast.stmt | ast.Call, bool, bool]]:
    for child in ast.iter_child_nodes(node):
        inside = deferred or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if isinstance(child, ast.Import | ast.ImportFrom) or (isinstance(child, ast.Call) and _is_import_call(child)):
            yield child, inside, typing_only
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            for part in child.body:
                yield from _walk(ast.Module([part], []), deferred=inside, typing_only=True)
            for part in child.orelse:
                yield from _walk(ast.Module([part], []), deferred=inside, typing_only=typing_only)
        else:
            yield from _walk(child, deferred=inside, typing_only=typing_only)


def _is_import_call(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name in {"import_module", "__import__"} and bool(call.args) and isinstance(call.args[0], ast.Constant)


def _names(node: ast.AST, package: str) -> list[str]:
    if isinstance(node, ast.Call) and isinstance(node.args[0], ast.Constant):
        return [str(node.args[0].value)]
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:
        above = package.split(".")[: len(package.split(".")) - node.level + 1]
        base = ".".join([*above, base] if base else above)
    return [f"{base}.{alias.name}" for alias in node.names]


def _known(name: str, modules: frozenset[str]) -> str:
    """Return the module that a name of the tree lives in, or the name itself where it is no name of the tree."""
    if name in modules:
        return name
    parent = name.rpartition(".")[0]
    return parent if parent in modules else name


def _escape(lines: list[str]) -> str | None:
    for line in lines:
        if found := ESCAPE.search(line):
            return found["reason"].strip()
    return None
