"""Validates requests and replies with scim2-models, which reads RFC 7643 and RFC 7644 independently of our code."""

from typing import Any

from httpx2 import Response
from scim2_models import (
    Context,
    EnterpriseUser,
    Error,
    Group,
    ListResponse,
    PatchOp,
    ResourceType,
    Schema,
    ScimPolicy,
    ServiceProviderConfig,
    User,
)

MODELS: dict[str, Any] = {
    "Users": User[EnterpriseUser],
    "Groups": Group,
    "ServiceProviderConfig": ServiceProviderConfig,
    "ResourceTypes": ResourceType,
    "Schemas": Schema,
}
# Generic in the kind of resource, which is chosen at run time here.
_LIST: Any = ListResponse
_PATCH: Any = PatchOp
_REQUESTS = {"POST": Context.RESOURCE_CREATION_REQUEST, "PUT": Context.RESOURCE_REPLACEMENT_REQUEST}
_REPLIES = {
    "GET": Context.RESOURCE_QUERY_RESPONSE,
    "POST": Context.RESOURCE_CREATION_RESPONSE,
    "PUT": Context.RESOURCE_REPLACEMENT_RESPONSE,
    "PATCH": Context.RESOURCE_PATCH_RESPONSE,
}
# Entra ID leaves the RFC in three places, and is understood: a remove has the value to remove beside its path, a filter that
# matches nothing creates the value, and a group names a schema of Microsoft's besides the standard one.
_ENTRA = ScimPolicy(
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)
ENTRA_GROUP_SCHEMA = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
# An attribute that neither the RFC nor this server knows is kept and returned as it was sent, for users alone.
_POLICIES = {"Users": ScimPolicy(unknown=ScimPolicy.Unknown.ignore)}


def validate_request(method: str, path: str, document: dict[str, Any]) -> None:
    """Raise ValidationError for a request that does not follow the RFC."""
    model = MODELS[kind_of(path)]
    if method == "PATCH":
        _PATCH[model].model_validate(document, scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=_ENTRA)
        return
    if "schemas" in document:
        document = {**document, "schemas": [schema for schema in document["schemas"] if schema != ENTRA_GROUP_SCHEMA]}
    model.model_validate(document, scim_ctx=_REQUESTS[method])


def validate_reply(method: str, path: str, reply: Response) -> None:
    """Raise ValidationError for a reply that does not follow the RFC."""
    if reply.status_code >= 400:
        Error.model_validate_json(reply.content)
    elif reply.content:
        kind = kind_of(path)
        model = _LIST[MODELS[kind]] if method == "GET" and is_list(path) else MODELS[kind]
        model.model_validate_json(reply.content, scim_ctx=_REPLIES[method], scim_policy=_POLICIES.get(kind))


def kind_of(path: str) -> str:
    """Return the kind of resource that a path below the organization's address is about, as in `/Users/…`."""
    return path.partition("?")[0].split("/")[1]


def is_list(path: str) -> bool:
    """Return whether a path is that of a list; the configuration is the only resource without an id."""
    return "/" not in path.partition("?")[0].strip("/") and kind_of(path) != "ServiceProviderConfig"
