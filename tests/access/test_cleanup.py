"""Expired sessions and exchanged tokens are deleted, and no other tokens."""

from datetime import timedelta

from sqlalchemy import select

from common.access import cleanup
from common.access import tokens as access
from common.access.authentication import TokenOwner
from common.backend import Backend
from common.core.ids import new_id
from common.db.tables.access import access_tokens
from common.rights.caller import Caller
from tests.clocks import FrozenClock

HOUR = timedelta(hours=1)


def names(backend: Backend) -> list[str]:
    """Return the names of all tokens there are."""
    with backend.db.connect() as connection:
        return sorted(connection.scalars(select(access_tokens.c.name)))


def make(backend: Backend, admin: Caller, name: str, *, issuer: bool = False, session: bool = False) -> None:
    """Create a token that is good for an hour."""
    now, org_id = backend.clock.now(), admin.memberships[0].org_id
    owner = TokenOwner(
        admin.user_id,
        org_id=org_id if issuer else None,
        issuer_id=new_id() if issuer else None,
        is_personal=True,
        is_session=session,
    )
    with backend.db.begin() as tx:
        access.issue_token(tx, owner, name=name, description="", created_by=admin.user_id, now=now, expires_at=now + HOUR)


class TestForgetExpired:
    def test_drops_sessions_and_exchanged_tokens(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """They go a day after they expired; tokens that people made stay in their lists."""
        before = names(backend)
        make(backend, admin, "made by hand")
        make(backend, admin, "browser", session=True)
        make(backend, admin, "exchanged", issuer=True)
        clock.pass_seconds(3600 + 86_400)
        early = cleanup.delete_expired(backend)
        clock.pass_seconds(1)

        assert (0, 2, 0) == (early, cleanup.delete_expired(backend), cleanup.delete_expired(backend))
        assert sorted([*before, "made by hand"]) == names(backend)

    def test_is_bounded(
        self,
        backend: Backend,
        admin: Caller,
        clock: FrozenClock,
    ) -> None:
        """One step drops some hundred rows; the next goes on."""
        for number in range(3):
            make(backend, admin, f"browser {number}", session=True)
        clock.pass_seconds(2 * 86_400)

        assert [2, 1, 0] == [cleanup.delete_expired(backend, limit=2) for _ in range(3)]
