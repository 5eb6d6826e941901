"""The addresses of environments from before there were projects: one table that leads them to the handlers of today.

The handlers find no project in these addresses, and take the default one. Two calls differ in form, and are written out.
"""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Response

from common.environments.model import DEFAULT_PROJECT
from common.environments.service import definitions as service
from common.environments.service import revisions as revision_service
from common.wire.environments import CreateEnvironmentRevisionTagRequest
from functions.api import webhooks
from functions.api.environments import catalogues, definitions, opening, revisions, tags
from functions.api.environments.shapes import EnvironmentPathDep
from functions.http.bodies import BodyDep
from functions.http.deps import BackendDep, CallerDep, empty

_ROOT = "/api/preview/environments"
_E = f"{_ROOT}/{{org}}/{{environment}}"
_VERSION = f"{_E}/versions/{{version}}"
_HOOK = f"{_E}/hooks/{{hook}}"
# Method, address, and the handler of today's address. The first match counts, so what has fixed words stands first.
ALIASES: tuple[tuple[str, str, Callable[..., Any]], ...] = (
    ("GET", f"{_ROOT}/providers", catalogues.list_providers),
    ("GET", f"{_ROOT}/providers/{{name}}/schema", catalogues.get_provider_schema),
    ("GET", _ROOT, definitions.list_environments),
    ("GET", f"{_ROOT}/{{org}}", definitions.list_org_environments),
    ("GET", f"{_ROOT}/{{org}}/tags", definitions.list_all_environment_tags),
    ("POST", f"{_ROOT}/{{org}}/yaml/check", opening.check_yaml),
    ("POST", f"{_ROOT}/{{org}}/yaml/open", opening.open_yaml),
    ("GET", f"{_ROOT}/{{org}}/yaml/open/{{session_id}}", opening.read_open_yaml),
    ("HEAD", _E, definitions.head_environment),
    ("GET", _E, definitions.read_environment),
    ("PATCH", _E, definitions.update_environment),
    ("DELETE", _E, definitions.delete_environment),
    ("GET", f"{_E}/decrypt", definitions.decrypt_environment),
    ("GET", f"{_E}/metadata", definitions.get_environment_metadata),
    ("POST", f"{_E}/check", opening.check_environment),
    ("POST", f"{_E}/open", opening.open_environment),
    ("GET", f"{_E}/open/{{session_id}}", opening.read_open_environment),
    ("GET", f"{_E}/tags", tags.list_environment_tags),
    ("POST", f"{_E}/tags", tags.create_environment_tag),
    ("GET", f"{_E}/tags/{{name}}", tags.get_environment_tag),
    ("PATCH", f"{_E}/tags/{{name}}", tags.update_environment_tag),
    ("DELETE", f"{_E}/tags/{{name}}", tags.delete_environment_tag),
    ("GET", f"{_E}/versions", revisions.list_revisions),
    ("GET", f"{_E}/versions/tags", revisions.list_revision_tags),
    ("GET", f"{_E}/versions/tags/{{name}}", revisions.read_revision_tag),
    ("PATCH", f"{_E}/versions/tags/{{name}}", revisions.update_revision_tag),
    ("DELETE", f"{_E}/versions/tags/{{name}}", revisions.delete_revision_tag),
    ("GET", _VERSION, revisions.read_revision),
    ("GET", f"{_VERSION}/decrypt", revisions.decrypt_revision),
    ("POST", f"{_VERSION}/check", opening.check_revision),
    ("POST", f"{_VERSION}/open", opening.open_revision),
    ("POST", f"{_VERSION}/retract", revisions.retract_revision),
    ("GET", f"{_VERSION}/tags", revisions.list_tags_of_revision),
    ("GET", f"{_VERSION}/referrers", revisions.list_revision_referrers),
    ("GET", f"{_E}/hooks", webhooks.list_webhooks),
    ("POST", f"{_E}/hooks", webhooks.create_webhook),
    ("GET", _HOOK, webhooks.get_webhook),
    ("PATCH", _HOOK, webhooks.update_webhook),
    ("DELETE", _HOOK, webhooks.delete_webhook),
    ("POST", f"{_HOOK}/ping", webhooks.ping_webhook),
    ("GET", f"{_HOOK}/deliveries", webhooks.list_webhook_deliveries),
    ("POST", f"{_HOOK}/deliveries/{{event}}/redeliver", webhooks.redeliver_webhook_event),
)
router = APIRouter()
for _method, _address, _handler in ALIASES:
    router.add_api_route(_address, _handler, methods=[_method])


@router.post(_E)
def create_environment(backend: BackendDep, caller: CallerDep, org: str, environment: str) -> Response:
    service.create(backend, caller, org, DEFAULT_PROJECT, environment)
    return empty(200)


@router.post(f"{_E}/versions/tags/{{name}}")
def create_revision_tag(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, name: str, body: BodyDep) -> Response:
    request = body.decode(CreateEnvironmentRevisionTagRequest)
    revision_service.create_tag(backend, caller, path, name, request.revision)
    return empty()
