"""Operations of the upstream API that this release does not have: the client reads which part is missing."""

import pytest
from starlette.testclient import TestClient

from functions.http.unbuilt import find_refusal
from tests.factories.people import ADMIN_TOKEN
from tests.factories.tokens import signed
from tools.operations import Operation, Status, operations, sample, status

pytestmark = pytest.mark.dialects("sqlite")
MISSING = [operation for operation in operations() if status(operation) is not Status.DONE]
# Clients take the 404 of these for an answer: a package or template that is looked for elsewhere next (3.214.1 asks under
# `preview`), and a token of an agent that is not known.
NOT_FOUND = {
    "GET /api/agents/signup/validate/{claimToken}",
    "GET /api/preview/registry/packages",
    "GET /api/preview/registry/packages/{source}/{publisher}/{name}/versions/{version}",
    "GET /api/preview/registry/templates",
    "GET /api/preview/registry/templates/{source}/{publisher}/{name}/versions/{version}",
}


def label(operation: Operation) -> str:
    """Return an operation's name in a failure."""
    return f"{operation.method} {operation.path}"


def test_every_one_that_is_not_done_is_named(client: TestClient) -> None:
    """501 with the part that is missing and where to read on, but where clients need a 404."""
    wrong = []
    for operation in MISSING:
        found = client.request(operation.method, sample(operation.path), json={})
        is_named = operation.method == "HEAD" or "not part of this release (docs/compatibility.md)" in found.text
        is_right = found.status_code == 404 if label(operation) in NOT_FOUND else (found.status_code == 501 and is_named)
        if not is_right:
            wrong.append(f"{label(operation)}: {found.status_code} {found.text[:90]}")

    assert [] == wrong
    assert NOT_FOUND <= {label(operation) for operation in MISSING}


# What clients read of an operation; one that has been built since is left out.
WORDS = {
    "POST /api/esc/environments/{orgName}/{projectName}/{envName}/drafts": "approvals and change requests are",
    "GET /api/orgs/{orgName}/services": "services are",
    "POST /api/stacks/{orgName}/{projectName}/{stackName}/deployments/settings": "deployments are",
    "GET /api/orgs/{orgName}/agent-pools": "agent pools are",
    "GET /api/orgs/{orgName}/search/resources": "resource search and insights are",
    "POST /api/registry/packages/{source}/{publisher}/{name}/versions": "publishing to the registry is",
}
KNOWN = {label(operation): operation for operation in operations()}
NAMED = [KNOWN[name] for name in WORDS if status(KNOWN[name]) is not Status.DONE]


def test_says_which_part(client: TestClient) -> None:
    """The words are those that people use for it."""
    for operation in NAMED:
        found = client.request(operation.method, sample(operation.path), json={})
        words = f"Not Implemented: {WORDS[label(operation)]} not part of this release (docs/compatibility.md)"
        assert (501, words) == (found.json()["code"], found.json()["message"])

    assert NAMED


def test_is_said_to_those_who_are_signed_in(client: TestClient) -> None:
    """Bad credentials come first, as everywhere."""
    address = sample(NAMED[0].path)

    assert 401 == client.request(NAMED[0].method, address, headers=signed(ADMIN_TOKEN[:-1] + "0"), json={}).status_code


@pytest.mark.parametrize(
    "path", ["/api/nothing", "/api/orgs/acme/servicesx", "/policypacks", "/api/stacks/acme/hooks/hooks", "/api/user/nothing"]
)
def test_other_addresses_stay_unknown(path: str) -> None:
    """What upstream does not have either is not called a part of it."""
    assert find_refusal("GET", path) is None
