"""A request for a page about an environment: who asks, for which one, and how its pages and forms are answered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Request, Response

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BackendError
from common.environments.evaluation import InvalidDefinition
from common.environments.model import LATEST, EnvironmentPath
from common.environments.service import overview
from common.environments.service.overview import Viewed
from common.rights.caller import Caller
from common.rights.permissions import Permission
from functions.http.deps import BackendDep
from functions.pages.failures import reason
from functions.pages.form_errors import attempt
from functions.pages.hiding import missing, unless_hidden
from functions.pages.navigation import Link
from functions.pages.rendering import page, see_other
from functions.pages.visitor import PersonDep, Visitor, VisitorDep

# Who may do one of these has settings to look at.
SETTINGS = (
    Permission.ENVIRONMENT_TAG_CREATE,
    Permission.ENVIRONMENT_SETTINGS_UPDATE,
    Permission.ENVIRONMENT_ACCESS_UPDATE,
    Permission.ENVIRONMENT_CLONE,
    Permission.ENVIRONMENT_DELETE,
)


@dataclass(frozen=True, slots=True)
class EnvironmentRequest:
    """Who asks for a page about an environment of an organization that they belong to."""

    visitor: Visitor
    backend: Backend
    caller: Caller
    path: EnvironmentPath

    def address(self, *parts: str) -> str:
        """Return the address of a page about the environment."""
        return environment_address(self.path, *parts)

    def view(self, *permissions: Permission, version: str = LATEST) -> Viewed:
        """Return the environment; the error for a page that is missing without one of the permissions."""
        return unless_hidden(lambda: overview.view(self.backend, self.caller, self.path, *permissions, version=version))

    def page(
        self,
        name: str,
        viewed: Viewed,
        content: Mapping[str, object],
        error: BackendError | None = None,
        done: str = "",
    ) -> Response:
        """Return a page; with an error it says what is wrong with its form, `done` is the change that led here."""
        around = {
            "environment": viewed.environment,
            "permissions": viewed.permissions,
            "base": self.address(),
            "environment_pages": _tabs(viewed),
            "done": done,
            "problem": reason(error) if error is not None else "",
            "diagnostics": error.diagnostics if isinstance(error, InvalidDefinition) else [],
            "now": unix_millis(self.backend.clock.now()),
        }
        status = int(error.status) if error is not None else 200
        return page(self.visitor, f"environments/{name}", {**around, **content}, status=status, org=self.path.org)

    def change(self, act: Callable[[], object], address: str, again: Callable[[BackendError], Response]) -> Response:
        """Return the way on to an address after a change, or the page of the form again with what is wrong."""

        def do() -> Response:
            act()
            return see_other(address)

        return attempt(do, again)


def environment_address(path: EnvironmentPath, *parts: str) -> str:
    """Return the address of a page about an environment: the command line prints the first of them."""
    return "/".join(("", *(quote(part, safe="") for part in (path.org, "esc", path.project, path.name, *parts))))


async def get_environment_request(
    request: Request, visitor: VisitorDep, backend: BackendDep, person: PersonDep
) -> EnvironmentRequest:
    """Return the request; NotFound for a stranger, SignInRequired where the organization has a sign-in of its own."""
    parts = request.path_params
    membership = person.membership(parts["org"])
    if membership is None:
        raise missing()
    membership.require_open()
    path = EnvironmentPath(membership.login, parts["project"], parts["environment"])
    return EnvironmentRequest(visitor, backend, person, path)


EnvironmentRequestDep = Annotated[EnvironmentRequest, Depends(get_environment_request)]


def _tabs(viewed: Viewed) -> list[Link]:
    has = viewed.permissions.__contains__
    revision = viewed.environment.revision
    rotates = revision is not None and b"fn::rotate" in revision.definition
    tabs = (
        ("overview", "Overview", "g o", True),
        ("preview", "Values", "", True),
        ("edit", "Edit", "", has(Permission.ENVIRONMENT_WRITE)),
        ("revisions", "Revisions", "", has(Permission.ENVIRONMENT_VERSION_READ)),
        ("change-requests", "Change requests", "", has(Permission.ENVIRONMENT_READ)),
        ("rotation", "Rotation", "", rotates and has(Permission.ENVIRONMENT_ROTATE_HISTORY)),
        ("webhooks", "Webhooks", "", has(Permission.ENVIRONMENT_WEBHOOK_READ)),
        ("access", "Access", "", has(Permission.ENVIRONMENT_ACCESS_READ)),
        ("settings", "Settings", "", any(map(has, SETTINGS))),
    )
    return [
        Link(key, text, environment_address(viewed.path, *([key] if key != "overview" else [])), keys)
        for key, text, keys, is_shown in tabs
        if is_shown
    ]
