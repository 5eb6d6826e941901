"""The retention policy of an organization: what it deletes, and what it never deletes."""

import pytest
from sqlalchemy import select, update

from common.backend import Backend
from common.core.errors import BadRequest, Forbidden, NotFound
from common.db.tables import audit as audit_tables
from common.db.tables import stacks as core_tables
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import steps as stacks
from common.stacks.comparison import service as comparison
from common.stacks.model import StackPath, VersionReference
from common.stacks.retention import service
from common.stacks.retention.model import HOLD_TAG, Keep, RetentionPolicy
from common.stacks.service import attributes, blobs, deleted, lifecycle
from common.stacks.state import service as state
from common.stacks.updates.model import Completion
from common.stacks.updates.service import history
from tests.clocks import FrozenClock
from tests.factories.people import caller_of, make_user
from tests.factories.stacks import (
    complete,
    creation,
    exported,
    exported_names,
    make_running,
    make_stack,
    make_update,
    make_version,
    record,
    stack_id_of,
    start,
)
from tests.interleaving import interleaved
from tests.stacks.engine.builders import names

DEV = StackPath("acme", "shop", "dev")
DAY = 86_400


def keep(backend: Backend, caller: Caller, text: str, count: int = 0) -> None:
    """Set the retention policy of acme."""
    service.update_policy(backend, caller, "acme", RetentionPolicy.parse(text, count))


def run(backend: Backend, **limits: int) -> int:
    """Run the job to its end and return how many versions it deleted."""
    done, resume_after = service.delete_old_versions(backend, "", **limits)
    while resume_after:
        count, resume_after = service.delete_old_versions(backend, resume_after, **limits)
        done += count
    return done


def kept(backend: Backend, caller: Caller, path: StackPath = DEV) -> list[int]:
    """Return the numbers of the versions that have their states."""
    stack = stacks.get_stack(backend, caller, path, Permission.STACK_READ)
    with backend.db.connect() as connection:
        query = select(core_tables.updates.c.version).where(
            core_tables.updates.c.stack_id == stack.id,
            core_tables.updates.c.version > 0,
            core_tables.updates.c.state_deleted_at.is_(None),
        )
        return sorted(connection.scalars(query))


def make_versions(backend: Backend, caller: Caller, count: int, name: str = "dev") -> StackPath:
    """Create a stack with so many versions, each of which adds a resource."""
    path = make_stack(backend, caller, name)
    for number in range(1, count + 1):
        make_version(backend, caller, path, f"r{number}")
    return path


def fail_update(backend: Backend, caller: Caller, path: StackPath) -> None:
    """Run an update that fails after it created a resource."""
    update = make_running(backend, caller, path)
    record(backend, update, *creation("broken", 1))
    complete(backend, update, Completion.FAILED)


def set_version(backend: Backend, number: int, **values: object) -> None:
    """Change the rows of a version."""
    with backend.db.begin() as tx:
        tx.execute(update(core_tables.updates).where(core_tables.updates.c.version == number).values(**values))


class TestDeleteOldVersions:
    def test_keeps_everything_by_default(self, backend: Backend, admin: Caller) -> None:
        """Without a policy no version loses its state."""
        make_versions(backend, admin, 3)

        assert run(backend) == 0
        assert kept(backend, admin) == [1, 2, 3]

    def test_keeps_a_number_of_newest_versions(self, backend: Backend, admin: Caller) -> None:
        """Older ones lose state and log, and stay in the history; a repeat finds nothing."""
        make_versions(backend, admin, 5)
        keep(backend, admin, "versions", 2)

        assert run(backend) == 3
        assert kept(backend, admin) == [4, 5]
        assert sorted(names(exported(backend, admin, DEV, 4))) == ["r1", "r2", "r3", "r4"]
        assert [entry.version for entry in history.page_updates(backend, admin, DEV, history.Page(None))[1]] == [5, 4, 3, 2, 1]
        assert run(backend) == 0

    def test_keeps_what_was_the_newest_version_within_a_number_of_days(
        self, backend: Backend, admin: Caller, clock: FrozenClock
    ) -> None:
        """So the state at any time of those days can be looked at, also if nothing was updated then."""
        make_versions(backend, admin, 2)
        clock.pass_seconds(10 * DAY)
        make_version(backend, admin, DEV, "new")
        keep(backend, admin, "days", 7)

        assert run(backend) == 1
        assert kept(backend, admin) == [2, 3]

        clock.pass_seconds(30 * DAY)
        run(backend)

        assert kept(backend, admin) == [3]

    def test_keeps_the_newest_good_version(self, backend: Backend, admin: Caller) -> None:
        """However many updates fail after it."""
        make_versions(backend, admin, 2)
        for _ in range(3):
            fail_update(backend, admin, DEV)
        keep(backend, admin, "versions", 1)
        run(backend)

        assert kept(backend, admin) == [2, 5]

    @pytest.mark.parametrize("change", ["rename", "restore"])
    def test_keeps_the_newest_good_version_before_a_change_of_the_stack(
        self, backend: Backend, admin: Caller, change: str
    ) -> None:
        """A renamed or restored stack goes on with the state of the update that failed."""
        make_versions(backend, admin, 2)
        fail_update(backend, admin, DEV)
        stack_id, path = stack_id_of(backend, "dev"), DEV
        if change == "rename":
            lifecycle.rename(backend, admin, DEV, "prod", "")
            path = StackPath("acme", "shop", "prod")
        else:
            lifecycle.delete(backend, admin, DEV, force=True)
            deleted.restore(backend, admin, "acme", stack_id, "")
        keep(backend, admin, "versions", 1)
        run(backend)

        assert kept(backend, admin, path)[0] == 2
        assert len(kept(backend, admin, path)) == 2

    def test_keeps_what_a_running_update_began_with(self, backend: Backend, admin: Caller) -> None:
        """The version that runs does not count among the newest ones."""
        make_versions(backend, admin, 3)
        running = make_running(backend, admin, DEV)
        keep(backend, admin, "versions", 1)
        run(backend)

        assert kept(backend, admin) == [3, 4]

        record(backend, running, *creation("r4", 1))
        complete(backend, running)

        assert sorted(exported_names(backend, admin, DEV)) == ["r1", "r2", "r3", "r4"]

    def test_keeps_all_of_a_stack_on_hold(self, backend: Backend, admin: Caller) -> None:
        """A tag exempts a stack, for a legal reason for instance."""
        path = make_stack(backend, admin, tags={HOLD_TAG: "case 7"})
        for name in ("a", "b"):
            make_version(backend, admin, path, name)
        keep(backend, admin, "versions", 1)

        assert run(backend) == 0

    def test_sees_a_hold_that_is_set_meanwhile(self, backend: Backend, admin: Caller) -> None:
        """A tag that is set after a step read its stacks, and before it deletes, keeps the versions."""
        make_versions(backend, admin, 3)
        keep(backend, admin, "versions", 1)
        with interleaved(backend, "BEGIN", lambda: attributes.create_tag(backend, admin, DEV, HOLD_TAG, "case 7")):
            run(backend)

        assert kept(backend, admin) == [1, 2, 3]

    def test_keeps_a_hold_that_a_client_does_not_know(self, backend: Backend, admin: Caller) -> None:
        """A client read the tags before the hold was set, and sends all that it knows with its update."""
        path = make_stack(backend, admin, tags={"team": "web"})
        attributes.create_tag(backend, admin, path, HOLD_TAG, "case 7")
        start(backend, admin, path, make_update(backend, admin, path), tags={"team": "api"})

        assert stacks.get_stack(backend, admin, path, Permission.STACK_READ).tags == {"team": "api", HOLD_TAG: "case 7"}

    def test_keeps_versions_of_these_days_before_one_of_a_clock_that_was_slow(
        self, backend: Backend, admin: Caller, clock: FrozenClock
    ) -> None:
        """A version with a date in the past does not make those before it old."""
        make_versions(backend, admin, 3)
        set_version(backend, 3, ended_at=1000)
        keep(backend, admin, "days", 7)

        assert run(backend) == 0

    def test_keeps_damaged_versions(self, backend: Backend, admin: Caller) -> None:
        """Their journal is all that there is of what they did."""
        make_versions(backend, admin, 3)
        set_version(backend, 1, outcome="damaged", status="failed", damage="lost")
        keep(backend, admin, "versions", 1)
        run(backend)

        assert kept(backend, admin) == [1, 3]

    def test_leaves_deleted_stacks_alone(self, backend: Backend, admin: Caller) -> None:
        """A restored stack has all versions that it had."""
        make_versions(backend, admin, 3)
        stack_id = stacks.get_stack(backend, admin, DEV, Permission.STACK_READ).id
        keep(backend, admin, "versions", 1)
        lifecycle.delete(backend, admin, DEV, force=True)

        assert run(backend) == 0

        deleted.restore(backend, admin, "acme", stack_id, "")

        assert names(exported(backend, admin, DEV, 1)) == ["r1"]

    def test_goes_on_in_small_steps(self, backend: Backend, admin: Caller) -> None:
        """Over several stacks and organizations, whatever the size of a step."""
        make_versions(backend, admin, 4)
        make_versions(backend, admin, 3, "prod")
        keep(backend, admin, "versions", 1)

        assert run(backend, stacks=1, versions=2) == 5
        assert [kept(backend, admin, StackPath("acme", "shop", name)) for name in ("dev", "prod")] == [[4], [3]]

    def test_a_policy_that_was_changed_meanwhile_deletes_nothing(self, backend: Backend, admin: Caller) -> None:
        """A step looks at the policy again in the transaction that deletes."""
        make_versions(backend, admin, 3)
        keep(backend, admin, "versions", 1)
        keep(backend, admin, "all")

        assert run(backend) == 0
        assert kept(backend, admin) == [1, 2, 3]

    def test_a_job_deletes_the_states_that_no_version_has_any_more(
        self, backend: Backend, admin: Caller, clock: FrozenClock
    ) -> None:
        """A state that a kept version shares stays."""
        make_versions(backend, admin, 4)
        keep(backend, admin, "versions", 2)
        run(backend)
        clock.pass_seconds(10 * 365 * DAY)
        resume_after = "checkpoints/"
        while resume_after:
            _count, resume_after = blobs.delete_unused(backend, resume_after)

        assert len(backend.checkpoints.page("checkpoints/", "", 100)) == 2
        assert sorted(names(exported(backend, admin, DEV, 3))) == ["r1", "r2", "r3"]

    def test_is_recorded(self, backend: Backend, admin: Caller) -> None:
        """The audit log says which versions of which stack, and by which policy."""
        make_versions(backend, admin, 4)
        keep(backend, admin, "versions", 1)
        run(backend)
        with backend.db.connect() as connection:
            query = select(audit_tables.audit_events.c.description).where(
                audit_tables.audit_events.c.event == "stack-versions-deleted"
            )
            texts = list(connection.scalars(query))

        assert texts == ["Deleted the states of 3 versions, 1 to 3, of stack acme/shop/dev: keep 1 versions"]


class TestDeletedVersions:
    @pytest.fixture(autouse=True)
    def versions(self, backend: Backend, admin: Caller) -> None:
        """Versions 1 and 2 are deleted, 3 and 4 are kept."""
        make_versions(backend, admin, 4)
        keep(backend, admin, "versions", 2)
        run(backend)

    def test_are_not_found(self, backend: Backend, admin: Caller) -> None:
        """Export, restore, comparison and a look by time say that the policy deleted the version."""
        for call in (
            lambda: state.export_version(backend, admin, DEV, 2),
            lambda: state.restore_version(backend, admin, DEV, 2),
            lambda: comparison.compare(backend, admin, DEV, VersionReference(3), before=None),
            lambda: comparison.find_version(backend, admin, DEV, VersionReference(number=1)),
        ):
            with pytest.raises(NotFound, match=r"version \d of stack 'acme/shop/dev' was deleted by the retention policy"):
                call()

    def test_have_no_link(self, backend: Backend, admin: Caller) -> None:
        """A download that the store would serve itself is refused by the server."""
        assert state.export_link(backend, admin, DEV, 2) is None

    def test_end_the_list_of_a_resource(self, backend: Backend, admin: Caller) -> None:
        """A resource is shown as it was in the versions that are there."""
        urn = next(item.urn for item in state.get_overview(backend, admin, DEV).resources if item.urn.endswith("r1"))
        page = state.list_resource_versions(backend, admin, DEV, urn, before=None)

        assert [version.number for version in page.versions] == [4, 3]
        assert not page.has_more
        assert state.list_resource_versions(backend, admin, DEV, urn, before=3).newest == 0

    def test_are_no_fault_of_the_installation(self, backend: Backend) -> None:
        """A check of all versions finds nothing wrong."""
        assert {problem for _version, problem in state.check_states(backend, newest_only=False)} == {""}

    def test_have_no_journal_and_no_log(self, backend: Backend) -> None:
        """Their rows are gone."""
        batches = core_tables.journal_batches
        with backend.db.connect() as connection:
            versions = connection.scalars(
                select(core_tables.updates.c.version).where(core_tables.updates.c.id.in_(select(batches.c.update_id)))
            )

            assert sorted(versions) == [3, 4]


class TestPreview:
    def test_counts_versions_stacks_and_bytes(self, backend: Backend, admin: Caller) -> None:
        """It says what would be deleted, and deletes nothing."""
        make_versions(backend, admin, 4)
        make_versions(backend, admin, 3, "prod")
        make_versions(backend, admin, 1, "test")
        sizes = [backend.checkpoints.find_size(key) or 0 for key, _at in backend.checkpoints.page("checkpoints/", "", 100)]
        preview = service.preview(backend, admin, "acme", RetentionPolicy(Keep.VERSIONS, 1))

        assert (preview.versions, preview.stacks, preview.is_estimate) == (5, 2, False)
        assert 0 < preview.size_bytes < sum(sizes)
        assert kept(backend, admin) == [1, 2, 3, 4]

    def test_of_keeping_everything_is_nothing(self, backend: Backend, admin: Caller) -> None:
        """No version is deleted then."""
        make_versions(backend, admin, 2)

        assert service.preview(backend, admin, "acme", RetentionPolicy()).versions == 0

    def test_needs_the_permission_to_change_the_organization(self, backend: Backend, admin: Caller) -> None:
        """Members see the policy, and cannot change it."""
        bob = caller_of(backend, make_user(backend, "bob", org="acme"))

        assert service.get_policy(backend, bob, "acme") == RetentionPolicy()
        with pytest.raises(Forbidden):
            service.preview(backend, bob, "acme", RetentionPolicy(Keep.DAYS, 1))
        with pytest.raises(Forbidden):
            service.update_policy(backend, bob, "acme", RetentionPolicy(Keep.DAYS, 1))


class TestPolicy:
    @pytest.mark.parametrize(("text", "count"), [("versions", 0), ("versions", 100_001), ("days", -1), ("some", 3)])
    def test_refuses_what_is_no_policy(self, text: str, count: int) -> None:
        """A number has its limits, and there are three kinds."""
        with pytest.raises(BadRequest):
            RetentionPolicy.parse(text, count)

    def test_is_read_as_it_was_written(self, backend: Backend, admin: Caller) -> None:
        """A new policy replaces the one before, of any kind."""
        policies = [RetentionPolicy(Keep.VERSIONS, 5), RetentionPolicy(Keep.DAYS, 9), RetentionPolicy()]

        for policy in policies:
            service.update_policy(backend, admin, "acme", policy)

            assert service.get_policy(backend, admin, "acme") == policy
