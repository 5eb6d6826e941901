import gzip

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.errors import Unavailable
from functions.http import reserve
from functions.http.reserve import Reserve, Reserved
from tests.wire import create_stack, error_of

pytestmark = pytest.mark.dialects("sqlite")


class TestReserve:
    def test_has_so_much_for_all(self) -> None:
        """What one request has taken another cannot have, until it is given back."""
        shared = Reserve()

        assert [True, True, False] == [shared.take(count, 10) for count in (4, 6, 1)]
        shared.give_back(6)
        assert shared.take(5, 10)

    def test_lets_one_alone_have_whatever_it_needs(self) -> None:
        """A body that is within its own limit is never too large when nobody else asks."""
        assert Reserve().take(11, 10)

    def test_is_given_back_once(self) -> None:
        """A request that ends twice gives nothing back that it has not taken."""
        one, other = Reserved(), Reserved()
        one.take(6, 10)
        with pytest.raises(Unavailable):
            other.take(6, 10)
        one.give_back()
        one.give_back()
        other.take(10, 10)
        with pytest.raises(Unavailable):
            one.take(1, 10)
        other.give_back()


class TestRequests:
    @pytest.mark.parametrize("pack", [lambda text: text, gzip.compress], ids=["plain", "packed"])
    def test_as_large_wait_for_one_another(self, client: TestClient, backend: Backend, pack: object) -> None:
        """While others have the memory a large state is 503, a small one is taken; afterwards the large one is."""
        assert callable(pack)
        address = f"{create_stack(client)}/import"
        small = b'{"version":3,"deployment":{"manifest":{}}}'
        large = pack(small.ljust((16 << 20) + 1))
        others, limit = Reserved(), 2 * backend.settings.body_limit_bytes
        others.take(limit, limit)
        try:
            assert (503, 503) == error_of(client.post(address, content=large))[:2]
            assert 200 == client.post(address, content=small).status_code
        finally:
            others.give_back()
        for _ in range(3):
            assert 200 == client.post(address, content=large).status_code
        assert reserve.PROCESS.take(limit, limit)
        reserve.PROCESS.give_back(limit)
