"""What is no longer needed is deleted: results that expired, and environments that were deleted long ago."""

from sqlalchemy import Table, func, select

from common.backend import Backend
from common.db.tables.environments import environment_revisions, environment_sessions, environments
from common.environments import cleanup
from common.environments.service import definitions, opening
from common.rights.caller import Caller
from tests.clocks import FrozenClock
from tests.factories.environments import make_environment

DAY_SECONDS = 86_400


def count(backend: Backend, table: Table) -> int:
    """Return how many rows a table has."""
    with backend.db.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


class TestDeleteExpired:
    def test_deletes_sessions_that_expired(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """A session is kept until its time is over."""
        path = make_environment(backend, admin, "app/dev", "values: {a: 1}\n")
        opening.open_environment(backend, admin, path, duration="1h")
        opening.open_environment(backend, admin, path, duration="2h")

        assert cleanup.delete_expired(backend) == 0
        clock.pass_seconds(3600)
        assert cleanup.delete_expired(backend) == 1
        assert count(backend, environment_sessions) == 1

    def test_deletes_environments_that_cannot_be_restored_any_more(
        self, backend: Backend, admin: Caller, clock: FrozenClock
    ) -> None:
        """The rows of a deleted environment go away after the days in which it can be restored; live ones stay."""
        make_environment(backend, admin, "app/live", "values: {a: 1}\n")
        definitions.delete(backend, admin, make_environment(backend, admin, "app/gone", "values: {a: 1}\n"))

        assert cleanup.delete_expired(backend) == 0
        clock.pass_seconds((backend.settings.deleted_stack_days + 1) * DAY_SECONDS)
        assert [cleanup.delete_expired(backend) for _ in range(2)] == [1, 0]
        assert (count(backend, environments), count(backend, environment_revisions)) == (1, 2)
