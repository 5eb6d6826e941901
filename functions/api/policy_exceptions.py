"""Exceptions from policies (platform.md 12)."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from msgspec import UNSET

from common.core.clock import from_millis
from common.policies.exceptions import model
from common.policies.exceptions import service as exceptions
from common.policies.exceptions.model import ExceptionSearch, ExceptionStatus, Match, NewException
from common.policies.exceptions.service import PAGE_LIMIT, PAGE_SIZE
from common.wire.policy_issues import (
    CreatePolicyExceptionRequest,
    ListPolicyExceptionsResponse,
    PolicyException,
    PolicyExceptionMatch,
)
from common.wire.stacks import UserInfo
from functions.http.deps import BackendDep, CallerDep, DocumentBodyDep, reply

router = APIRouter()
_EXCEPTIONS = "/api/orgs/{org}/policy/exceptions"


@router.get(_EXCEPTIONS)
def list_policy_exceptions(
    backend: BackendDep,
    caller: CallerDep,
    org: str,
    pack: Annotated[str | None, Query(alias="policyPack")] = None,
    policy: str | None = None,
    stack: str | None = None,
    status: Annotated[list[ExceptionStatus] | None, Query()] = None,
    limit: Annotated[int, Query(alias="maxResults", ge=1, le=PAGE_LIMIT)] = PAGE_SIZE,
    token: Annotated[str | None, Query(alias="continuationToken")] = None,
) -> Response:
    statuses = frozenset(status or (ExceptionStatus.ACTIVE,))
    search = ExceptionSearch(pack or None, policy or None, stack or None, statuses)
    page, next_token = exceptions.page_exceptions(backend, caller, org, search, limit=limit, token=token)
    return reply(ListPolicyExceptionsResponse([_exception(exception) for exception in page], next_token or UNSET))


@router.post(_EXCEPTIONS)
def create_policy_exception(backend: BackendDep, caller: CallerDep, org: str, body: DocumentBodyDep) -> Response:
    request = body.decode(CreatePolicyExceptionRequest)
    matches = tuple(Match(match.policies, match.targets) for match in request.match)
    new = NewException(request.policy_pack, matches, request.reason, request.expires_in_seconds)
    created, is_new = exceptions.create_exception(backend, caller, org, new)
    return reply(_exception(created), 201 if is_new else 200)


@router.get(f"{_EXCEPTIONS}/{{exception_id}}")
def get_policy_exception(backend: BackendDep, caller: CallerDep, org: str, exception_id: str) -> Response:
    return reply(_exception(exceptions.get_exception(backend, caller, org, exception_id)))


@router.delete(f"{_EXCEPTIONS}/{{exception_id}}")
def remove_policy_exception(backend: BackendDep, caller: CallerDep, org: str, exception_id: str) -> Response:
    return reply(_exception(exceptions.remove_exception(backend, caller, org, exception_id)))


def _exception(exception: model.PolicyException) -> PolicyException:
    return PolicyException(
        id=exception.name,
        policy_pack=exception.pack,
        match=[PolicyExceptionMatch(match.policies, match.targets) for match in model.decode(exception.matches)],
        reason=exception.reason,
        status=exception.status.value,
        created_at=from_millis(exception.created_at),
        expires_at=from_millis(exception.expires_at) if exception.expires_at is not None else UNSET,
        created_by=_user(exception.created_by) if exception.created_by is not None else UNSET,
        removed_by=_user(exception.removed_by) if exception.removed_by is not None else UNSET,
        removed_at=from_millis(exception.removed_at) if exception.removed_at is not None else UNSET,
    )


def _user(person: model.Person) -> UserInfo:
    return UserInfo(person.name, person.login, person.avatar_url)
