from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest

from common.backend import Backend
from common.core.errors import Forbidden
from common.crypto.service_keys import lease_key
from common.stacks.model import StackPath
from common.stacks.updates import leases
from tests.counting import Counter
from tests.factories.people import make_admin

DEV = StackPath("acme", "shop", "dev")
# Written down, because every test process must see the same parameters.
UPDATE, OTHER = "01a211e1-4f41-7b85-a4e3-34034de1625e", "01a211e1-507a-7508-9e54-1469ac526d18"
REFUSAL = "Forbidden: The provided update token is not valid for this update."
pytestmark = pytest.mark.dialects("sqlite")


@pytest.fixture
def token(backend: Backend) -> str:
    """A lease's token of an update of acme/shop/dev."""
    make_admin(backend)
    return leases.issue(lease_key(backend), UPDATE, DEV)


class TestVerify:
    def test_knows_its_own(self, backend: Backend, token: str) -> None:
        """A token that was issued names its update, and checking it costs no query once the key is known."""
        assert UPDATE == leases.verify(lease_key(backend), token, DEV, UPDATE).update_id

    def test_costs_no_query(self, backend: Backend, token: str, counter: Counter) -> None:
        """A stranger's rubbish never reaches the database."""
        leases.verify(lease_key(backend), token, DEV, UPDATE)
        with pytest.raises(Forbidden):
            leases.verify(lease_key(backend), "x.y", DEV, UPDATE)

        assert (0, 0, 0, 0) == counter.cost

    @pytest.mark.parametrize(
        ("path", "update_id"),
        [
            (StackPath("acme", "shop", "prod"), UPDATE),
            (StackPath("beta", "shop", "dev"), UPDATE),
            (StackPath("acme", "Shop", "dev"), UPDATE),
            (DEV, OTHER),
            (DEV, UPDATE.upper()),
        ],
    )
    def test_holds_it_to_its_stack_and_update(self, backend: Backend, token: str, path: StackPath, update_id: str) -> None:
        """A good token is no good anywhere else."""
        with pytest.raises(Forbidden) as caught:
            leases.verify(lease_key(backend), token, path, update_id)
        assert REFUSAL == caught.value.message

    @pytest.mark.parametrize("bad", ["", ".", "a", "é.é", "x" * 5000, "=.=", "..", "\x00", "W10.", "🦉"])
    def test_refuses_rubbish(self, backend: Backend, token: str, bad: str) -> None:
        """What is no token is refused in the same words."""
        with pytest.raises(Forbidden) as caught:
            leases.verify(lease_key(backend), bad, DEV, UPDATE)
        assert REFUSAL == caught.value.message

    def test_refuses_every_change_of_a_character(self, backend: Backend, token: str) -> None:
        """No character of a token can be changed, dropped or added."""
        changed = [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in range(len(token))]

        for bad in [*changed, token[:-1], token[1:], token + "A", f"{token}.", token + "=", token.swapcase()]:
            with pytest.raises(Forbidden):
                leases.verify(lease_key(backend), bad, DEV, UPDATE)

    def test_refuses_another_content_under_the_signature(self, backend: Backend, token: str) -> None:
        """A signature is good for the content that it was made for."""
        content, _, signature = token.partition(".")
        other = urlsafe_b64decode(content + "=" * (-len(content) % 4)).replace(b"shop", b"web_")

        with pytest.raises(Forbidden):
            leases.verify(lease_key(backend), f"{urlsafe_b64encode(other).decode().rstrip('=')}.{signature}", DEV, UPDATE)
