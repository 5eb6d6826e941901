"""SCIM 2.0 for the directory of an organization (RFC 7644): its people are members, its groups are teams."""

from fastapi import APIRouter, Response

from common.sign_in.scim.service import groups, tokens, users
from common.sign_in.scim.user_patch import parse_operations
from functions.api.scim import discovery
from functions.api.scim.shapes import (
    AskedDep,
    DirectoryDep,
    DocumentDep,
    SelectionDep,
    created,
    group_page,
    group_shape,
    listing,
    one_of,
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
    return listing(discovery.resource_types(tokens.base_url(backend, directory.org_login)))


@router.get(f"{_BASE}/ResourceTypes/{{name}}")
def get_resource_type(backend: BackendDep, directory: DirectoryDep, name: str) -> Response:
    return reply(one_of(discovery.resource_types(tokens.base_url(backend, directory.org_login)), name))


@router.get(f"{_BASE}/Schemas")
def list_schemas(backend: BackendDep, directory: DirectoryDep) -> Response:
    return listing(discovery.schemas(tokens.base_url(backend, directory.org_login)))


@router.get(f"{_BASE}/Schemas/{{name}}")
def get_schema(backend: BackendDep, directory: DirectoryDep, name: str) -> Response:
    return reply(one_of(discovery.schemas(tokens.base_url(backend, directory.org_login)), name))


@router.get(_USERS)
def list_users(backend: BackendDep, directory: DirectoryDep, selection: SelectionDep, asked: AskedDep) -> Response:
    return user_page(backend, directory, selection, users.page_users(backend, directory, asked))


@router.post(_USERS)
def create_user(backend: BackendDep, directory: DirectoryDep, document: DocumentDep) -> Response:
    return created(user_shape(backend, directory, users.create_user(backend, directory, document)))


@router.get(_USER)
def get_user(backend: BackendDep, directory: DirectoryDep, selection: SelectionDep, user_id: str) -> Response:
    return reply(selection.of(user_shape(backend, directory, users.get_user(backend, directory, user_id))))


@router.put(_USER)
def replace_user(backend: BackendDep, directory: DirectoryDep, user_id: str, document: DocumentDep) -> Response:
    return reply(user_shape(backend, directory, users.replace_user(backend, directory, user_id, document)))


@router.patch(_USER)
def patch_user(backend: BackendDep, directory: DirectoryDep, user_id: str, document: DocumentDep) -> Response:
    changed = users.patch_user(backend, directory, user_id, parse_operations(document))
    return reply(user_shape(backend, directory, changed))


@router.delete(_USER)
def delete_user(backend: BackendDep, directory: DirectoryDep, user_id: str) -> Response:
    users.delete_user(backend, directory, user_id)
    return empty()


@router.get(_GROUPS)
def list_groups(backend: BackendDep, directory: DirectoryDep, selection: SelectionDep, asked: AskedDep) -> Response:
    return group_page(backend, directory, selection, groups.page_groups(backend, directory, asked))


@router.post(_GROUPS)
def create_group(backend: BackendDep, directory: DirectoryDep, document: DocumentDep) -> Response:
    return created(group_shape(backend, directory, groups.create_group(backend, directory, document)))


@router.get(_GROUP)
def get_group(backend: BackendDep, directory: DirectoryDep, selection: SelectionDep, group_id: str) -> Response:
    found = groups.get_group(backend, directory, group_id, with_members=selection.has_members)
    return reply(selection.of(group_shape(backend, directory, found)))


@router.put(_GROUP)
def replace_group(backend: BackendDep, directory: DirectoryDep, group_id: str, document: DocumentDep) -> Response:
    return reply(group_shape(backend, directory, groups.replace_group(backend, directory, group_id, document)))


@router.patch(_GROUP)
def patch_group(backend: BackendDep, directory: DirectoryDep, group_id: str, document: DocumentDep) -> Response:
    groups.patch_group(backend, directory, group_id, parse_operations(document))
    # Both Okta and Entra ID take no body here, and a group may have ten thousand members.
    return empty()


@router.delete(_GROUP)
def delete_group(backend: BackendDep, directory: DirectoryDep, group_id: str) -> Response:
    groups.delete_group(backend, directory, group_id)
    return empty()
