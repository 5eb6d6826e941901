"""Fixtures of tests that need AWS's stand-in; a test file names those it uses in its `__all__`."""

from collections.abc import Iterator

import pytest

from tests.aws.moto_process import Moto, running_moto


@pytest.fixture(scope="session")
def moto_process() -> Iterator[Moto]:
    """AWS's stand-in, one for this test process."""
    with running_moto() as moto:
        yield moto


@pytest.fixture
def moto(moto_process: Moto, monkeypatch: pytest.MonkeyPatch) -> Moto:
    """AWS's stand-in, to which this process's environment leads."""
    for name in ("AWS_PROFILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in moto_process.environment.items():
        monkeypatch.setenv(name, value)
    return moto_process
