import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from sqlalchemy import select

from common.backend import Backend
from common.core.errors import BadRequest, Conflict, NotFound
from common.db.tables.access import roles, team_roles
from common.people.roles.model import RoleChange
from common.people.roles.service import roles as role_service
from common.people.roles.service import teams
from common.rights.caller import Caller
from tests.factories.people import ORG
from tests.factories.roles import allow, compose, create_role
from tests.factories.teams import make_team

READ = allow("stack:read")


class TestRaces:
    def test_lets_no_circle_arise_between_two(self, backend: Backend, admin: Caller) -> None:
        """Of two changes at the same moment that would make two records compose each other, one is refused."""
        one, other = create_role(backend, admin, "one", READ), create_role(backend, admin, "other", READ)

        def change(role_id: str, composed: str) -> str:
            try:
                role_service.update_role(backend, admin, ORG, role_id, RoleChange(details=json.dumps(compose(composed))))
            except BadRequest:
                return "refused"
            return "done"

        with ThreadPoolExecutor(2) as pool:
            results = list(pool.map(change, (one.id, other.id), (other.id, one.id)))
        assert ["done", "refused"] == sorted(results)

    def test_loses_no_change_of_two(self, backend: Backend, admin: Caller) -> None:
        """Of two changes that were made from the same version, the second is refused, and the first stays."""
        role = create_role(backend, admin, "ops", READ)
        first = json.dumps(allow("stack:write"))
        role_service.update_role(backend, admin, ORG, role.id, RoleChange(details=first), version=role.version)
        with pytest.raises(Conflict, match="changed by another request"):
            role_service.update_role(backend, admin, ORG, role.id, RoleChange(details=json.dumps(READ)), version=role.version)

        assert json.loads(first) == json.loads(role_service.get_role(backend, admin, ORG, role.id).details)

    def test_lets_no_one_hold_what_is_deleted_meanwhile(self, backend: Backend, admin: Caller) -> None:
        """A role that is given to a team and deleted at the same moment is either held and there, or gone and not held."""
        make_team(backend, "ops")
        for number in range(5):
            role = create_role(backend, admin, f"r{number}", READ)

            def give(role_id: str = role.id) -> None:
                with suppress(NotFound):
                    teams.add_team_role(backend, admin, ORG, "ops", role_id)

            def delete(role_id: str = role.id) -> None:
                with suppress(Conflict):
                    role_service.delete_role(backend, admin, ORG, role_id, force=False)

            with ThreadPoolExecutor(2) as pool:
                for running in [pool.submit(give), pool.submit(delete)]:
                    running.result()
        with backend.db.connect() as connection:
            held, there = (set(connection.scalars(select(column))) for column in (team_roles.c.role_id, roles.c.id))
        assert held == there
