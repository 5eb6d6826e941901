from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.rights.caller import Caller
from tests.factories.clients import make_client
from tests.factories.customer_keys import FakeKms, with_kms


@pytest.fixture
def kms() -> FakeKms:
    """The keys of customers."""
    return FakeKms()


@pytest.fixture
def server(backend: Backend, admin: Caller, kms: FakeKms) -> Backend:
    """An installation whose organizations may have keys of their own."""
    assert admin.login == "admin"
    return with_kms(backend, kms)


@pytest.fixture
def client(server: Backend) -> Iterator[TestClient]:
    """A client of it, signed in as the administrator."""
    with make_client(server) as opened:
        yield opened
