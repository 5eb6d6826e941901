"""A stack of a project called `esc` has its pages at addresses of environments."""

import pytest

from common.backend import Backend
from common.rights.caller import Caller
from tests.factories.environments import make_environment
from tests.factories.stacks import make_stack
from tests.pages.visiting import Visit

PAGES = ("", "/activity", "/updates", "/previews", "/resources", "/config", "/policies", "/access", "/webhooks", "/settings")


@pytest.mark.parametrize("page", PAGES)
def test_its_pages_are_shown(member: Visit, backend: Backend, admin: Caller, page: str) -> None:
    """Each page of the stack is there while no environment has its address."""
    make_stack(backend, admin, "dev", project="esc")

    assert 200 == member.open(f"/acme/esc/dev{page}").status_code


def test_environments_come_first(member: Visit, backend: Backend, admin: Caller) -> None:
    """An environment keeps the address that the command line prints, and what is neither is a missing page."""
    make_stack(backend, admin, "dev", project="esc")
    make_environment(backend, admin, "dev/settings", "values: {shown: here}\n")

    assert "shown" in member.open("/acme/esc/dev/settings").text
    assert 404 == member.open("/acme/esc/other/settings").status_code
    assert 404 == member.open("/acme/esc/other/thing").status_code
