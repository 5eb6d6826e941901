from datetime import timedelta

import pytest
from sqlalchemy import event, insert, select
from sqlalchemy.exc import OperationalError

from common.access import authentication as access
from common.access import tokens
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import Unauthorized
from common.core.ids import new_id
from common.db.tables.access import access_tokens
from common.rights.permissions import Role
from tests.clocks import FrozenClock
from tests.factories.people import ADMIN_TOKEN, caller_of, make_admin, make_token, make_user

REFUSAL = "Unauthorized: No credentials provided or are invalid."
GOOD = "pul-" + "0f" * 20


class TestAuthenticate:
    def test_knows_the_owner_and_all_memberships(self, backend: Backend) -> None:
        """A token leads to its user with every organization, the personal one included."""
        make_admin(backend)
        alice = caller_of(backend, make_user(backend, "alice", org="acme"))

        assert ("alice", "Alice", "alice@example.com", False) == (alice.login, alice.name, alice.email, alice.site_admin)
        assert [("acme", Role.MEMBER, False), ("alice", Role.ADMIN, True)] == [
            (found.login, found.role, found.is_personal) for found in alice.memberships
        ]

    def test_knows_a_user_without_any_organization(self, backend: Backend) -> None:
        """A user who is a member of nothing is still signed in."""
        make_admin(backend)
        user_id = new_id()
        with backend.db.begin() as tx:
            from common.people.users import repository

            repository.add(tx, user_id=user_id, login="bob", name="", email="", site_admin=False, is_machine=False, now_millis=0)
            token = make_token(tx, backend, user_id)

        assert () == caller_of(backend, token.text).memberships

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "token",
            "token ",
            f"token {GOOD}",
            GOOD,
            f"Bearer {GOOD}",
            f"Basic {GOOD}",
            f"update-token {GOOD}",
            f"token {GOOD} x",
            "token " + "x" * 10_000,
            "token pul-\u00e9",
            f"token {GOOD[:-1]}",
            f"token {GOOD}0",
            "token pul-" + "g" * 40,
            "token \0",
        ],
    )
    def test_refuses_everything_else_alike(self, backend: Backend, header: str) -> None:
        """Whatever is wrong with the header, the answer is the same and does not repeat it."""
        make_admin(backend)
        with pytest.raises(Unauthorized) as caught:
            access.authenticate(backend, header)

        assert REFUSAL == caught.value.message

    @pytest.mark.parametrize("header", ["token {}", "Token {}", "TOKEN {}", "  token   {}  ", "token\t{}"])
    def test_forgives_blanks_and_case_of_the_scheme(self, backend: Backend, header: str) -> None:
        """Blanks around scheme and token do not matter, nor does the scheme's case."""
        make_admin(backend)

        assert "admin" == access.authenticate(backend, header.format(ADMIN_TOKEN)).login

    def test_ends_with_the_token(self, backend: Backend) -> None:
        """A token is good until the moment it expires, and not a millisecond longer."""
        admin = make_admin(backend)
        now = backend.clock.now()
        with backend.db.begin() as tx:
            over = make_token(tx, backend, admin.user_id, expires_at=now)
            still = make_token(tx, backend, admin.user_id, expires_at=now + timedelta(milliseconds=1))

        assert "admin" == caller_of(backend, still.text).login
        with pytest.raises(Unauthorized):
            caller_of(backend, over.text)

    def test_does_not_need_a_database_that_takes_writes(self, backend: Backend, clock: FrozenClock) -> None:
        """Who calls is known even when it cannot be noted that their token is in use; the next request notes it."""
        make_admin(backend)
        clock.pass_seconds(3600)

        def refuse(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            if statement.startswith("UPDATE access_tokens"):
                raise OperationalError(statement, {}, Exception("the disk is full"))

        event.listen(backend.db.engine, "before_cursor_execute", refuse)
        assert "admin" == caller_of(backend, ADMIN_TOKEN).login
        event.remove(backend.db.engine, "before_cursor_execute", refuse)
        before = last_used(backend)

        assert "admin" == caller_of(backend, ADMIN_TOKEN).login
        assert before != last_used(backend) == unix_millis(clock.now())


def last_used(backend: Backend) -> int | None:
    """Return when the administrator's token was noted to be in use."""
    with backend.db.connect() as connection:
        found: int | None = connection.scalar(select(access_tokens.c.last_used_at))
    return found


class TestIssueToken:
    def test_stores_only_ahash_of(self, backend: Backend) -> None:
        """What the database holds of a token cannot be used to sign in, and nothing printed of it shows the text."""
        admin = make_admin(backend)
        with backend.db.begin() as tx:
            token = make_token(tx, backend, admin.user_id)
        with backend.db.connect() as connection:
            rows = connection.execute(select(access_tokens)).all()

        assert tokens.is_token(token.text)
        assert token.text == token.text.lower()
        assert not any(token.text[4:] in str(value) or ADMIN_TOKEN[4:] in str(value) for row in rows for value in row)
        assert token.text not in repr(token)

    def test_makes_a_new_token_each_time(self) -> None:
        """No two tokens are the same."""
        assert 100 == len({tokens.new_token() for _ in range(100)})


class TestFindOwner:
    def test_finds_expired_tokens_too(self, backend: Backend) -> None:
        """A token's owner is known by its text, whether it is still good or not."""
        admin = make_admin(backend)
        with backend.db.begin() as tx:
            values = {"id": new_id(), "token_hash": tokens.hash_of(GOOD), "user_id": admin.user_id, "name": "", "description": ""}
            tx.execute(
                insert(access_tokens).values(
                    **values,
                    kind="personal",
                    is_admin=False,
                    created_by=admin.user_id,
                    created_at=0,
                    expires_at=unix_millis(backend.clock.now()) - 1,
                )
            )

            assert admin.user_id == tokens.find_owner(tx, GOOD)
            assert tokens.find_owner(tx, tokens.new_token()) is None
