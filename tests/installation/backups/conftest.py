"""An installation as a server leaves it that was started once."""

import pytest

from common.backend import Backend
from common.crypto import service_keys


@pytest.fixture
def backend(backend: Backend) -> Backend:
    """The backend, after the first start has made the installation's probe."""
    service_keys.require_own_master_key(backend, "the test")
    return backend
