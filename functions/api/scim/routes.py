"""SCIM 2.0 for an organization's directory (RFC 7644): its users are members, its groups are teams."""

from fastapi import APIRouter, Response

from common.sign_in.scim.documents import parse_group, parse_user
from common.sign_in.scim.group_patch import change_of, group_change
from common.sign_in.scim.operations import parse_operations
from common.sign_in.scim.service import groups, tokens, users
from functions.api.scim import discovery
from functions.api.scim.shapes import (
    DirectoryDep,
    DocumentDep,
    ListQueryDep,
    SelectionDep,
    created,
    described,
    group_page,
    group_shape,
    list_response,
    reply,
    user_page,
    user_shape,
)
from functions.http.deps import BackendDep, empty

router = APIRouter()
_BASE = "/scim/v2/{org}"
_USERS, _GROUPS = f"{_BASE}/Users", f"{_BASE}/Groups"
_USER, _GROUP = f"{_USERS}/{{user_id}}", f"{_GROUPS}/{{group_id}}"


@router.get(f"{_BASE}/ServiceProviderConfig")
def get_provider_config(backend: BackendDep, directory: DirectoryDep) -> Response:
    return reply(discovery.provider_config(tokens.base_url(backend, directory.org_login)))


@router.get(f"{_BASE}/ResourceTypes")
def list_resource_types(backend: BackendDep, directory: DirectoryDep) -> Response:
    return list_response(discovery.resource_types(tokens.base_url(backend, directory.org_login)))


@router.get(f"{_BASE}/ResourceTypes/{{name}}")
def get_resource_type(backend: BackendDep, directory: DirectoryDep, name: str) -> Response:
    return reply(described(discovery.resource_types(tokens.base_url(backend, directory.org_login)), name))


@router.get(f"{_BASE}/Schemas")
def list_schemas(backend: BackendDep, directory: DirectoryDep) -> Response:
    return list_response(discovery.schemas(tokens.base_url(backend, directory.org_login)))


@router.get(f"{_BASE}/Schemas/{{name}}")
def get_schema(backend: BackendDep, directory: DirectoryDep, name: str) -> Response:
    return reply(described(discovery.schemas(tokens.base_url(backend, directory.org_login)), name))


@router.get(_USERS)
def list_users(backend: BackendDep, directory: DirectoryDep, selection: SelectionDep, query: ListQueryDep) -> Response:
    return user_page(backend, directory, selection, users.page_users(backend, directory, query))


@router.post(_USERS)
def create_user(backend: BackendDep, directory: DirectoryDep, document: DocumentDep) -> Response:
    return created(user_shape(backend, directory, users.create_user(backend, directory, parse_user(document))))


@router.get(_USER)
def get_user(backend: BackendDep, directory: DirectoryDep, selection: SelectionDep, user_id: str) -> Response:
    return reply(selection.apply(user_shape(backend, directory, users.get_user(backend, directory, user_id))))


@router.put(_USER)
def replace_user(backend: BackendDep, directory: DirectoryDep, user_id: str, document: DocumentDep) -> Response:
    return reply(user_shape(backend, directory, users.replace_user(backend, directory, user_id, parse_user(document))))


@router.patch(_USER)
def patch_user(backend: BackendDep, directory: DirectoryDep, user_id: str, document: DocumentDep) -> Response:
    user = users.patch_user(backend, directory, user_id, parse_operations(document))
    return reply(user_shape(backend, directory, user))


@router.delete(_USER)
def delete_user(backend: BackendDep, directory: DirectoryDep, user_id: str) -> Response:
    users.delete_user(backend, directory, user_id)
    return empty()


@router.get(_GROUPS)
def list_groups(backend: BackendDep, directory: DirectoryDep, selection: SelectionDep, query: ListQueryDep) -> Response:
    return group_page(backend, directory, selection, groups.page_groups(backend, directory, query))


@router.post(_GROUPS)
def create_group(backend: BackendDep, directory: DirectoryDep, document: DocumentDep) -> Response:
    return created(group_shape(backend, directory, groups.create_group(backend, directory, parse_group(document))))


@router.get(_GROUP)
def get_group(backend: BackendDep, directory: DirectoryDep, selection: SelectionDep, group_id: str) -> Response:
    group = groups.get_group(backend, directory, group_id, with_members=selection.has_members)
    return reply(selection.apply(group_shape(backend, directory, group)))


@router.put(_GROUP)
def replace_group(backend: BackendDep, directory: DirectoryDep, group_id: str, document: DocumentDep) -> Response:
    change = change_of(parse_group(document))
    return reply(group_shape(backend, directory, groups.replace_group(backend, directory, group_id, change)))


@router.patch(_GROUP)
def patch_group(backend: BackendDep, directory: DirectoryDep, group_id: str, document: DocumentDep) -> Response:
    groups.patch_group(backend, directory, group_id, group_change(parse_operations(document)))
    # Neither Okta nor Entra ID reads a body here, and a group may have 10,000 members.
    return empty()


@router.delete(_GROUP)
def delete_group(backend: BackendDep, directory: DirectoryDep, group_id: str) -> Response:
    groups.delete_group(backend, directory, group_id)
    return empty()
