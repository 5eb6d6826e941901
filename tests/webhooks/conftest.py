"""A server that may call loopback, a receiver, and a stack."""

from collections.abc import Iterator

import pytest

from common.backend import Backend
from common.rights.caller import Caller
from common.stacks.model import StackPath
from tests.factories.stacks import make_stack
from tests.factories.webhooks import calling, deliver_all
from tests.peers.webhook_receiver import WebhookReceiver


@pytest.fixture
def server(backend: Backend) -> Backend:
    """A server that may call loopback."""
    return calling(backend)


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    """A receiver that takes everything."""
    with WebhookReceiver() as running:
        yield running


@pytest.fixture
def stack(server: Backend, admin: Caller) -> StackPath:
    """Stack acme/shop/dev, with nothing left to deliver."""
    path = make_stack(server, admin)
    deliver_all(server)
    return path
