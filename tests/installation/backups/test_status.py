"""Each run of `stackhold backup` is noted, and those who run the installation are warned when the last good one is too old."""

from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from common.backend import Backend
from common.config.database import open_database_at
from common.core.errors import StartUpError
from common.db.tables.installation import backup_runs
from common.installation import doctor, site
from common.installation.backups import status
from common.installation.backups.model import ADVICE, BackupRun, assess
from common.installation.backups.status import INTERRUPTED, KEPT_RUNS, recorded
from common.installation.model import Check, Outcome
from common.rights.caller import Caller
from tests.clocks import FrozenClock
from tests.factories.installations import fill
from tests.factories.settings import with_settings
from tests.installation.backups.commands import back_up

DAY_SECONDS, DAY_MILLIS = 86_400, 86_400_000
NOW = 1_800_000_000_000


def run(days_ago: float, problem: str = "", *, has_ended: bool = True) -> BackupRun:
    """A run of so many days ago."""
    began_at = NOW - round(days_ago * DAY_MILLIS)
    ended_at = began_at + 5000 if has_ended else None
    return BackupRun(str(days_ago), began_at, "folder /backup", "0.1.0", ended_at, backup_id="b", problem=problem)


def backups_check(backend: Backend, admin: Caller) -> Check:
    """What the doctor says of backups."""
    [check] = [check for check in doctor.examine(backend, admin, with_services=False) if check.name == "Backups"]
    return check


class TestAssess:
    @pytest.mark.parametrize(
        ("runs", "warnings"),
        [
            ([run(6.9)], []),
            ([run(7)], [f"The last good backup is 7 days old. {ADVICE}"]),
            ([], [f"There is no backup of this installation. {ADVICE}"]),
            ([run(0.1, has_ended=False), run(1)], []),
            ([run(2, has_ended=False), run(3)], ["The last backup, begun on 2027-01-13 08:00 UTC, did not end."]),
            ([run(-400), run(9)], [f"The last good backup is 9 days old. {ADVICE}"]),
            ([run(1, "the disk is full"), run(2)], ["The last backup, of 2027-01-14 08:00 UTC, failed: the disk is full"]),
        ],
    )
    def test_warns_of_an_old_or_a_failed_one(self, runs: list[BackupRun], warnings: list[str]) -> None:
        """A warning says that the last good backup is as old as the setting, or missing, or that the last run failed."""
        assert tuple(warnings) == assess(runs, NOW, installed_at=NOW - 30 * DAY_MILLIS, days=7).warnings

    def test_leaves_a_new_installation_and_other_ways_alone(self) -> None:
        """An installation of a few days has time, and with 0 days the operator makes backups in another way."""
        assert () == assess([], NOW, installed_at=NOW - 6 * DAY_MILLIS, days=7).warnings
        assert () == assess([run(1, "x"), run(99)], NOW, installed_at=0, days=0).warnings


class TestRecorded:
    def test_notes_what_a_backup_has(self, backend: Backend, client: TestClient, admin: Caller, tmp_path: Path) -> None:
        """A backup is noted with its place, id, counts and release."""
        fill(backend, client, admin)
        [report] = back_up(backend.settings, str(tmp_path / "backup"))
        [noted] = site.get_backups(backend, admin).runs

        assert report.startswith(f"backup {noted.backup_id} in {noted.place}\n  {noted.rows:,} rows of ")
        assert (f"folder {tmp_path}/backup", "1", True) == (noted.place, noted.release, noted.is_good)
        assert noted.document_bytes == noted.copied_bytes > 0
        assert f"  {noted.documents:,} documents with {noted.document_bytes:,} bytes;" in report

    def test_notes_a_failure(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """A run that fails or is interrupted has its reason; the last good one stays the last good one."""
        with recorded(backend, "folder /backup", "1") as good:
            good.backup_id = "first"
        for error, wanted in ((StartUpError("the disk is full"), "the disk is full"), (KeyboardInterrupt(), INTERRUPTED)):
            clock.pass_seconds(DAY_SECONDS)
            with pytest.raises(type(error)), recorded(backend, "folder /backup", "1"):
                raise error
            standing = site.get_backups(backend, admin)
            assert (wanted, "first") == (standing.runs[0].problem, standing.last_good and standing.last_good.backup_id)

        assert Outcome.WARNING is backups_check(backend, admin).outcome

    def test_keeps_the_newest_and_the_last_good_one(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """Of many runs the newest are kept, and the last good one however old it is."""
        with recorded(backend, "folder /backup", "1"):
            pass
        for _ in range(KEPT_RUNS + 2):
            clock.pass_seconds(60)
            with pytest.raises(StartUpError), recorded(backend, "folder /backup", "1"):
                raise StartUpError("no")
        with backend.db.connect() as connection:
            count = connection.scalar(select(func.count()).select_from(backup_runs))
        standing = site.get_backups(backend, admin)

        assert KEPT_RUNS + 1 == count == len(standing.runs)
        assert standing.runs[-1] == standing.last_good


def test_the_doctor_warns_in_time(backend: Backend, admin: Caller, clock: FrozenClock) -> None:
    """Not set up on the first day, a warning after a week, OK with a backup, a warning a week later, silence where it is off."""
    outcomes = [backups_check(backend, admin).outcome]
    clock.pass_seconds(7 * DAY_SECONDS)
    outcomes.append(backups_check(backend, admin).outcome)
    with recorded(backend, "folder /backup", "1"):
        pass
    outcomes.append(backups_check(backend, admin).outcome)
    clock.pass_seconds(8 * DAY_SECONDS)
    outcomes += [backups_check(with_settings(backend, STACKHOLD_BACKUP_DAYS=days), admin).outcome for days in ("7", "9", "0")]

    assert [Outcome.OFF, Outcome.WARNING, Outcome.OK, Outcome.WARNING, Outcome.OK, Outcome.OK] == outcomes


def test_a_database_without_tables_has_no_status(backend: Backend, clock: FrozenClock, tmp_path: Path) -> None:
    """The doctor of the command line also looks at databases that are still to be migrated."""
    with closing(open_database_at(tmp_path / "empty.db", backend.settings)) as db:
        assert status.find_status(db, clock, 7) is None
    assert status.find_status(backend.db, clock, 7) is not None
