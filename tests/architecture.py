"""The dependency rule of docs/decisions/0004 as code: each rule with its reason, and which imports break it."""

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.imports import Import, Tree, cycles, is_in

# Lowest first: an area may call only what stands before it.
AREAS = (
    "crypto",
    "access",
    "users",
    "mailing",
    "orgs",
    "roles",
    "teams",
    "tokens",
    "identity",
    "saml",
    "scim",
    "issuers",
    "audit",
    "webhooks",
    "stacks",
    "state",
    "updates",
    "policies",
    "esc",
    "deployments",
    "registry",
)
PORTS = ("common.ports.blobs", "common.ports.keys", "common.ports.mail")
# Small modules without I/O that every layer may use.
VOCABULARY = (
    "common.core.errors",
    "common.core.names",
    "common.core.ids",
    "common.core.clock",
    "common.core.paging",
    "common.core.compression",
    "common.core.folders",
)
# Modules outside the areas that have an area beneath them, by design.
ABOVE_AREAS = {
    "common.backend": ("crypto",),
    "common.opening": ("crypto",),
    "common.audit.steps": ("access", "audit", "webhooks"),
}

# Every change of a stack takes a version number (docs/decisions/0001), so these statements are open to the areas above.
LEDGER = "common.stacks.repository.versions"
# Who may do what is decided by functions of values, so that a matrix of callers can be tested without a database.
ACCESS_RULES = tuple(
    f"common.access.{name}"
    for name in ("permissions", "orgsettings", "descriptor", "predicate", "rules", "rights", "builtin", "caller")
)
PURE = ("common.environments.lang", "common.audit.events", *ACCESS_RULES)
# All of the state engine is pure but these, which fetch a state and put it away.
ENGINE = "common.stacks.state"
ENGINE_EDGE = tuple(
    f"common.stacks.state.{name}"
    for name in (
        "attempts",
        "changes",
        "finishing",
        "layout",
        "restore",
        "service",
        "stored_journal",
        "superseded",
        "sweep",
        "transfer",
        "verifying",
    )
)
PURE_MAY_IMPORT = ("msgspec", "common.core.errors", "common.core.names")
DOES_INPUT_OUTPUT = [
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
]

WEB = ("fastapi", "starlette", "uvicorn", "mangum", "chalice", "functions", "aws", "function_app")
CLOUD_SDKS = ("boto3", "botocore", "azure", "google.cloud", "aws_xray_sdk", "opentelemetry.sdk", "opentelemetry.exporter")
# What drivers of several ports share: one cloud's credentials and limits.
CLOUD_CLIENTS = ("common.ports.aws", "common.ports.azure")
SDK_HOMES = (*PORTS, *CLOUD_CLIENTS, "common.audit.dynamodb", "common.db", "common.telemetry", "common.environments.providers")
OUTBOUND = ("common.ports.outbound", "common.ports.outbound.transport", "common.ports.outbound.deadline")
HTTP_CLIENTS = ("aiohttp", "http.client", "httpx", "httpx2", "requests", "urllib.request", "urllib3")
ENTRY_POINTS = ("aws", "function_app")
ENTRY_POINTS_MAY_IMPORT = (
    "functions",
    "aws",
    "common.ports.aws",
    "common.backend",
    "common.opening",
    "common.config.settings",
    "common.core.errors",
    "common.telemetry",
)


@dataclass(frozen=True, slots=True)
class Rule:
    """What no import may do, and why."""

    name: str
    reason: str
    breaks: Callable[[Import], bool]


def area_of(module: str) -> str | None:
    """Returns the area a module belongs to, or None."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "common" and parts[1] in AREAS else None


def is_repository(module: str) -> bool:
    """Whether a module holds statements: `repository.py`, and its parts where one file became too long."""
    name = module.rpartition(".")[2]
    return area_of(module) is not None and (name == "repository" or name.startswith("repository_") or name.endswith("_rows"))


def is_pure(module: str) -> bool:
    """Whether a module is a pure core: values in, values out."""
    if is_in(module, ENGINE):
        return not is_in(module, *ENGINE_EDGE) and not is_repository(module)
    return is_in(module, *PURE) or (area_of(module) is not None and module.endswith(".model"))


def is_first_party(target: str) -> bool:
    """Whether a name is of this repository."""
    return is_in(target, "common", "functions", "aws", "function_app")


def _impure(found: Import) -> bool:
    if not is_pure(found.module) or found.is_of(*PURE_MAY_IMPORT):
        return False
    of_library = found.target.split(".")[0] in sys.stdlib_module_names and not found.is_of(*DOES_INPUT_OUTPUT)
    return not (of_library or is_pure(found.target))


def _repository_reaches_out(found: Import) -> bool:
    if not is_repository(found.module) or not is_first_party(found.target) or found.is_of("common.db", *VOCABULARY):
        return False
    if found.target.endswith(".model") or is_pure(found.target):
        return False  # values of the areas below; the order of areas sees to the rest
    return area_of(found.target) != area_of(found.module) or found.target.endswith(".service")


def _foreign_repository(found: Import) -> bool:
    return is_repository(found.target) and area_of(found.target) != area_of(found.module)


def _upwards(found: Import) -> bool:
    here, there = area_of(found.module), area_of(found.target)
    return here is not None and there is not None and AREAS.index(there) > AREAS.index(here)


def _foundation_on_area(found: Import) -> bool:
    there = area_of(found.target)
    below = is_in(found.module, "common") and area_of(found.module) is None
    return below and there is not None and there not in ABOVE_AREAS.get(found.module, ())


def _driver_reaches_out(found: Import) -> bool:
    port = next((port for port in PORTS if is_in(found.module, port) and found.module != port), None)
    return port is not None and is_first_party(found.target) and not found.is_of(port, *VOCABULARY, *CLOUD_CLIENTS)


def _sql_outside(found: Import) -> bool:
    # A service passes its transaction on, so it may name the type.
    return (
        found.is_of("sqlalchemy", "pymysql", "sqlite3")
        and found.target != "sqlalchemy.Connection"
        and not is_in(found.module, "common.db")
        and not is_repository(found.module)
        and found.module != LEDGER
    )


RULES = (
    Rule(
        "pure core",
        "what merges and replays state must be a function of its arguments, so that it can be tested with values and trusted",
        _impure,
    ),
    Rule(
        "repository",
        "statements know the tables and their own area's models; a rule or another area in there cannot be found again",
        _repository_reaches_out,
    ),
    Rule(
        "foreign repository",
        "an area's rules and permissions are in its service; its repository is a way around them",
        _foreign_repository,
    ),
    Rule(
        "order of areas",
        "an area may call only the areas below it, so that each can be read without those above",
        _upwards,
    ),
    Rule(
        "foundation",
        "what all areas share must not depend on one of them",
        _foundation_on_area,
    ),
    Rule(
        "driver",
        "a driver knows its port and one SDK, so that another cloud is one more file",
        _driver_reaches_out,
    ),
    Rule(
        "common is below",
        "use cases must run under any host: nothing in common/ knows HTTP frameworks or that it runs in a function",
        lambda found: is_in(found.module, "common") and found.is_of(*WEB),
    ),
    Rule(
        "statements in repositories",
        "a statement outside a repository escapes the review of who writes a table",
        _sql_outside,
    ),
    Rule(
        "no ORM",
        "an ORM hides trips to the database, and the budget of a request counts them",
        lambda found: found.is_of("sqlalchemy.orm"),
    ),
    Rule(
        "no SQL as text",
        "text cannot be checked against the tables or for the two dialects, and invites formatting values into it",
        lambda found: found.is_of("sqlalchemy.text") and not is_in(found.module, "common.db"),
    ),
    Rule(
        "migrations apart",
        "Alembic costs 300 ms to import and no request needs it",
        lambda found: found.is_of("alembic") and not is_in(found.module, "common.db"),
    ),
    Rule(
        "SDK in drivers",
        "a cloud is named in its drivers and nowhere else, or a feature works on one cloud only",
        lambda found: found.is_of(*CLOUD_SDKS) and not is_in(found.module, *SDK_HOMES, *ENTRY_POINTS),
    ),
    Rule(
        "SDK when first used",
        "an SDK costs 250 to 300 ms at every cold start, and each package carries only its own cloud's",
        lambda found: (
            found.is_of(*CLOUD_SDKS) and not found.deferred and not found.typing_only and not is_in(found.module, *ENTRY_POINTS)
        ),
    ),
    Rule(
        "one way out",
        "calls to addresses that users name must refuse redirects and private addresses: only common/outbound.py does",
        lambda found: found.is_of(*HTTP_CLIENTS) and found.module not in OUTBOUND and is_first_party(found.module),
    ),
    Rule(
        "thin handlers",
        "a handler declares, calls one service function and shapes the reply; tables and statements are not its business",
        lambda found: is_in(found.module, "functions.api") and found.is_of("common.db", "sqlalchemy"),
    ),
    Rule(
        "entry point",
        "an entry point opens the backend and hands over to functions/; a use case in there runs on one platform only",
        lambda found: (
            is_in(found.module, *ENTRY_POINTS) and is_first_party(found.target) and not found.is_of(*ENTRY_POINTS_MAY_IMPORT)
        ),
    ),
)


def breaches(tree: Tree) -> list[str]:
    """Returns one line for every import that breaks a rule and carries no escape comment, and for every cycle."""
    lines = [
        f"{found}\n    breaks '{rule.name}': {rule.reason}"
        for found in tree.imports
        for rule in RULES
        if found.escape is None and rule.breaks(found)
    ]
    # A line that imports several names of one module breaks a rule once.
    return list(dict.fromkeys(lines)) + [
        f"cycle: {' → '.join(cycle)}\n    a deferred import hides it at best" for cycle in cycles(edges(tree))
    ]


def edges(tree: Tree) -> dict[str, set[str]]:
    """Returns module → modules it imports, deferred ones too, but not a package that loads its own parts when asked."""
    found: dict[str, set[str]] = {name: set() for name in tree.modules}
    for one in tree.imports:
        loads_own_part = one.deferred and is_in(one.target, one.module)
        if one.target in tree.modules and one.target != one.module and not loads_own_part and one.escape is None:
            found[one.module].add(one.target)
    return found


def needless_escapes(tree: Tree) -> list[str]:
    """Returns the imports that carry an escape comment although they break nothing without it."""
    return [str(found) for found in tree.imports if found.escape is not None and not any(rule.breaks(found) for rule in RULES)]


def thick_handlers(tree: Tree) -> Iterator[str]:
    """Yields the handlers that loop, catch, raise or open something: that is a rule, and rules belong in a service."""
    for name, path in tree.modules.items():
        if is_in(name, "functions.api"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.decorator_list:
                    kinds = {type(inner).__name__ for inner in ast.walk(node)} & {"For", "While", "Try", "With", "Raise"}
                    yield from (f"{path}:{node.lineno}: handler {node.name} has {kind}" for kind in sorted(kinds))
