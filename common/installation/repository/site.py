"""Statements of site administrators: what an installation has."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, case, func, or_, select

from common.db.tables.access import access_tokens
from common.db.tables.installation import jobs
from common.db.tables.outbox import outbox
from common.db.tables.people import members, organizations, users
from common.db.tables.sign_in import mails
from common.db.tables.stacks import stacks
from common.db.text import contains
from common.installation.model import Counts, SiteOrganization, SiteUser


def page_organizations(connection: Connection, text: str, *, limit: int, offset: int) -> list[SiteOrganization]:
    """Return organizations, personal ones too, by login."""
    is_member = members.c.org_id == organizations.c.id
    is_stack = (stacks.c.org_id == organizations.c.id, stacks.c.live == 1)
    query = select(
        organizations.c.login,
        organizations.c.name,
        case((organizations.c.personal_user_id.is_(None), 0), else_=1),
        select(func.count()).select_from(members).where(is_member).scalar_subquery(),
        select(func.count()).select_from(stacks).where(*is_stack).scalar_subquery(),
        organizations.c.created_at,
    )
    query = query.where(*_mentions(text, organizations.c.login, organizations.c.name)).order_by(organizations.c.login)
    rows = connection.execute(query.limit(limit).offset(offset))
    return [SiteOrganization(login, name, bool(personal), *rest) for login, name, personal, *rest in rows]


def count_organizations(connection: Connection, text: str) -> int:
    """Return how many organizations the pages have together."""
    query = select(func.count()).select_from(organizations).where(*_mentions(text, organizations.c.login, organizations.c.name))
    return connection.scalar(query) or 0


def page_users(connection: Connection, text: str, *, limit: int, offset: int) -> list[SiteUser]:
    """Return people by login; machines are not among them."""
    is_shared = (members.c.user_id == users.c.id, organizations.c.personal_user_id.is_(None))
    of_org = members.join(organizations, organizations.c.id == members.c.org_id)
    query = select(
        users.c.login,
        users.c.name,
        users.c.email,
        users.c.site_admin,
        select(func.count()).select_from(of_org).where(*is_shared).scalar_subquery(),
        select(func.max(access_tokens.c.last_used_at)).where(access_tokens.c.user_id == users.c.id).scalar_subquery(),
        users.c.created_at,
    )
    query = query.where(*_people(text)).order_by(users.c.login).limit(limit).offset(offset)
    return [SiteUser(login, name, email, bool(admin), *rest) for login, name, email, admin, *rest in connection.execute(query)]


def count_users(connection: Connection, text: str) -> int:
    """Return how many people the pages have together."""
    return connection.scalar(select(func.count()).select_from(users).where(*_people(text))) or 0


def count_all(connection: Connection) -> Counts:
    """Return how much of everything there is, in one statement."""
    is_unsent = mails.c.sent_at.is_(None)
    numbers: Select[Any] = select(
        _count(users, users.c.is_machine.is_(False)),
        _count(organizations, organizations.c.personal_user_id.is_(None)),
        _count(stacks, stacks.c.live == 1),
        _count(mails, is_unsent),
        _count(outbox, outbox.c.state == "failed"),
        _count(jobs, jobs.c.problem != ""),
    )
    return Counts(*connection.execute(numbers).one())


def _count(table: Any, condition: ColumnElement[bool]) -> Any:  # noqa: ANN401 - a table, a scalar subquery
    return select(func.count()).select_from(table).where(condition).scalar_subquery()


def _people(text: str) -> list[ColumnElement[bool]]:
    return [users.c.is_machine.is_(False), *_mentions(text, users.c.login, users.c.name, users.c.email)]


def _mentions(text: str, *columns: ColumnElement[str]) -> list[ColumnElement[bool]]:
    return [or_(*(contains(column, text) for column in columns))] if text else []
