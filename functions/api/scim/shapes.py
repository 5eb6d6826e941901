"""What a directory asks for, and its people and groups as the protocol has them."""

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Query, Request, Response

from common.backend import Backend
from common.core.clock import from_millis
from common.core.errors import NotFound
from common.sign_in.scim.filters import parse_filter
from common.sign_in.scim.model import GROUP_SCHEMA, PAGE_LIMIT, Directory, Document, Group, Invalid, ScimType, User
from common.sign_in.scim.query import Asked, Page
from common.sign_in.scim.service import tokens
from common.wire.scim import ListResponse, Meta
from functions.api.scim.errors import SCIM_JSON
from functions.http.bodies import DirectoryBodyDep
from functions.http.deps import BackendDep

PAGE_USUAL = 100
_START_LIMIT = 1_000_000_000
_ALWAYS = ("schemas", "id", "meta")


class Selection:
    """Which attributes are asked for: some, or all but some. Parts of attributes are not told apart."""

    def __init__(self, only: str, but: str) -> None:
        """Read the two lists."""
        self._only, self._but = _names(only), _names(but)

    @property
    def has_members(self) -> bool:
        """Tell whether the members of groups are asked for."""
        return self._has("members")

    def of(self, resource: Document) -> Document:
        """Return a resource with what is asked for; what says which one it is is always there."""
        return {name: value for name, value in resource.items() if name in _ALWAYS or self._has(name)}

    def _has(self, name: str) -> bool:
        lower = name.lower()
        return (not self._only or lower in self._only) and lower not in self._but


def get_directory(request: Request, backend: BackendDep) -> Directory:
    """Return the organization whose directory calls; raises Unauthorized. One statement."""
    return tokens.authenticate(backend, request.path_params["org"], request.headers.get("authorization", ""))


async def get_selection(
    only: Annotated[str, Query(alias="attributes")] = "",
    but: Annotated[str, Query(alias="excludedAttributes")] = "",
) -> Selection:
    """Return which attributes are asked for."""
    return Selection(only, but)


async def get_asked(
    selection: "SelectionDep",
    condition: Annotated[str | None, Query(alias="filter")] = None,
    start: Annotated[str, Query(alias="startIndex")] = "",
    count: str = "",
) -> Asked:
    """Return which resources are asked for; RFC 7644 3.4.2.4 says what becomes of numbers that are out of range."""
    return Asked(
        conditions=parse_filter(condition) if condition is not None else (),
        start=min(max(_number("startIndex", start, 1), 1), _START_LIMIT),
        count=min(max(_number("count", count, PAGE_USUAL), 0), PAGE_LIMIT),
        with_members=selection.has_members,
    )


def get_document(directory: "DirectoryDep", body: DirectoryBodyDep) -> Document:
    """Return the resource that is sent, after its sender was known; raises BadRequest, TooLarge."""
    _ = directory
    return body.decode(dict[str, Any])


DirectoryDep = Annotated[Directory, Depends(get_directory)]
SelectionDep = Annotated[Selection, Depends(get_selection)]
AskedDep = Annotated[Asked, Depends(get_asked)]
DocumentDep = Annotated[Document, Depends(get_document)]


def reply(shape: object, status: int = 200, **headers: str) -> Response:
    """Return a reply of the protocol."""
    return Response(msgspec.json.encode(shape), status, headers, media_type=SCIM_JSON)


def listing(resources: Iterable[Document], *, total: int | None = None, start: int = 1) -> Response:
    """Return some resources as a reply."""
    found = list(resources)
    return reply(ListResponse(len(found) if total is None else total, len(found), start, found))


def one_of(found: Iterable[Document], wanted: str) -> Document:
    """Return the description of that id; NotFound when there is none."""
    for one in found:
        if one["id"] == wanted:
            return one
    raise NotFound(f"{wanted[:200]!a} is not described here")


def user_page(backend: Backend, directory: Directory, selection: Selection, page: Page[User]) -> Response:
    """Return a page of people as a reply."""
    shapes = (selection.of(user_shape(backend, directory, user)) for user in page.found)
    return listing(shapes, total=page.total, start=page.start)


def group_page(backend: Backend, directory: Directory, selection: Selection, page: Page[Group]) -> Response:
    """Return a page of groups as a reply."""
    shapes = (selection.of(group_shape(backend, directory, group)) for group in page.found)
    return listing(shapes, total=page.total, start=page.start)


def created(shape: Document) -> Response:
    """Return a resource that was made, with its address."""
    return reply(shape, 201, Location=shape["meta"].location)


def user_shape(backend: Backend, directory: Directory, user: User) -> Document:
    """Return a person as the protocol has them."""
    return {**user.attributes(), "meta": _meta("User", _base(backend, directory), user)}


def group_shape(backend: Backend, directory: Directory, group: Group) -> Document:
    """Return a group as the protocol has it; without members where they were not loaded."""
    base = _base(backend, directory)
    shape: Document = {"schemas": [GROUP_SCHEMA], "id": group.id, "displayName": group.display_name}
    if group.external_id is not None:
        shape["externalId"] = group.external_id
    if group.members is not None:
        shape["members"] = [
            {"value": one.id, "display": one.name, "type": "User", "$ref": f"{base}/Users/{one.id}"} for one in group.members
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


def _names(listed: str) -> frozenset[str]:
    """Return the attributes of a list, in lower case and without schema and part."""
    names = (one.strip().lower() for one in listed.split(","))
    return frozenset(one.rpartition(":")[2].partition(".")[0] if not one.endswith(":user") else one for one in names if one)


def _number(name: str, text: str, usual: int) -> int:
    if not text:
        return usual
    digits = text.strip().removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 18:
        raise Invalid(ScimType.INVALID_VALUE, f"{name} is a whole number")
    return int(text)
