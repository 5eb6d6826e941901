"""Use cases of links that sign a user in once, without a password: from the first start, and from the operator."""

from sqlalchemy import Connection

from common.access import tokens
from common.backend import Backend
from common.core.errors import NotFound
from common.db.retry import retry
from common.people.users import steps as users
from common.sign_in.accounts import one_time_links
from common.sign_in.accounts.model import Link, LinkPurpose
from common.sign_in.sessions import steps as sessions

PROVIDER = "link"


def create_first_link(backend: Backend, login: str) -> str | None:
    """Return the secret of a link that signs a user in, or None where anyone has signed in before or the user does not exist."""
    # No permission check in this module: the operator holds the database, and the secret says who the user is.
    with backend.db.begin() as tx:
        user_id = users.find_id(tx, login)
        return None if user_id is None or tokens.is_any_used(tx) else _create(tx, backend, user_id)


def create_link(backend: Backend, login: str) -> str:
    """Return the secret of a link that signs a user in; raises NotFound for an unknown user."""
    with backend.db.begin() as tx:
        # Logins of machines, which no one can sign in as, have a slash.
        user_id = users.find_id(tx, login) if "/" not in login else None
        if user_id is None:
            raise NotFound(f"there is no user {login[:80]!a}")
        return _create(tx, backend, user_id)


def sign_in(backend: Backend, token: str, *, client: str = "") -> str:
    """Return the secret of a new session of the user that a link is for, and use the link up; raises NotFound for a bad link."""

    def start() -> str:
        with backend.db.begin() as tx:
            try:
                link = one_time_links.use(tx, backend, LinkPurpose.SIGN_IN, token)
            except NotFound as error:
                raise NotFound(
                    "this link was used or has expired; run `stackhold sign-in-link` on the server, or sign in another way"
                ) from error
            return sessions.start(tx, backend, link.user_id, provider=PROVIDER, client=client)

    return retry(start)


def _create(tx: Connection, backend: Backend, user_id: str) -> str:
    return one_time_links.create(tx, backend, LinkPurpose.SIGN_IN, Link(user_id, ""))
