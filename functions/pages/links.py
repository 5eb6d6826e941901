"""What the command line links to of parts that this release does not have: a page that says so.

Only browsers come here, who say that they take HTML.
"""

from collections.abc import Callable

from fastapi import APIRouter, Response

from functions.http.unbuilt import refusal

router = APIRouter()
# What the command line prints or opens for parts that this release does not have.
_MISSING_PARTS = (
    ("/{org}/resources", "resource search and insights are"),
    ("/{org}/neo/{rest:path}", "AI assistants and agents are"),
    ("/claim/{token}", "AI assistants and agents are"),
    ("/{org}/{project}/{stack}/deployments/{number}", "deployments are"),
)


def _refuse(part: str) -> Callable[[], Response]:
    def handler() -> Response:
        raise refusal(part)

    return handler


for _address, _part in _MISSING_PARTS:
    router.add_api_route(_address, _refuse(_part))
