"""Maps requests of a directory to values, and users and groups to the protocol's resources."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Query, Request, Response

from common.backend import Backend
from common.core.clock import from_millis
from common.core.errors import NotFound
from common.sign_in.scim.filters import parse_filter
from common.sign_in.scim.model import GROUP_SCHEMA, PAGE_LIMIT, Directory, Document, Group, InvalidRequest, ScimType, User
from common.sign_in.scim.query import ListQuery, Page
from common.sign_in.scim.service import tokens
from common.wire.scim import ListResponse, Meta
from functions.api.scim.errors import SCIM_JSON
from functions.http.bodies import DirectoryBodyDep
from functions.http.deps import BackendDep, client_address

DEFAULT_COUNT = 100
_START_LIMIT = 1_000_000_000
_DIGITS_LIMIT = 18
_ALWAYS = ("schemas", "id", "meta")


class Selection:
    """The attributes that a reply has: only some, or all but some. A part of an attribute selects the whole attribute."""

    def __init__(self, included: str, excluded: str) -> None:
        """Read the two lists of names."""
        self._included, self._excluded = _names(included), _names(excluded)

    @property
    def has_members(self) -> bool:
        """Return whether groups are returned with their members."""
        return self._has("members")

    def apply(self, resource: Document) -> Document:
        """Return a resource with the selected attributes, and always with its id, schemas and meta."""
        return {name: value for name, value in resource.items() if name in _ALWAYS or self._has(name)}

    def _has(self, name: str) -> bool:
        lower = name.lower()
        return (not self._included or lower in self._included) and lower not in self._excluded


def get_directory(request: Request, backend: BackendDep) -> Directory:
    """Return the directory that calls; raises Unauthorized. One statement."""
    header, client = request.headers.get("authorization", ""), client_address(request)
    return replace(tokens.authenticate(backend, request.path_params["org"], header, client=client), source_ip=client)


async def get_selection(
    included: Annotated[str, Query(alias="attributes")] = "",
    excluded: Annotated[str, Query(alias="excludedAttributes")] = "",
) -> Selection:
    """Return the attributes that the reply has."""
    return Selection(included, excluded)


async def get_list_query(
    selection: "SelectionDep",
    condition: Annotated[str | None, Query(alias="filter")] = None,
    start: Annotated[str, Query(alias="startIndex")] = "",
    count: str = "",
) -> ListQuery:
    """Return the query for a list; a number that is out of range becomes the nearest one in it (RFC 7644 3.4.2.4)."""
    return ListQuery(
        conditions=parse_filter(condition) if condition is not None else (),
        start=min(max(_number("startIndex", start, 1), 1), _START_LIMIT),
        count=min(max(_number("count", count, DEFAULT_COUNT), 0), PAGE_LIMIT),
        with_members=selection.has_members,
    )


def get_document(directory: "DirectoryDep", body: DirectoryBodyDep) -> Document:
    """Return the document in the body, which is read after the directory's token was checked; raises BadRequest, TooLarge."""
    _ = directory
    return body.decode(dict[str, Any])


DirectoryDep = Annotated[Directory, Depends(get_directory)]
SelectionDep = Annotated[Selection, Depends(get_selection)]
ListQueryDep = Annotated[ListQuery, Depends(get_list_query)]
DocumentDep = Annotated[Document, Depends(get_document)]


def reply(shape: object, status: int = 200, **headers: str) -> Response:
    """Return a reply with the protocol's media type."""
    return Response(msgspec.json.encode(shape), status, headers, media_type=SCIM_JSON)


def list_response(resources: Iterable[Document], *, total: int | None = None, start: int = 1) -> Response:
    """Return a reply with a list of resources."""
    page = list(resources)
    return reply(ListResponse(len(page) if total is None else total, len(page), start, page))


def described(descriptions: Iterable[Document], description_id: str) -> Document:
    """Return the schema or resource type with an id; raises NotFound."""
    for description in descriptions:
        if description["id"] == description_id:
            return description
    raise NotFound(f"there is no schema or resource type {description_id[:200]!a}")


def user_page(backend: Backend, directory: Directory, selection: Selection, page: Page[User]) -> Response:
    """Return a reply with a page of users."""
    shapes = (selection.apply(user_shape(backend, directory, user)) for user in page.resources)
    return list_response(shapes, total=page.total, start=page.start)


def group_page(backend: Backend, directory: Directory, selection: Selection, page: Page[Group]) -> Response:
    """Return a reply with a page of groups."""
    shapes = (selection.apply(group_shape(backend, directory, group)) for group in page.resources)
    return list_response(shapes, total=page.total, start=page.start)


def created(shape: Document) -> Response:
    """Return a reply with a new resource and its address."""
    return reply(shape, 201, Location=shape["meta"].location)


def user_shape(backend: Backend, directory: Directory, user: User) -> Document:
    """Return a user as a resource of the protocol."""
    return {**user.attributes(), "meta": _meta("User", _base(backend, directory), user)}


def group_shape(backend: Backend, directory: Directory, group: Group) -> Document:
    """Return a group as a resource of the protocol; without members if they were not loaded."""
    base = _base(backend, directory)
    shape: Document = {"schemas": [GROUP_SCHEMA], "id": group.id, "displayName": group.display_name}
    if group.external_id is not None:
        shape["externalId"] = group.external_id
    if group.members is not None:
        shape["members"] = [
            {"value": member.id, "display": member.name, "type": "User", "$ref": f"{base}/Users/{member.id}"}
            for member in group.members
        ]
    return {**shape, "meta": _meta("Group", base, group)}


def _meta(kind: str, base: str, resource: User | Group) -> Meta:
    return Meta(
        resource_type=kind,
        created=from_millis(resource.created_at),
        last_modified=from_millis(resource.modified_at),
        location=f"{base}/{kind}s/{resource.id}",
        version=f'W/"{resource.version}"',
    )


def _base(backend: Backend, directory: Directory) -> str:
    return tokens.base_url(backend, directory.org_login)


def _names(text: str) -> frozenset[str]:
    """Return the attributes of a list of names, in lower case and without schema and part."""
    names = (name.strip().lower() for name in text.split(","))
    return frozenset(name if name.endswith(":user") else name.rpartition(":")[2].partition(".")[0] for name in names if name)


def _number(name: str, text: str, default: int) -> int:
    if not text:
        return default
    digits = text.strip().removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > _DIGITS_LIMIT:
        raise InvalidRequest(ScimType.INVALID_VALUE, f"{name} must be a whole number")
    return int(text)
