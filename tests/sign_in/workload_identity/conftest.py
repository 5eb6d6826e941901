"""A backend that may call loopback, and an issuer there that tells the backend's time."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.ports.outbound import Outbound
from tests.clocks import FrozenClock
from tests.peers.workload_issuer import WorkloadIssuer
from tests.sign_in.workload_identity.token_exchange import Trust, allow, trust


@pytest.fixture
def backend(backend: Backend) -> Iterator[Backend]:
    """The backend, with loopback on its allow-list."""
    opened = replace(backend, outbound=Outbound("127.0.0.1"))
    yield opened
    opened.outbound.close()


@pytest.fixture
def peer(clock: FrozenClock) -> Iterator[WorkloadIssuer]:
    """An issuer."""
    with WorkloadIssuer(lambda: clock.now().timestamp()) as running:
        yield running


@pytest.fixture
def trusted(client: TestClient, peer: WorkloadIssuer) -> Trust:
    """The issuer, trusted by acme with a policy that lets the subject `ci` in as a member."""
    return trust(client, peer, allow())
