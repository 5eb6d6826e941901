"""How much memory large bodies take together, and the share of one organization."""

import gzip

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.errors import Unavailable
from functions.http import reserve
from functions.http.reserve import Reserve, Reserved, owner_of
from tests.wire import create_stack, error_of

pytestmark = pytest.mark.dialects("sqlite")


class TestReserve:
    def test_has_a_limit_for_all(self) -> None:
        """What one request has reserved another cannot have, until it is released."""
        reserve = Reserve()

        assert [True, True, False] == [reserve.take(count, 10, owner=f"{count}", request=count) for count in (6, 4, 1)]
        reserve.release(owner="6", request=6)
        assert reserve.take(5, 10, owner="5", request=5)

    def test_lets_a_single_request_have_what_it_needs(self) -> None:
        """A body that is within its own limit is never too large when there is no other request."""
        assert Reserve().take(11, 10, owner="acme", request=1)

    def test_gives_one_owner_half(self) -> None:
        """Several requests of one owner leave half of the memory to those of others."""
        reserve = Reserve()

        assert [True, True, False] == [reserve.take(count, 12, owner="acme", request=count) for count in (4, 2, 1)]
        assert reserve.take(6, 12, owner="globex", request=6)

    def test_lets_the_first_request_of_an_owner_go_on(self) -> None:
        """The share stops later requests only, so that two that came together do not stop each other."""
        reserve = Reserve()
        for count in (4, 2):
            reserve.take(count, 12, owner="acme", request=count)

        assert not reserve.take(1, 12, owner="acme", request=2)
        assert reserve.take(5, 12, owner="acme", request=4)

    def test_is_released_once(self) -> None:
        """A request that ends twice releases nothing that it has not reserved."""
        first, second = Reserved("acme"), Reserved("globex")
        first.take(6, 10)
        with pytest.raises(Unavailable):
            second.take(6, 10)
        first.release()
        first.release()
        second.take(10, 10)
        with pytest.raises(Unavailable):
            first.take(1, 10)
        second.release()


class TestOwner:
    @pytest.mark.parametrize("path", ["/api/stacks/acme/shop/dev/import", "/api/orgs/ACME/roles", "/api/stacks/Acme"])
    def test_is_the_organization_of_the_path(self, path: str) -> None:
        """A member with several tokens is one owner: memory is counted for the organization."""
        assert "organization acme" == owner_of({"path": path, "headers": []})

    def test_is_the_caller_elsewhere(self) -> None:
        """Requests without an organization are counted by their credentials, which are not shown."""
        owners = {
            owner_of({"path": "/api/user", "headers": [(b"authorization", value)] if value else []})
            for value in (b"token pul-1", b"token pul-2", b"")
        }

        assert 3 == len(owners)
        assert not any("pul-" in owner for owner in owners)


class TestRequests:
    @pytest.mark.parametrize("pack", [lambda text: text, gzip.compress], ids=["plain", "packed"])
    def test_as_large_wait_for_one_another(self, client: TestClient, backend: Backend, pack: object) -> None:
        """While others have the memory a large state is 503, a small one is accepted; afterwards the large one is."""
        assert callable(pack)
        address = f"{create_stack(client)}/import"
        small = b'{"version":3,"deployment":{"manifest":{}}}'
        large = pack(small.ljust((16 << 20) + 1))
        others, limit = Reserved("globex"), 2 * backend.settings.body_limit_bytes
        others.take(limit, limit)
        try:
            assert (503, 503) == error_of(client.post(address, content=large))[:2]
            assert 200 == client.post(address, content=small).status_code
        finally:
            others.release()
        for _ in range(3):
            assert 200 == client.post(address, content=large).status_code
        assert reserve.PROCESS.take(limit, limit, owner="globex", request=self)
        reserve.PROCESS.release(owner="globex", request=self)

    def test_of_one_organization_leave_room_for_others(self, client: TestClient, backend: Backend) -> None:
        """While uploads of an organization hold its share, another one of it is 503."""
        stack = create_stack(client)
        large = b'{"version":3,"deployment":{"manifest":{}}}'.ljust((2 << 20) + 1)
        slow, limit = Reserved(owner_of({"path": stack, "headers": []})), 2 * backend.settings.body_limit_bytes
        slow.take(limit // 2, limit)
        try:
            assert (503, 503) == error_of(client.post(f"{stack}/import", content=large))[:2]
        finally:
            slow.release()
        assert 200 == client.post(f"{stack}/import", content=large).status_code
