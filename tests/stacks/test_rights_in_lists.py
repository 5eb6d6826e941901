"""Lists of many stacks for those who may see few of them: the database does the choosing."""

import json
from itertools import chain

import pytest
from sqlalchemy import insert, select
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.errors import Forbidden, NotFound
from common.db.tables import people
from common.db.tables import stacks as core_tables
from common.rights.caller import Caller
from common.rights.org_settings import OrgSettings
from common.rights.permissions import Permission, StackLevel
from common.stacks import steps as stack_steps
from common.stacks.model import StackPath
from common.stacks.service import listing as stacks
from common.stacks.service.listing import Filters
from tests.counting import Counter
from tests.factories.grants import grant
from tests.factories.orgs import set_settings
from tests.factories.people import caller_of, make_token, make_user
from tests.factories.roles import allow, give_role, tagged
from tests.factories.stacks import make_stack


@pytest.fixture
def bob(backend: Backend, client: TestClient, admin: Caller) -> Caller:
    """A member of acme, which gives its members nothing, who is signed in from here on."""
    make_stack(backend, admin, tags={"env": "prod"})
    set_settings(backend, "acme", OrgSettings(default_stack_permission=StackLevel.NONE))
    token = make_user(backend, "bob", org="acme")
    client.headers["Authorization"] = f"token {token}"
    return caller_of(backend, token)


class TestListOfMany:
    COUNT = 10_000

    @pytest.fixture
    def many(self, backend: Backend, admin: Caller, bob: Caller) -> Caller:
        """Ten thousand stacks besides dev: every hundredth is tagged as production, and two others are bob's."""
        with backend.db.begin() as tx:
            org_id = tx.scalar(select(people.organizations.c.id).where(people.organizations.c.login == "acme"))
            stack = {"org_id": org_id, "project": "many", "live": 1, "wrapped_key": b"x", "created_at": 1}
            version = {
                "kind": "create",
                "dry_run": False,
                "status": "succeeded",
                "outcome": "succeeded",
                "version": 0,
                "program": "{}",
                "requested_by": admin.user_id,
                "origin": "",
                "cli_version": "",
                "created_at": 1,
                "after_version": -1,
                "journal_version": 0,
                "checkpoint_sequence": 0,
                "state_owner": "acme",
                "state_project": "many",
                "resource_count": 0,
            }
            tags = ["prod" if number % 100 == 0 else "test" for number in range(self.COUNT)]
            tx.execute(
                insert(core_tables.stacks),
                [
                    {
                        **stack,
                        "id": f"s{number}",
                        "name": f"n{number:05}",
                        "tags": json.dumps({"env": tag}),
                        "created_by": bob.user_id if number % 5000 == 4999 else admin.user_id,
                    }
                    for number, tag in enumerate(tags)
                ],
            )
            tx.execute(
                insert(core_tables.stack_tags),
                [{"stack_id": f"s{number}", "name": "env", "value": tag} for number, tag in enumerate(tags)],
            )
            tx.execute(
                insert(core_tables.updates),
                [
                    {**version, "id": f"u{number}", "stack_id": f"s{number}", "state_name": f"n{number:05}"}
                    for number in range(self.COUNT)
                ],
            )
        give_role(backend, bob, tagged("env", "prod", "stack:list"))
        return bob

    def pages(self, client: TestClient, counter: Counter, **filters: str) -> list[list[str]]:
        """Return all pages of a listing, each of which may cost three statements."""
        found: list[list[str]] = []
        token: str | None = ""
        while token is not None:
            counter.reset()
            page = client.get("/api/user/stacks", params={"maxResults": "40", "continuationToken": token, **filters}).json()
            assert counter.statements <= 3
            found.append([stack["stackName"] for stack in page["stacks"]])
            token = page["continuationToken"]
        return found

    def test_is_filtered_by_the_database(self, client: TestClient, many: Caller, counter: Counter) -> None:
        """Pages are full, none is left out and none is seen that may not be; filters narrow what may be seen."""
        assert "bob" == many.login
        prod = [f"n{number:05}" for number in range(0, self.COUNT, 100)]
        found = self.pages(client, counter)

        assert [40, 40, 23] == [len(page) for page in found]
        assert ["dev", *sorted([*prod, "n04999", "n09999"])] == sorted(
            chain.from_iterable(found), key=lambda name: (name != "dev", name)
        )
        assert [prod[:40], prod[40:80], prod[80:]] == self.pages(client, counter, project="many", tagName="env", tagValue="prod")
        assert [["n04999", "n09999"]] == self.pages(client, counter, tagName="env", tagValue="test")

    def test_is_the_same_for_a_grant(
        self, client: TestClient, backend: Backend, admin: Caller, many: Caller, counter: Counter
    ) -> None:
        """One stack that was given is found among all others."""
        give_role(backend, many, allow("organization:read_usage"))
        grant(backend, StackPath("acme", "many", "n00007"), many.user_id, StackLevel.READ)

        assert [["n00007", "n04999", "n09999"]] == self.pages(client, counter)

    def test_agrees_with_what_opens(self, backend: Backend, many: Caller) -> None:
        """The rule in SQL and the rule on one stack are the same rule."""
        seen, _ = stacks.page_stacks(backend, caller_of_id(backend, many), Filters(), token=None, limit=None)
        names = {stack.path.name for stack in seen}
        caller = caller_of_id(backend, many)
        for number in (0, 1, 99, 100, 101, 4998, 4999, 5000, 9900, 9999):
            name = f"n{number:05}"
            assert (name in names) == is_known(backend, caller, StackPath("acme", "many", name))


def caller_of_id(backend: Backend, before: Caller) -> Caller:
    """Return a caller as they are now."""
    with backend.db.begin() as tx:
        token = make_token(tx, backend, before.user_id).text
    return caller_of(backend, token)


def is_known(backend: Backend, caller: Caller, path: StackPath) -> bool:
    """Whether a stack is shown to a caller at all: it opens, or is refused by name."""
    try:
        stack_steps.get_stack(backend, caller, path, Permission.STACK_READ)
    except NotFound:
        return False
    except Forbidden:
        return True
    return True
