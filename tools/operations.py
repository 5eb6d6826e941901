"""Compares the operations of the upstream API with the routes of this server; the contract tests and the docs read it.

The table of operations is tests/contract/operations.json. What is served is never written down by hand: it is asked of the
routers, through the same dispatcher that serves requests, so a route behind another group's wildcard does not count.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import import_module
from pathlib import Path

from fastapi.routing import APIRoute

from functions.http.app import Dispatcher
from functions.http.groups import GROUPS, Group

TABLE = Path(__file__).parents[1] / "tests" / "contract" / "operations.json"
HOSTED_ONLY_TIER = 4
# A route may have one parameter for these words of the upstream API, which has a route for each.
KINDS = frozenset({"update", "preview", "refresh", "destroy"})
KIND_PARAMETER = "{kind}"

# Why operations of the hosted product alone are left out, by group of the table.
NOT_PLANNED = {
    "ai": "needs the vendor's language models",
    "ai_agents": "agents that the hosted product runs",
    "cloud_setup": "wizards of the hosted console",
    "insights": "trial periods of the hosted product",
    "neo": "the hosted product's assistant",
    "organizations": "belongs to services of the hosted product",
    "users": "source-control accounts linked in the hosted console",
    "vcs_integrations": "source-control apps that the vendor registered",
}
# Routes of ours that upstream's table does not have: (method, path) → what for.
_STACK = "/api/stacks/{org}/{project}/{stack}"
_PREVIEW = f"{_STACK}/preview/{{update_id}}"
_SCIM, _SCIM_TOKEN = "/scim/v2/{org}", "/api/orgs/{org}/scim/token"
_OF_DIRECTORIES = "SCIM 2.0, which upstream serves outside of its table"
_FOR_DIRECTORIES = "the token of an organization's directory, which upstream shows in its console"
_AS_UPDATES = "upstream has it for updates alone; here every kind has the same calls"
_DRAFT = "/api/esc/environments/{org}/{project}/{environment}/drafts/{change_request_id}"
ADDITIONS: dict[tuple[str, str], str] = {
    ("PATCH", f"{_PREVIEW}/checkpoint"): _AS_UPDATES,
    ("PATCH", f"{_PREVIEW}/checkpointdelta"): _AS_UPDATES,
    ("PATCH", f"{_PREVIEW}/checkpointverbatim"): _AS_UPDATES,
    ("GET", "/api/orgs/{org}/policypacks/{pack}/latest"): "the newest version of a policy pack, which the provider asks for",
    ("PUT", "/api/policy-archives/{signed}"): "the archive of a policy pack, where the object store has no addresses of its own",
    ("GET", "/api/policy-archives/{signed}"): "the same archive for those who must run it",
    (
        "POST",
        "/api/esc/environments/{org}/{project}/{environment}/schedules/{schedule_id}",
    ): "a change of a schedule, as the provider sends it",
    ("GET", f"{_STACK}/compare"): "what is different between two versions, or two stacks",
    ("GET", f"{_STACK}/versions/{{reference}}"): "the version of a number, an update's id or a time",
    ("POST", f"{_STACK}/versions/{{version}}/restore"): "the state of an earlier version as the next one",
    ("GET", f"{_STACK}/repair"): "the first error of a state, and how it would be repaired",
    ("POST", f"{_STACK}/repair"): "the repaired state as the next version",
    ("GET", "/api/orgs/{org}/retention"): "which versions of states the organization keeps",
    ("PUT", "/api/orgs/{org}/retention"): "the same, changed",
    ("GET", "/api/orgs/{org}/retention/preview"): "what a retention policy would delete now",
    (
        "POST",
        "/api/orgs/{org}/auditlogs/export/config/azure/test",
    ): "whether an audit log can be exported to a container of Azure",
    (
        "GET",
        "/api/orgs/{org}/auditlogs/export/downloads/{download}",
    ): "an export that a function makes in parts, until it has a link",
    ("GET", f"{_DRAFT}/status"): "the revision that a draft is based on, which the command line asks for",
    ("POST", f"{_DRAFT}/rebase"): "a draft based on the newest revision of its environment, likewise",
    ("GET", "/api/status"): "load balancers of the self-hosted product poll it: database and keys answer",
    ("HEAD", "/api/status"): "the same without a body",
    ("GET", "/healthz"): "the process is alive, whatever stands behind it",
    ("HEAD", "/healthz"): "the same without a body",
    **{
        ("GET", f"{issuer}/.well-known/{document}"): "what the server publishes as an OpenID Connect issuer"
        for issuer in ("/oidc", "/oidc/v2")
        for document in ("openid-configuration", "jwks")
    },
    ("GET", "/metrics"): "metrics in the text format of Prometheus, for who has METRICS_WEBHOOK_SECRET",
    ("POST", "/api/console/email/signup"): "an account with an address and a password, as the original's installer makes it",
    ("POST", "/api/console/email/login"): "a token for an address and a password, likewise",
    ("POST", "/api/console/actions/new-organization"): "an organization of one's own, likewise",
    **{(method, _SCIM_TOKEN): _FOR_DIRECTORIES for method in ("GET", "POST", "DELETE")},
    **{
        ("GET", f"{_SCIM}/{name}"): _OF_DIRECTORIES
        for name in (
            "ServiceProviderConfig",
            "ResourceTypes",
            "ResourceTypes/{name}",
            "Schemas",
            "Schemas/{name}",
        )
    },
    **{(method, f"{_SCIM}/{kind}"): _OF_DIRECTORIES for kind in ("Users", "Groups") for method in ("GET", "POST")},
    **{
        (method, f"{_SCIM}/{item}"): _OF_DIRECTORIES
        for item in ("Users/{user_id}", "Groups/{group_id}")
        for method in ("GET", "PUT", "PATCH", "DELETE")
    },
}


class Status(StrEnum):
    """What this server does with an operation."""

    DONE = "done"
    NOT_YET = "not built yet"
    NOT_PLANNED = "not planned"


@dataclass(frozen=True, slots=True, order=True)
class Operation:
    """One operation of the upstream API."""

    path: str
    method: str
    op: str
    tier: int
    group: str


@dataclass(frozen=True, slots=True, order=True)
class Route:
    """One method of one route of this server."""

    path: str
    method: str
    module: str
    # The path as the module spells it, with one parameter for all kinds.
    declared: str


@cache
def operations() -> tuple[Operation, ...]:
    """Return upstream's operations in the order of the table."""
    return tuple(Operation(**row) for row in json.loads(TABLE.read_text("utf-8")))


@cache
def routes() -> tuple[Route, ...]:
    """Return every route of every group, `{kind}` written out, whether it can be reached or not."""
    return tuple(
        route
        for module in dict.fromkeys(group.module for group in GROUPS if group.package == "api")
        for route in _routes_of(module)
    )


def is_reachable(route: Route) -> bool:
    """Whether the dispatcher leads a request for the route's address to the route's own group."""
    found = find_group(sample(route.path))
    return found is not None and found.path == f"functions.api.{route.module}"


def find_group(path: str) -> Group | None:
    """Return the group that serves an address."""
    # The dispatcher's search reads patterns only; it needs no opened backend.
    return Dispatcher.find(_dispatcher(), path)


def sample(path: str) -> str:
    """Return an address of a route: its parameters replaced by a value."""
    return "/".join("1" if segment.startswith("{") else segment for segment in path.split("/"))


def shape(path: str) -> str:
    """Return a path with all parameters spelled alike: upstream and we name them differently."""
    return "/".join("{}" if segment.startswith("{") else segment for segment in path.split("/"))


@cache
def served() -> frozenset[tuple[str, str]]:
    """Return (method, shape) of every route that can be reached."""
    return frozenset((route.method, shape(route.path)) for route in routes() if is_reachable(route))


def status(operation: Operation) -> Status:
    """Return what this server does with an operation."""
    if (operation.method, shape(operation.path)) in served():
        return Status.DONE
    return Status.NOT_PLANNED if operation.tier == HOSTED_ONLY_TIER else Status.NOT_YET


def own_routes() -> tuple[Route, ...]:
    """Return the routes that upstream's table does not have."""
    known = {(operation.method, shape(operation.path)) for operation in operations()}
    return tuple(sorted(route for route in routes() if (route.method, shape(route.path)) not in known))


def _routes_of(module: str) -> Iterator[Route]:
    for route in import_module(f"functions.api.{module}").router.routes:
        if not isinstance(route, APIRoute):
            raise TypeError(f"functions.api.{module} has a route that is no operation: {route}")
        for method in sorted(route.methods or ()):
            for kind in sorted(KINDS) if KIND_PARAMETER in route.path else ("",):
                yield Route(route.path.replace(KIND_PARAMETER, kind), method, module, route.path)


@cache
def _dispatcher() -> Dispatcher:
    return Dispatcher(None)  # type: ignore[arg-type] # only its table of patterns is used
