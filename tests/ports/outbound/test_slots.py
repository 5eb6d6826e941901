"""How many outgoing calls there may be at once."""

import pytest

from common.core.errors import Unavailable
from common.ports.outbound.slots import FOR_ONE_OWNER, Purpose, Slots


def takes(slots: Slots, purpose: Purpose, owner: str) -> bool:
    """Tell whether there was a place, and keep it."""
    try:
        slots.take(purpose, owner)
    except Unavailable:
        return False
    return True


class TestSlots:
    @pytest.mark.parametrize("threads", [1, 4, 16, 64])
    def test_leave_threads_for_other_requests(self, threads: int) -> None:
        """All purposes of requests together take fewer places than there are threads, where there are enough of them."""
        slots = Slots(threads)
        purposes = [purpose for purpose in Purpose if purpose is not Purpose.DELIVERY]
        taken = sum(takes(slots, purpose, f"org-{number}") for purpose in purposes for number in range(threads + 1))

        assert taken < threads or threads < 4

    @pytest.mark.parametrize("threads", [1, 16, 64])
    def test_count_all_calls(self, threads: int) -> None:
        """No more calls are under way than `calls` says, those of two threads with eight deliveries each among them."""
        slots = Slots(threads)
        purposes = [purpose for purpose in Purpose if purpose is not Purpose.WAIT]
        taken = [takes(slots, purpose, f"org-{number}") for purpose in purposes for number in range(threads + 16)]

        assert sum(taken) == slots.calls
        assert 16 < slots.calls

    def test_do_not_give_one_owner_all_places(self) -> None:
        """An organization whose issuers do not answer leaves places for others, and gets its own back."""
        slots = Slots(16)
        for _ in range(FOR_ONE_OWNER):
            slots.take(Purpose.ISSUER, "acme")
        with pytest.raises(Unavailable):
            slots.take(Purpose.ISSUER, "acme")
        with slots.taken(Purpose.ISSUER, "globex"), slots.taken(Purpose.PROVIDER):
            pass
        slots.free(Purpose.ISSUER, "acme")
        slots.take(Purpose.ISSUER, "acme")

    def test_share_places_of_calls_to_hosts_that_accounts_name(self) -> None:
        """A ping of a webhook takes the place of a call to an issuer, and gives it back."""
        slots = Slots(8)
        with slots.taken(Purpose.PING, "acme"), slots.taken(Purpose.PING, "globex"):
            assert not takes(slots, Purpose.ISSUER, "initech")
        assert takes(slots, Purpose.ISSUER, "initech")
