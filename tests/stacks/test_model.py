from dataclasses import replace

import pytest

from common.stacks.model import FINISHING_MILLIS, Kind, Outcome, Stack, StackPath, Status, Version

NOW = 1_800_000_000_000
PATH = StackPath("acme", "shop", "dev")
RUNNING = Version(
    update_id="u",
    version=3,
    kind=Kind.DESTROY,
    status=Status.RUNNING,
    started_at=NOW - 5000,
    ended_at=None,
    lease_expires_at=NOW + 1,
    author="alice",
    origin="192.0.2.7",
    base_checkpoint=None,
    checkpoint=None,
    written_as=PATH,
    resource_count=0,
    journal_version=2,
    cli_version="v3.274.1",
)
STACK = Stack("s", "o", PATH, {}, None, b"", "user", RUNNING)


class TestIsBusy:
    def test_until_the_lease_ends(self) -> None:
        """A running update holds its stack up to the moment its lease ends, and not at that moment."""
        assert RUNNING.is_busy(NOW)
        assert not RUNNING.is_busy(NOW + 1)

    def test_without_a_lease_holds_nothing(self) -> None:
        """A running row without a lease cannot hold a stack for ever."""
        assert not replace(RUNNING, lease_expires_at=None).is_busy(NOW)

    def test_while_it_is_being_finished(self) -> None:
        """An update that is being finished holds the stack for a while, then its process counts as dead."""
        finishing = replace(RUNNING, status=Status.FINISHING, ended_at=NOW)

        assert finishing.is_busy(NOW + FINISHING_MILLIS - 1)
        assert not finishing.is_busy(NOW + FINISHING_MILLIS)

    @pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.NOT_STARTED])
    def test_never_once_it_ended(self, status: Status) -> None:
        """What has ended, or has not begun, holds nothing, whatever its lease says."""
        ended = replace(RUNNING, status=status)

        assert not ended.is_busy(NOW)
        assert not ended.is_open()

    @pytest.mark.parametrize("status", [Status.RUNNING, Status.FINISHING])
    def test_says_nothing_about_being_open(self, status: Status) -> None:
        """After its lease has expired, an update does not lock the stack and still has to be finished."""
        assert replace(RUNNING, status=status, lease_expires_at=0, ended_at=0).is_open()


class TestHeldBy:
    def test_names_who_since_when_and_from_where(self) -> None:
        """The refusal says who runs which update, since when and from where."""
        assert (
            "alice has been running destroy of acme/shop/dev since 2027-01-15 07:59:55 UTC from 192.0.2.7" == STACK.running_text()
        )

    def test_leaves_out_an_unknown_place(self) -> None:
        """Without an origin the sentence ends with the time."""
        assert replace(STACK, latest=replace(RUNNING, origin="")).running_text().endswith("UTC")


class TestOutcome:
    @pytest.mark.parametrize("outcome", list(Outcome))
    def test_leads_to_a_final_status(self, outcome: Outcome) -> None:
        """Each outcome has a status of the same name; an expired and a damaged update count as failed."""
        assert (Status.FAILED if outcome in (Outcome.EXPIRED, Outcome.DAMAGED) else outcome.value) == outcome.status
