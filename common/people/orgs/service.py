"""Organizations and how they are set up. A user's personal namespace is an organization with the user's own login."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.config.public_urls import is_laptop
from common.config.settings import Settings
from common.core.errors import BadRequest, Forbidden, NotFound
from common.db.faults import unless_taken
from common.db.retry import retry
from common.people.orgs import steps as orgs
from common.people.orgs.members.role_grants import resolve_roles
from common.people.orgs.model import Counts, RequestedRole
from common.people.orgs.repository import members
from common.people.orgs.steps import update_settings
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership
from common.rights.org_settings import OrgSettings
from common.rights.permissions import Permission

EXPIRY_LIMIT_DAYS = 730
# Every request loads all of a person's organizations.
BELONGING_LIMIT = 100
_TEXT_LIMIT = 100
_TEXTS = ("ai_enablement", "default_deployment_role_id", "default_agent_pool_id")


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization as one of its members sees it."""

    membership: Membership
    settings: OrgSettings
    counts: Counts


def get_organization(backend: Backend, caller: Caller, org: str) -> Organization:
    """Return an organization with its settings and how much it has."""
    membership = caller.require_member(org, missing=missing_org(org))
    with backend.db.connect() as connection:
        return Organization(membership, membership.settings, _counts(connection, membership))


def update_organization(backend: Backend, caller: Caller, org: str, changes: Mapping[str, Any]) -> Organization:
    """Change settings, by their names in OrgSettings, and return the organization; the others stay.

    Raises BadRequest for a limit on tokens that cannot be, and for a role of deployments that is none; Forbidden for settings
    that give members more than the caller holds.
    """
    membership = caller.require(Permission.ORGANIZATION_UPDATE, org, missing=missing_org(org))
    _require_fit(changes)
    role_id = changes.get("default_deployment_role_id")

    def change(old: OrgSettings) -> OrgSettings:
        new = msgspec.structs.replace(old, **changes)
        membership.require_permissions(new.added_permissions(old))
        return new

    def update() -> Organization:
        with backend.db.begin() as tx:
            members.lock(tx, membership.org_id)
            if role_id:
                resolve_roles(tx, membership, [RequestedRole(None, role_id)])
            settings = update_settings(tx, membership.org_id, change)
            told = f"Changed {', '.join(sorted(name.replace('_', ' ') for name in changes)) or 'nothing'}"
            audit.record(tx, backend, caller, membership.org_id, Event.SETTINGS_CHANGED, description=told)
            return Organization(membership, settings, _counts(tx, membership))

    return retry(update)


def can_create_organization(settings: Settings, caller: Caller) -> bool:
    """Tell whether the caller may make organizations: administrators of the installation, or everybody."""
    is_open = settings.organizations_by_anyone if settings.is_set(Settings.organizations_by_anyone) else is_laptop(settings)
    return caller.is_themselves and (is_open or caller.site_admin)


def create_organization(backend: Backend, caller: Caller, login: str) -> None:
    """Make an organization with the caller as its admin.

    Raises Forbidden for whom the installation does not let, BadRequest for a bad name and for too many organizations, and
    Conflict for a name that is taken.
    """
    if not can_create_organization(backend.settings, caller):
        msg = "only administrators of the installation make organizations here; ask one of them"
        raise Forbidden(msg)
    if len(caller.memberships) >= BELONGING_LIMIT:
        msg = f"a person who belongs to {BELONGING_LIMIT} organizations cannot make another one"
        raise BadRequest(msg)

    def make() -> None:
        with backend.db.begin() as tx:
            orgs.create_organization(tx, login=login, admin_user_id=caller.user_id, now=backend.clock.now())

    with unless_taken(f"the name {login[:80]!a} is taken, by a user or an organization"):
        retry(make)


def _counts(connection: Connection, membership: Membership) -> Counts:
    counts = members.count(connection, membership.org_id)
    if counts is None:
        raise NotFound(missing_org(membership.login))
    return counts


def _require_fit(changes: Mapping[str, Any]) -> None:
    days = changes.get("max_access_token_expiry_days", 0)
    if not isinstance(days, int) or not 0 <= days <= EXPIRY_LIMIT_DAYS:
        msg = f"access tokens can be limited to 1 to {EXPIRY_LIMIT_DAYS} days; 0 sets no limit"
        raise BadRequest(msg)
    for name in _TEXTS:
        if len(str(changes.get(name, ""))) > _TEXT_LIMIT:
            msg = f"{name.replace('_', ' ')} may not be longer than {_TEXT_LIMIT} characters"
            raise BadRequest(msg)
