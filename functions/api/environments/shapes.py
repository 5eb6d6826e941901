"""What the routes of environments have in common: the environment of an address, and the shapes of replies."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Header, Query, Request
from starlette.responses import Response

from common.backend import Backend
from common.core.clock import from_millis
from common.environments.model import DEFAULT_PROJECT, EnvironmentPath, RevisionTag
from common.environments.service import definitions
from common.environments.service.definitions import StoredDefinition
from common.environments.service.listing import Page
from common.people.users.model import Person
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.wire import environments as wire
from common.wire.stacks import UserInfo
from functions.http.bodies import DOCUMENT, VALUES, Body, BodyReader

YAML = "application/x-yaml"
REVISION_HEADER = "Pulumi-ESC-Revision"
PropertyPath = Annotated[str | None, Query(alias="property")]
ShowSecrets = Annotated[bool, Query(alias="showSecrets")]
Token = Annotated[str | None, Query(alias="continuationToken")]
Count = Annotated[int, Query(ge=0)]
MaxResults = Annotated[int, Query(alias="maxResults", ge=1)]


async def get_environment_path(request: Request) -> EnvironmentPath:
    """Return the environment that the address names; one from before projects names none, and means the default one."""
    return _path(request)


async def get_precondition(
    if_match: Annotated[str | None, Header(alias="If-Match")] = None, etag: Annotated[str | None, Header(alias="ETag")] = None
) -> str | None:
    """Return the entity tag of the revision that a client changed. Older ones send it as `ETag` (esc.md 4.1)."""
    return if_match or etag


def may_on_environment(permission: Permission) -> Callable[[Request], None]:
    """Return a check that raises NotFound or Forbidden unless the caller has a permission on the environment of the address."""

    def check(request: Request) -> None:
        backend: Backend = request.app.state.backend
        caller: Caller = request.state.caller
        definitions.require_permission(backend, caller, _path(request), permission)

    return check


EnvironmentPathDep = Annotated[EnvironmentPath, Depends(get_environment_path)]
PreconditionDep = Annotated[str | None, Depends(get_precondition)]
DefinitionBodyDep = Annotated[Body, Depends(BodyReader(DOCUMENT, may=may_on_environment(Permission.ENVIRONMENT_WRITE)))]
PlaintextsBodyDep = Annotated[Body, Depends(BodyReader(VALUES, may=may_on_environment(Permission.ENVIRONMENT_WRITE)))]
CiphertextsBodyDep = Annotated[Body, Depends(BodyReader(VALUES, may=may_on_environment(Permission.ENVIRONMENT_OPEN)))]


def definition_reply(definition: StoredDefinition) -> Response:
    """Return a definition as it is, with the headers by which clients change it."""
    return Response(definition.text, headers=revision_headers(definition.number, definition.etag), media_type=YAML)


def revision_headers(number: int, etag: str) -> dict[str, str]:
    """Return the headers that identify a revision; the command line fails without its number."""
    return {REVISION_HEADER: str(number), "ETag": etag}


def environments_page(page: Page) -> wire.ListEnvironmentsResponse:
    """Return a page of environments as the wire has it."""
    listed = [
        wire.OrgEnvironment(
            id=row.id,
            organization=row.path.org,
            project=row.path.project,
            name=row.path.name,
            created=time(row.created_at),
            modified=time(row.modified_at),
            owned_by=user_info(row.owner),
            tags=row.tags,
            settings=wire.EnvironmentSettings(row.deletion_protected),
            referrer_metadata=_referrer_counts(page, (row.path.project, row.path.name)),
            **({"deleted_at": time(row.deleted_at)} if row.deleted_at is not None else {}),
        )
        for row in page.environments
    ]
    return wire.ListEnvironmentsResponse(listed, page.next_token or "")


def _referrer_counts(page: Page, name: tuple[str, str]) -> wire.EnvironmentReferrerMetadata:
    return wire.EnvironmentReferrerMetadata(page.referrer_counts.get(name, 0), page.stack_counts.get(name, 0))


def revision_tag(tag: RevisionTag) -> wire.EnvironmentRevisionTag:
    """Return a revision tag as the wire has it."""
    return wire.EnvironmentRevisionTag(
        tag.name, tag.number, time(tag.created_at), time(tag.modified_at), tag.editor.login, tag.editor.name
    )


def user_info(person: Person) -> UserInfo:
    """Return a user as the wire has them."""
    return UserInfo(person.name, person.login, person.avatar_url)


def time(millis: int) -> str:
    """Return a time in RFC 3339."""
    return from_millis(millis).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _path(request: Request) -> EnvironmentPath:
    parameters = request.path_params
    return EnvironmentPath(parameters["org"], parameters.get("project", DEFAULT_PROJECT), parameters["environment"])
