"""Makes providers and members, and looks at what signing in has left."""

from sqlalchemy import insert, select, update

from common.backend import Backend
from common.core.ids import new_id
from common.db.tables.people import members, organizations, users
from common.db.tables.sign_in import identities, scim_users
from common.rights.caller import Caller
from common.rights.org_settings import decode
from common.sign_in.saml.service import provider
from common.sign_in.saml.service.provider import Change
from tests.factories.people import caller_of, make_token


def set_provider(backend: Backend, caller: Caller, text: str, org: str = "acme") -> None:
    """Give an organization a provider that can be used; `caller` may have become its administrator a moment ago."""
    with backend.db.begin() as tx:
        token = make_token(tx, backend, caller.user_id).text
    assert "" == provider.change_setup(backend, caller_of(backend, token), org, Change(text)).descriptor.problem


def change(backend: Backend, caller: Caller, **what: bool | int | str) -> None:
    """Change acme's provider."""
    provider.change_setup(backend, caller, "acme", Change(**what))  # type: ignore[arg-type]


def linked_to(backend: Backend) -> dict[str, str]:
    """Return the login behind each account at a provider."""
    with backend.db.connect() as connection:
        rows = connection.execute(
            select(identities.c.subject, users.c.login).join(users, users.c.id == identities.c.user_id),
        )
        return {row.subject: row.login for row in rows}


def member(backend: Backend, login: str, org: str = "acme") -> tuple[str, bool] | None:
    """Return a user's role in an organization and whether they came through its provider, or None."""
    with backend.db.connect() as connection:
        row = connection.execute(
            select(members.c.role, members.c.saml_at)
            .join(users, users.c.id == members.c.user_id)
            .join(organizations, organizations.c.id == members.c.org_id)
            .where(users.c.login == login, organizations.c.login == org),
        ).one_or_none()
    return (row.role, row.saml_at is not None) if row is not None else None


def provision(backend: Backend, login: str, user_name: str, email: str = "") -> None:
    """Lets acme's directory know a member by a user name and an address."""
    with backend.db.begin() as tx:
        user_id = tx.scalar(select(users.c.id).where(users.c.login == login))
        org_id = tx.scalar(select(organizations.c.id).where(organizations.c.login == "acme"))
        tx.execute(
            insert(scim_users).values(
                id=new_id(),
                org_id=org_id,
                user_id=user_id,
                user_name=user_name,
                external_id=None,
                email=email,
                active=True,
                document="{}",
                version=1,
                created_at=0,
                modified_at=0,
            ),
        )


def make_site_admin(backend: Backend, login: str) -> None:
    """Make a user an administrator of the installation."""
    with backend.db.begin() as tx:
        tx.execute(update(users).values(site_admin=True).where(users.c.login == login))


def has_saml_admin(backend: Backend) -> bool:
    """Return whether acme has a user who gets in without its provider."""
    with backend.db.connect() as connection:
        text = connection.scalar(select(organizations.c.settings).where(organizations.c.login == "acme"))
    return bool(decode(text or "{}").saml_admin_id)
