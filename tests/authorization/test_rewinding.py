import pytest

from common.backend import Backend
from tests.authorization.rewinding import Rewinder
from tests.factories.people import make_admin, make_user

pytestmark = pytest.mark.dialects("sqlite")


class TestRewinder:
    def test_notices_a_change_and_takes_it_back(self, backend: Backend) -> None:
        """What anyone commits shows in both numbers, and rewinding brings the rows back, for the backend as well."""
        make_admin(backend)
        rewinder = Rewinder(backend)
        rewinder.remember("before")
        commits, digest = rewinder.commits(), rewinder.digest()
        make_user(backend, "alice")
        changed = (rewinder.commits() != commits, rewinder.digest() != digest)
        rewinder.rewind("before")

        assert (True, True) == changed
        assert digest == rewinder.digest()
        assert make_user(backend, "alice").startswith("pul-")
        rewinder.close()

    def test_takes_reading_for_no_change(self, backend: Backend) -> None:
        """Looking a user up once more commits nothing."""
        make_admin(backend)
        rewinder = Rewinder(backend)
        commits = rewinder.commits()
        make_admin(backend)

        assert commits == rewinder.commits()
        rewinder.close()
