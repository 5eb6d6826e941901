"""Revisions of environments, their tags, and what refers to an environment."""

from collections import defaultdict
from typing import Annotated

from fastapi import APIRouter, Query, Response
from msgspec import UNSET

from common.environments.model import Referrer, RevisionEntry
from common.environments.service import definitions, listing, revisions
from common.environments.service.revisions import PAGE_DEFAULT
from common.stacks.model import EnvironmentUse
from common.wire import environments as wire
from functions.api.environments.shapes import Count, EnvironmentPathDep, Token, definition_reply, revision_tag, time
from functions.http.bodies import BodyDep
from functions.http.deps import BackendDep, CallerDep, empty, reply

router = APIRouter()
_E = "/api/esc/environments/{org}/{project}/{environment}"
_TAG = f"{_E}/versions/tags/{{name}}"
_VERSION = f"{_E}/versions/{{version}}"
AllRevisions = Annotated[bool, Query(alias="allRevisions")]
LatestStackOnly = Annotated[bool, Query(alias="latestStackVersionOnly")]


@router.get(f"{_E}/versions")
def list_revisions(
    backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, before: Count = 0, count: Count = PAGE_DEFAULT
) -> Response:
    return reply([_revision(entry) for entry in revisions.page_revisions(backend, caller, path, before, count)])


@router.get(f"{_E}/versions/tags")
def list_revision_tags(
    backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, after: str = "", count: Count = PAGE_DEFAULT
) -> Response:
    page, next_token = revisions.page_tags(backend, caller, path, after, count)
    return reply(wire.ListEnvironmentRevisionTagsResponse([revision_tag(tag) for tag in page], next_token))


@router.post(f"{_E}/versions/tags")
def create_revision_tag(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, body: BodyDep) -> Response:
    request = body.decode(wire.CreateEnvironmentRevisionTagRequest)
    revisions.create_tag(backend, caller, path, request.name, request.revision)
    return empty()


@router.get(_TAG)
def read_revision_tag(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, name: str) -> Response:
    return reply(revision_tag(revisions.get_tag(backend, caller, path, name)))


@router.patch(_TAG)
def update_revision_tag(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, name: str, body: BodyDep) -> Response:
    request = body.decode(wire.UpdateEnvironmentRevisionTagRequest)
    revisions.update_tag(backend, caller, path, name, request.revision)
    return empty()


@router.delete(_TAG)
def delete_revision_tag(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, name: str) -> Response:
    revisions.delete_tag(backend, caller, path, name)
    return empty()


@router.get(_VERSION)
def read_revision(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, version: str) -> Response:
    return definition_reply(definitions.get(backend, caller, path, version))


@router.get(f"{_VERSION}/decrypt")
def decrypt_revision(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, version: str) -> Response:
    return definition_reply(definitions.decrypt(backend, caller, path, version))


@router.post(f"{_VERSION}/retract")
def retract_revision(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, version: str, body: BodyDep) -> Response:
    request = body.decode(wire.RetractEnvironmentRevisionRequest)
    revisions.retract(backend, caller, path, version, request.replacement, request.reason or "")
    return empty()


@router.get(f"{_VERSION}/tags")
def list_tags_of_revision(
    backend: BackendDep,
    caller: CallerDep,
    path: EnvironmentPathDep,
    version: str,
    after: str = "",
    count: Count = PAGE_DEFAULT,
) -> Response:
    page, next_token = revisions.page_tags(backend, caller, path, after, count, version)
    return reply(wire.ListEnvironmentRevisionTagsResponse([revision_tag(tag) for tag in page], next_token))


@router.get(f"{_VERSION}/referrers")
def list_revision_referrers(
    backend: BackendDep,
    caller: CallerDep,
    path: EnvironmentPathDep,
    version: str,
    token: Token = None,
    count: Count = PAGE_DEFAULT,
    *,
    all_revisions: AllRevisions = False,
    latest_stack_only: LatestStackOnly = False,
) -> Response:
    page = listing.page_referrers(
        backend,
        caller,
        path,
        token,
        count,
        version,
        newest_only=not all_revisions,
        newest_stacks_only=latest_stack_only or not all_revisions,
    )
    return reply(_referrers(*page))


@router.get(f"{_E}/referrers")
def list_environment_referrers(
    backend: BackendDep,
    caller: CallerDep,
    path: EnvironmentPathDep,
    token: Token = None,
    count: Count = PAGE_DEFAULT,
    *,
    all_revisions: AllRevisions = False,
    latest_stack_only: LatestStackOnly = False,
) -> Response:
    page = listing.page_referrers(
        backend,
        caller,
        path,
        token,
        count,
        newest_only=not all_revisions,
        newest_stacks_only=latest_stack_only or not all_revisions,
    )
    return reply(_referrers(*page))


def _revision(entry: RevisionEntry) -> wire.EnvironmentRevision:
    retraction = entry.retraction
    retracted: wire.EnvironmentRevisionRetracted | None = None
    if retraction is not None:
        by = retraction.by
        retracted = wire.EnvironmentRevisionRetracted(
            retraction.replacement, time(retraction.at), by.login, by.name, retraction.reason
        )
    applied = entry.change_request
    return wire.EnvironmentRevision(
        entry.number,
        time(entry.created_at),
        entry.creator.login,
        entry.creator.name,
        list(entry.tags),
        retracted or UNSET,
        wire.EnvironmentRevisionChangeRequest(applied.id, applied.description) if applied is not None else UNSET,
    )


def _referrers(page: list[Referrer | EnvironmentUse], next_token: str | None) -> wire.ListEnvironmentReferrersResponse:
    by_version: dict[str, list[wire.EnvironmentReferrer]] = defaultdict(list)
    for row in page:
        if isinstance(row, EnvironmentUse):
            referrer = wire.EnvironmentReferrer(stack=wire.EnvironmentStackReferrer(row.project, row.stack, row.number))
        else:
            referrer = wire.EnvironmentReferrer(wire.EnvironmentImportReferrer(row.project, row.name, row.number))
        by_version[row.version].append(referrer)
    return wire.ListEnvironmentReferrersResponse(by_version, next_token or UNSET)
