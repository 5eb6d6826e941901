"""Settings, access and rotation of an environment on its pages."""

import pytest

from common.backend import Backend
from common.environments.model import EnvironmentPath
from common.environments.service import attributes, definitions
from common.rights.caller import Caller
from tests.counting import Counter
from tests.factories.people import make_user
from tests.pages.environment_pages import E, make_full_environment
from tests.pages.visiting import Visit, location, shown, values

pytestmark = pytest.mark.dialects("sqlite")
SETTINGS, ACCESS, ROTATION = f"{E}/settings", f"{E}/access", f"{E}/rotation"


@pytest.fixture(autouse=True)
def path(backend: Backend, admin: Caller) -> EnvironmentPath:
    """acme/shop/dev with everything."""
    return make_full_environment(backend, admin)


@pytest.mark.parametrize("address", [SETTINGS, ACCESS, ROTATION])
def test_costs_few_statements(member: Visit, counter: Counter, address: str) -> None:
    """Each page costs at most six statements."""
    member.open(address)
    counter.reset()

    assert 200 == member.open(address).status_code
    assert counter.statements <= 6


class TestSettings:
    def test_change_tags(self, member: Visit) -> None:
        """Tags are added and deleted; a bad name comes back with the reason."""
        member.submit(f"{SETTINGS}/tags", on=SETTINGS, name="tier", value="test")
        assert "tier: test" in shown(member.open(E))
        member.submit(f"{SETTINGS}/tags/delete", on=SETTINGS, name="tier")

        assert "tier" not in shown(member.open(E))
        assert "invalid environment tag" in shown(member.submit(f"{SETTINGS}/tags", on=SETTINGS, name="a b", value="x")).replace(
            "Invalid", "invalid"
        )

    def test_protect_and_delete(self, backend: Backend, admin: Caller, member: Visit, path: EnvironmentPath) -> None:
        """A protected environment has no form to delete it; without protection its name is typed."""
        member.submit(f"{SETTINGS}/protection", on=SETTINGS, protected="yes")
        assert attributes.is_deletion_protected(backend, admin, path)
        assert "Type shop/dev" not in shown(member.open(SETTINGS))
        delete = f"{SETTINGS}/delete"
        assert 409 == member.submit(delete, on=SETTINGS, confirm="shop/dev").status_code
        member.submit(f"{SETTINGS}/protection", on=SETTINGS, protected="no")

        assert 400 == member.submit(delete, on=SETTINGS, confirm="dev").status_code
        assert "/acme/esc?done=deleted" == location(member.submit(delete, on=SETTINGS, confirm="shop/dev"))
        assert 404 == member.open(E).status_code

    def test_clone(self, member: Visit) -> None:
        """A copy has what was chosen, and is led to."""
        assert "/acme/esc/web/copy?done=copied" == location(
            member.submit(f"{SETTINGS}/clone", on=SETTINGS, project="web", name="copy", keep="tags")
        )
        assert "note: hello" in shown(member.open("/acme/esc/web/copy"))
        assert 409 == member.submit(f"{SETTINGS}/clone", on=SETTINGS, project="web", name="copy", keep="tags").status_code

    def test_change_the_owner(self, backend: Backend, member: Visit) -> None:
        """A member becomes the owner; anyone else is refused."""
        make_user(backend, "olga", org="acme")
        assert 303 == member.submit(f"{SETTINGS}/owner", on=SETTINGS, login="olga").status_code
        assert "Owner olga" in shown(member.open(E))
        assert member.submit(f"{SETTINGS}/owner", on=SETTINGS, login="none").status_code in (400, 404)


class TestAccess:
    def test_says_who_and_why(self, member: Visit) -> None:
        """Admins, members by the organization's setting, the owner, the reader, and teams with their limits."""
        text = shown(member.open(ACCESS))

        for part in ("Organization admins admin", "Members none Setting of acme", "Owner of the environment", "You admin"):
            assert part in text
        assert "operators hello open 2h" in text

    def test_changes_teams(self, member: Visit) -> None:
        """A team is given another level, and removed; a team that does not exist is refused."""
        team = f"{ACCESS}/team"
        member.submit(team, on=ACCESS, team="operators", level="write", max_open_duration="")
        assert "operators hello write Any time" in shown(member.open(ACCESS))
        member.submit(team, on=ACCESS, team="operators", action="remove")

        assert "No team was given access" in shown(member.open(ACCESS))
        assert 404 == member.submit(team, on=ACCESS, team="none", level="read").status_code
        assert 400 == member.submit(team, on=ACCESS, team="operators", level="all").status_code


class TestRotation:
    def test_rotates_what_was_chosen(self, backend: Backend, admin: Caller, member: Visit, path: EnvironmentPath) -> None:
        """A new revision has the new secret, and the history says so."""
        assert f"{ROTATION}?done=succeeded" == location(member.submit(ROTATION, on=ROTATION, secret="rotated"))
        page = shown(member.open(ROTATION))

        assert 4 == definitions.get(backend, admin, path).number
        assert "Succeeded rotated 4" in page
        assert 400 == member.submit(ROTATION, on=ROTATION, secret="password").status_code

    def test_schedules(self, member: Visit) -> None:
        """A schedule is created, paused, resumed and deleted; a time that cannot be comes back with the reason."""
        place = f"{ROTATION}/schedules"
        assert f"{ROTATION}?done=scheduled" == location(member.submit(place, on=ROTATION, cron="0 5 * * 1", secret="rotated"))
        page = member.open(ROTATION)
        (schedule,) = dict.fromkeys(values(page, r'name="schedule" value="([^"]*)"'))
        assert "rotated 0 5 * * 1" in shown(page)
        for action, text in (("pause", "Paused"), ("resume", "Pause schedule of rotated"), ("delete", "Add a schedule")):
            member.submit(f"{place}/change", on=ROTATION, schedule=schedule, action=action)
            assert text in shown(member.open(ROTATION))

        assert "0 5 * * 1 Pause" not in shown(member.open(ROTATION))
        assert 400 == member.submit(place, on=ROTATION, cron="whenever", secret="").status_code
        assert 400 == member.submit(f"{place}/change", on=ROTATION, schedule=schedule, action="x").status_code

    def test_says_that_there_is_nothing_to_rotate(self, member: Visit) -> None:
        """An environment without rotators has no entry for it, and a page that says how to get one."""
        assert "fn::rotate" in shown(member.open("/acme/esc/shop/base/rotation"))
        assert "/rotation" not in member.open("/acme/esc/shop/base").text
