"""What `/metrics` tells, and to whom."""

from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from common.access.tokens import new_token
from common.backend import Backend
from common.rights.caller import Caller
from common.telemetry.instruments import INSTRUMENTS, Instrument, Kind
from functions.jobs import run_due
from tests.clocks import FrozenClock
from tests.factories.clients import make_client
from tests.factories.settings import with_settings
from tests.factories.stacks import creation
from tests.wire import begin, create_stack

SECRET = "correct-horse-battery"
S = "/api/stacks/acme/shop/dev"


@pytest.fixture
def scraped(backend: Backend) -> Iterator[Backend]:
    """A backend that is scraped."""
    opened = with_settings(backend, METRICS_WEBHOOK_SECRET=SECRET)
    opened.start_telemetry()
    yield opened
    opened.telemetry.close()


def scrape(client: TestClient) -> dict[tuple[str, ...], float]:
    """Return each sample by its name and the values of its labels."""
    reply = client.get("/metrics", headers={"Authorization": f"webhook-token {SECRET}"})
    assert 200 == reply.status_code, reply.text
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(reply.text)
        for sample in family.samples
    }


class TestAddress:
    def test_is_not_there_without_a_secret(self, client: TestClient) -> None:
        """Without METRICS_WEBHOOK_SECRET there is nothing to read, whatever is sent."""
        reply = client.get("/metrics", headers={"Authorization": "webhook-token "})

        assert (404, True) == (reply.status_code, "METRICS_WEBHOOK_SECRET is not set" in reply.json()["message"])

    @pytest.mark.parametrize(
        "sent", ["", "webhook-token", "webhook-token x", f"token {SECRET}", SECRET, f"webhook-token {SECRET} "]
    )
    def test_needs_the_secret(self, scraped: Backend, admin: Caller, sent: str) -> None:
        """A request with another one, or with an access token, is refused."""
        client = make_client(scraped)
        with_token = client.get("/metrics")

        assert 401 == with_token.status_code
        assert [401, 401] == [
            client.get("/metrics", headers={"Authorization": text}).status_code for text in (sent, f"token {new_token()}")
        ]
        assert SECRET not in with_token.text


class TestMetrics:
    def test_have_every_instrument(self, scraped: Backend, admin: Caller) -> None:
        """Each instrument without labels is there before anything happens, and each gauge of the database."""
        run_due(scraped)
        samples = {name for name, *_ in scrape(make_client(scraped))}
        expected = [one for one in INSTRUMENTS if not one.labels or one.kind is Kind.GAUGE]

        assert [] == [one.name for one in expected if not samples & names(one)]

    def test_count_the_life_of_an_update(self, scraped: Backend, admin: Caller) -> None:
        """An update, its batches, the replay, and each request by its route are counted."""
        client = make_client(scraped)
        create_stack(client)
        update = begin(client, S)
        update.journal(*creation("b", 1))
        before = scrape(client)
        update.complete()
        after = scrape(client)

        assert (1, 0) == (before["stackhold_running_updates",], after["stackhold_running_updates",])
        assert 1 == after["stackhold_updates_total", "update", "succeeded"]
        assert (1, True) == (after["stackhold_journal_batches_total",], after["stackhold_journal_bytes_total",] > 100)
        assert 1 == after["stackhold_replay_duration_seconds_count",]
        route = "/api/stacks/{org}/{project}/{stack}/{kind}/{update_id}/complete"
        assert 1 == after["http_server_request_duration_seconds_count", "POST", "204", route]
        assert after["db_client_operation_duration_seconds_count", "SELECT", scraped.db.dialect] > 5
        assert after["stackhold_store_duration_seconds_count", "put", "ok"] >= 1
        assert 1 == after["http_server_active_requests", "GET"]

    def test_count_refusals(self, scraped: Backend, admin: Caller) -> None:
        """An address without a route has no label of its own."""
        client = make_client(scraped)
        client.get("/api/no/such/address")
        client.get("/api/no/other/address")

        assert 2 == scrape(client)["http_server_request_duration_seconds_count", "GET", "404", ""]

    def test_say_how_late_jobs_are(self, scraped: Backend, admin: Caller, clock: FrozenClock) -> None:
        """A job that no process runs becomes late, and one that ran is counted."""
        run_due(scraped)
        client = make_client(scraped)
        in_time = scrape(client)
        clock.pass_seconds(100)

        assert 0 == in_time["stackhold_job_lateness_seconds", "expire_leases"]
        assert 1 == in_time["stackhold_job_runs_total", "expire_leases", "ok"]
        assert 90 == scrape(client)["stackhold_job_lateness_seconds", "expire_leases"]

    def test_on_a_function_have_what_the_database_knows(self, scraped: Backend, admin: Caller) -> None:
        """A process that keeps no counts answers with the gauges alone."""
        scraped.telemetry.close()
        samples = {name for name, *_ in scrape(make_client(scraped))}
        gauges = set().union(*(names(one) for one in INSTRUMENTS if one.kind is Kind.GAUGE))

        assert samples <= gauges
        assert {"stackhold_database_up", "stackhold_users", "stackhold_outbox_messages"} <= samples


def names(instrument: Instrument) -> set[str]:
    """The names of an instrument's samples."""
    name = instrument.prometheus_name
    return {name, f"{name}_count"}
