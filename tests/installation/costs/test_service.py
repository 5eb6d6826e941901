"""What an installation was used for, counted in its database."""

from starlette.testclient import TestClient

from common.backend import Backend
from common.installation.costs.service import count_usage
from tests.clocks import FrozenClock
from tests.stacks.engine.builders import dump, make_resource
from tests.wire import begin, create_stack, import_state

STATE = dump({"version": 3, "deployment": {"manifest": {}, "resources": [make_resource("one")]}})
DAY = 86_400


def quiet(_text: str) -> None:
    """Show nothing."""


def test_counts_what_clients_did_in_the_last_thirty_days(backend: Backend, client: TestClient, clock: FrozenClock) -> None:
    """Updates and previews that clients started count, with their time; older ones and versions of the server's own do not."""
    stack = create_stack(client, "dev")
    begin(client, stack).complete()
    clock.pass_seconds(40 * DAY)
    import_state(client, stack, STATE)
    update = begin(client, stack)
    clock.pass_seconds(30)
    update.events({"sequence": 0, "timestamp": 1, "stdoutEvent": {"message": "", "color": "raw"}})
    update.complete()
    preview = begin(client, stack, "preview", dry_run=True)
    clock.pass_seconds(12)
    counted = count_usage(backend, show=quiet)
    preview.complete()

    assert (30, 1, 1, 1) == (counted.days, counted.updates, counted.previews, counted.event_batches)
    assert [30, 12] == [(run.ended_at - run.began_at) // 1000 for run in sorted(counted.runs, key=lambda run: run.began_at)]


def test_counts_a_new_installation_for_a_day(backend: Backend, client: TestClient) -> None:
    """An hour of a new installation is not taken for a month's."""
    begin(client, create_stack(client, "dev")).complete()

    assert (1, 1) == ((counted := count_usage(backend, show=quiet)).days, counted.updates)


def test_measures_what_is_kept(backend: Backend, client: TestClient) -> None:
    """Each document counts once, with its size in the store; so does the database."""
    for name in ("dev", "prod"):
        import_state(client, create_stack(client, name), STATE)
    files = [path for path in backend.settings.local_objects.rglob("*") if path.is_file() and "checkpoints" in path.parts]
    counted = count_usage(backend, show=quiet)

    assert (len(files), len(files)) == (counted.documents, counted.sampled_documents)
    assert sum(path.stat().st_size for path in files) == counted.document_bytes
    assert counted.database_bytes > 100_000


def test_measures_some_documents_of_many(backend: Backend, client: TestClient) -> None:
    """Of more documents some are measured, from all over the list, and the others taken to be as large on average."""
    stack = create_stack(client, "dev")
    for number in range(7):
        state = {"version": 3, "deployment": {"manifest": {}, "resources": [make_resource(f"r{number}")]}}
        import_state(client, stack, dump(state))
    whole = count_usage(backend, show=quiet)
    counted = count_usage(backend, most_measured=3, show=quiet)

    assert whole.documents == counted.documents == whole.sampled_documents >= 7
    assert 2 <= counted.sampled_documents <= 3 < counted.documents
    assert 0.9 * whole.document_bytes < counted.document_bytes < 1.1 * whole.document_bytes
