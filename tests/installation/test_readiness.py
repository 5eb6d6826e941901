"""What a load balancer is told."""

from common.backend import Backend
from common.installation import readiness
from tests.factories.settings import with_settings
from tests.interleaving import interleaved


def test_a_long_running_server_asks_a_database_that_pauses(backend: Backend) -> None:
    """Its jobs keep the database awake anyway, and the answer must not hide that it is gone."""
    backend = with_settings(backend, STACKHOLD_DATABASE_SLEEPS="true")
    with interleaved(backend, "SELECT 1", lambda: None):
        assert "ok" == readiness.ready(backend).status
