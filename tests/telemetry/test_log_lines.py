"""Metrics as lines of the log."""

import logging

import pytest

from common.backend import Backend
from common.rights.caller import Caller
from tests.factories.clients import make_client
from tests.factories.settings import with_settings
from tests.wire import begin, create_stack

S = "/api/stacks/acme/shop/dev"


def lines_of_an_update(backend: Backend, caplog: pytest.LogCaptureFixture, **settings: str) -> list[str]:
    """The metrics that the log has after an update."""
    opened = with_settings(backend, **settings)
    opened.start_telemetry()
    client = make_client(opened)
    create_stack(client)
    with caplog.at_level(logging.INFO, "stackhold.metrics"):
        begin(client, S, journal=0).complete()
    return [record.getMessage() for record in caplog.records if record.name == "stackhold.metrics"]


class TestLogLines:
    def test_tell_of_an_update(self, backend: Backend, admin: Caller, caplog: pytest.LogCaptureFixture) -> None:
        """Unless switched off, an update that ends is a line; requests and statements are none."""
        assert ["metric stackhold.updates value=1 kind=update result=succeeded"] == lines_of_an_update(backend, caplog)

    def test_can_be_switched_off(self, backend: Backend, admin: Caller, caplog: pytest.LogCaptureFixture) -> None:
        """With PULUMI_ENABLE_DEPRECATED_METRICS=false there are none."""
        assert [] == lines_of_an_update(backend, caplog, PULUMI_ENABLE_DEPRECATED_METRICS="false")
