"""Prepares an installation on AWS Lambda: a custom resource of the template, and a command for the operator.

As a custom resource it runs with every release and every change of a parameter that the API function depends on, before the
new version of that function is reachable: checks the services, brings the database to the release's tables, and fails the
deployment with one line if that cannot be. It returns a text that changes with its properties, from which the template makes
the new version. Called by hand with a token, it makes the first administrator, or gives them one more token.
"""

import hashlib
import json
import logging
import urllib.request
from typing import Any

from aws.environment import environment
from common.core.errors import StartUpError
from functions.hosts.function_host import FunctionHost

LOG = logging.getLogger("stackhold.migrate")
logging.getLogger("stackhold").setLevel(logging.INFO)
ANSWER_SECONDS = 20
_RESOURCE = "stackhold-tables"


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:  # noqa: ANN401 - the runtime's object
    """Prepare the installation; an event of CloudFormation is answered at the address it brings."""
    if "RequestType" not in event:
        return _by_hand(event)
    problem = ""
    try:
        if event["RequestType"] != "Delete":  # The tables outlive the stack; they are removed with the database.
            _prepare({})
    except StartUpError as error:
        problem = str(error)
    except Exception:  # CloudFormation waits an hour for an answer that never comes.
        LOG.exception("the installation could not be prepared")
        problem = "the installation could not be prepared; the log of the migration function says more"
    _answer(event, problem)
    return {"problem": problem}


def _by_hand(event: dict[str, Any]) -> dict[str, Any]:
    given = {"STACKHOLD_BOOTSTRAP_TOKEN": event.get("token"), "STACKHOLD_BOOTSTRAP_ORG": event.get("org")}
    if unknown := sorted(set(event) - {"token", "org"}):
        return {"problem": f"{unknown[0]!a} means nothing here; give token and org"}
    try:
        _prepare({name: str(value) for name, value in given.items() if value})
    except StartUpError as error:
        return {"problem": str(error)}
    return {"problem": "", "administrator": "has the token" if event.get("token") else "was not asked for: give a token"}


def _prepare(given: dict[str, str]) -> None:
    FunctionHost(lambda: {**environment(), "STACKHOLD_MIGRATE_AT_START": "true", **given}).prepare()


def settings_of(properties: dict[str, Any]) -> str:
    """Return a text that is the same for the same properties of the custom resource, and another one for any other."""
    return "Settings " + hashlib.sha256(json.dumps(properties, sort_keys=True).encode()).hexdigest()[:16]


def _answer(event: dict[str, Any], problem: str) -> None:
    answer = {
        "Status": "FAILED" if problem else "SUCCESS",
        "Reason": problem[:1000] or "prepared",
        "PhysicalResourceId": event.get("PhysicalResourceId") or _RESOURCE,
        "Data": {"Settings": settings_of(event["ResourceProperties"])},
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    # Presigned by CloudFormation for a request without a content type.
    request = urllib.request.Request(event["ResponseURL"], json.dumps(answer).encode(), {"Content-Type": ""}, method="PUT")  # noqa: S310
    with urllib.request.urlopen(request, timeout=ANSWER_SECONDS):  # noqa: S310 - the address is CloudFormation's
        pass
