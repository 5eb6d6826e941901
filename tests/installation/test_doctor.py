"""What the doctor says about jobs."""

import pytest

from common.backend import Backend
from common.installation import doctor
from common.installation.model import Outcome
from common.rights.caller import Caller
from functions.jobs import run_due
from tests.clocks import FrozenClock
from tests.factories.settings import with_settings

HOUR = 3_600


@pytest.mark.parametrize(
    ("setting", "results"),
    [
        ("false", {0: Outcome.OK, 1: Outcome.FAILED}),
        ("true", {1: Outcome.OK, 24: Outcome.OK, 26: Outcome.FAILED}),
    ],
)
def test_finds_no_fault_in_jobs_that_leave_a_database_alone(
    backend: Backend, admin: Caller, clock: FrozenClock, setting: str, results: dict[int, Outcome]
) -> None:
    """Where the database pauses, a day may pass between two runs; elsewhere jobs that are due for minutes are not run at all."""
    backend = with_settings(backend, STACKHOLD_DATABASE_SLEEPS=setting)
    run_due(backend)
    found, passed = dict[int, Outcome](), 0
    for hours in results:
        clock.pass_seconds((hours - passed) * HOUR)
        [jobs] = [check for check in doctor.examine(backend, admin, with_services=False) if check.name == "Jobs"]
        found[hours], passed = jobs.outcome, hours

    assert results == found
