"""Import rules that depend on where a module is, each with its reason. The order of the strata is in pyproject.toml.

A rule names folders and file names that every area has (`service.py`, `repository`, `model.py`), never single modules: a new
file is under the right rules by being in the right folder. docs/decisions/0007 says what each folder holds.
"""

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.imports import Import, Tree, is_in

# Folders whose modules are functions of values, besides every `model.py`.
PURE_FOLDERS = ("engine", "language", "rights")
PURE_MAY_IMPORT = ("msgspec", "re2", "yaml", "common.core", "common.rights")
DOES_INPUT_OUTPUT = (
    "asyncio",
    "concurrent",
    "ftplib",
    "http.client",
    "http.server",
    "logging",
    "multiprocessing",
    "os",
    "pathlib",
    "random",
    "secrets",
    "select",
    "shutil",
    "signal",
    "smtplib",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib.request",
    "uuid",
)
FIRST_PARTY = ("common", "functions", "aws", "function_app")
SQL = ("sqlalchemy", "pymysql", "pg8000", "sqlite3")
CLOUD_SDKS = ("boto3", "botocore", "azure", "google.cloud", "aws_xray_sdk", "opentelemetry.sdk", "opentelemetry.exporter")
ENTRY_POINTS = ("aws", "function_app")
ENTRY_POINTS_MAY_IMPORT = (
    "functions",
    "aws",
    "common.backend",
    "common.config",
    "common.core",
    "common.installation",
    "common.ports",
)


@dataclass(frozen=True, slots=True)
class Rule:
    """What no import may do, and why."""

    name: str
    reason: str
    breaks: Callable[[Import], bool]


def area_of(module: str) -> str:
    """Return the package a module belongs to; what is in `service/` or `repository/` belongs to the area around it."""
    parts = module.split(".")
    return ".".join(next((parts[:at] for at, part in enumerate(parts) if part in {"service", "repository"}), parts[:-1]))


def is_repository(module: str) -> bool:
    """Tell whether a module holds statements: `repository.py`, or a topic in `repository/`."""
    return "repository" in module.split(".")


def is_service(module: str) -> bool:
    """Tell whether a module is an area's front door: `service.py`, or a topic in `service/`."""
    return is_in(module, "common") and "service" in module.split(".")


def is_pure(module: str) -> bool:
    """Tell whether a module is a pure core: values in, values out."""
    parts = module.split(".")
    in_pure_folder = parts[0] == "common" and any(part in PURE_FOLDERS for part in parts[1:-1])
    return in_pure_folder or (parts[0] == "common" and parts[-1] == "model")


def _impure(imported: Import) -> bool:
    if not is_pure(imported.module) or imported.is_of(*PURE_MAY_IMPORT) or is_pure(imported.target):
        return False
    allowed = imported.target.split(".")[0] in sys.stdlib_module_names and not imported.is_of(*DOES_INPUT_OUTPUT)
    return not allowed


def _repository_reaches_out(imported: Import) -> bool:
    if not is_repository(imported.module) or not imported.is_of(*FIRST_PARTY):
        return False
    if imported.is_of("common.db", "common.core") or is_pure(imported.target):
        return False
    return area_of(imported.target) != area_of(imported.module) or is_service(imported.target)


def _foreign_repository(imported: Import) -> bool:
    # The rooms of an area share its repository, and modules that stand beside the rooms may use theirs.
    here, there = area_of(imported.module), area_of(imported.target)
    return is_repository(imported.target) and not is_in(there, here) and not (is_in(here, there) and there != "common")


def _side_door(imported: Import) -> bool:
    inside = is_in(imported.module, "common") and area_of(imported.module) != area_of(imported.target)
    return is_service(imported.target) and inside


def _driver_reaches_out(imported: Import) -> bool:
    parts = imported.module.split(".")
    if parts[:2] != ["common", "ports"] or len(parts) < 4 or not imported.is_of(*FIRST_PARTY):
        return False
    shared = imported.target.split(".")[:2] == ["common", "ports"] and imported.target.count(".") == 2
    return not imported.is_of("common.core", area_of(imported.module)) and not shared


def _statement_elsewhere(imported: Import) -> bool:
    # A service passes its transaction on, so it may name the type.
    return (
        imported.is_of(*SQL)
        and imported.target != "sqlalchemy.Connection"
        and not is_in(imported.module, "common.db")
        and not is_repository(imported.module)
    )


def _early_sdk(imported: Import) -> bool:
    early = not imported.deferred and not imported.typing_only
    return imported.is_of(*CLOUD_SDKS) and early and not is_in(imported.module, *ENTRY_POINTS)


RULES = (
    Rule(
        "pure core",
        "what merges, replays and decides must be a function of its arguments, so that it can be tested with values and trusted",
        _impure,
    ),
    Rule(
        "repository",
        "statements know the tables and their own area's models; a rule or another area in there cannot be found again",
        _repository_reaches_out,
    ),
    Rule(
        "foreign repository",
        "an area's rules and permissions are in its service and steps; its repository is a way around them",
        _foreign_repository,
    ),
    Rule(
        "front door",
        "a use case opens its own transaction and checks permissions: inside common/ the steps are called, never another area's "
        "use case",
        _side_door,
    ),
    Rule(
        "driver",
        "a driver knows its port and one SDK, so that another cloud is one more file",
        _driver_reaches_out,
    ),
    Rule(
        "statements in repositories",
        "a statement outside a repository escapes the review of who writes a table",
        _statement_elsewhere,
    ),
    Rule(
        "no ORM",
        "an ORM hides round trips to the database, and the budget of a request counts them",
        lambda imported: imported.is_of("sqlalchemy.orm"),
    ),
    Rule(
        "no SQL as text",
        "text cannot be checked against the tables or for the two dialects, and invites formatting values into it",
        lambda imported: imported.is_of("sqlalchemy.text") and not is_in(imported.module, "common.db"),
    ),
    Rule(
        "SDK when first used",
        "an SDK costs 250 to 300 ms at every cold start, and each package carries only its own cloud's",
        _early_sdk,
    ),
    Rule(
        "thin handlers",
        "a handler declares, calls one service function and shapes the reply; tables and statements are not its business",
        lambda imported: is_in(imported.module, "functions.api") and imported.is_of("common.db", "sqlalchemy"),
    ),
    Rule(
        "entry point",
        "an entry point opens the backend and hands over to functions/; a use case in there runs on one platform only",
        lambda imported: (
            is_in(imported.module, *ENTRY_POINTS)
            and imported.is_of(*FIRST_PARTY)
            and not imported.is_of(*ENTRY_POINTS, *ENTRY_POINTS_MAY_IMPORT)
        ),
    ),
)


def breaches(tree: Tree) -> list[str]:
    """Return one line for every import that breaks a rule and carries no escape comment."""
    lines = [
        f"{imported}\n    breaks '{rule.name}': {rule.reason}"
        for imported in tree.imports
        for rule in RULES
        if imported.escape is None and rule.breaks(imported)
    ]
    # A line that imports several names of one module breaks a rule once.
    return list(dict.fromkeys(lines))


def needless_escapes(tree: Tree) -> list[str]:
    """Return the imports that carry an escape comment although they break nothing without it."""
    return [
        str(imported)
        for imported in tree.imports
        if imported.escape is not None and not any(rule.breaks(imported) for rule in RULES)
    ]


def thick_handlers(tree: Tree) -> Iterator[str]:
    """Yield the handlers that loop, catch, raise or open something: that is a rule, and rules belong in a service."""
    for name, path in tree.modules.items():
        if is_in(name, "functions.api"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.decorator_list:
                    kinds = {type(inner).__name__ for inner in ast.walk(node)} & {"For", "While", "Try", "With", "Raise"}
                    yield from (f"{path}:{node.lineno}: handler {node.name} has {kind}" for kind in sorted(kinds))


def writers(tree: Tree) -> dict[str, set[str]]:
    """Return for each table, by the name it has in the code, the areas with a statement that writes it."""
    areas: dict[str, set[str]] = {}
    tables = {
        target.id
        for name, path in tree.modules.items()
        if is_in(name, "common.db.tables")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("table(")
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for name, path in tree.modules.items():
        # The trial at a start writes and deletes a row to learn what the database's user may do.
        nodes = ast.walk(ast.parse(path.read_text("utf-8"))) if not is_in(name, "common.db") else ()
        for node in nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"insert", "update", "delete"}:
                table = ast.unparse(node.args[0])
                if table in tables:
                    areas.setdefault(table, set()).add(area_of(name))
    # The rooms of an area are one area.
    return {
        table: {area for area in found if not any(area != other and is_in(area, other) for other in found)}
        for table, found in areas.items()
    }
