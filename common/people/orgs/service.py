"""Organizations and their settings. A user's personal namespace is an organization with the user's own login."""

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
from common.people.orgs import steps
from common.people.orgs.members.role_grants import resolve_roles
from common.people.orgs.model import Counts, RequestedRole
from common.people.orgs.repository import members
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership
from common.rights.org_settings import OrgSettings
from common.rights.permissions import Permission

EXPIRY_LIMIT_DAYS = 730
# Every request loads all organizations of its caller.
MEMBERSHIP_LIMIT = 100
_TEXT_LIMIT = 100
_TEXTS = ("ai_enablement", "default_deployment_role_id", "default_agent_pool_id")


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization as one of its members sees it."""

    membership: Membership
    settings: OrgSettings
    counts: Counts


def get_organization(backend: Backend, caller: Caller, org: str) -> Organization:
    """Return an organization with its settings and counts."""
    membership = caller.require_member(org, missing=missing_org(org))
    with backend.db.connect() as connection:
        return Organization(membership, membership.settings, _get_counts(connection, membership))


def update_organization(backend: Backend, caller: Caller, org: str, changes: Mapping[str, Any]) -> Organization:
    """Change settings, by their names in OrgSettings, and return the organization; the others stay.

    Raises BadRequest for a bad limit on tokens and an unknown role of deployments, and Forbidden for settings that give members
    permissions that the caller does not have.
    """
    membership = caller.require(Permission.ORGANIZATION_UPDATE, org, missing=missing_org(org))
    _require_valid(changes)
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
            settings = steps.update_settings(tx, membership.org_id, change)
            description = f"Changed {', '.join(sorted(name.replace('_', ' ') for name in changes)) or 'nothing'}"
            audit.record(tx, backend, caller, membership.org_id, Event.SETTINGS_CHANGED, description=description)
            return Organization(membership, settings, _get_counts(tx, membership))

    return retry(update)


def can_create_organization(settings: Settings, caller: Caller) -> bool:
    """Tell whether the caller may create organizations: site administrators, and other people if a setting lets them."""
    is_open = settings.organizations_by_anyone if settings.is_set(Settings.organizations_by_anyone) else is_laptop(settings)
    return caller.is_themselves and (is_open or caller.site_admin)


def create_organization(backend: Backend, caller: Caller, login: str) -> None:
    """Create an organization with the caller as its admin.

    Raises Forbidden when the installation does not let the caller, BadRequest for a bad name and for too many organizations, and
    Conflict for a name that is taken.
    """
    if not can_create_organization(backend.settings, caller):
        raise Forbidden("only administrators of this server can create organizations; ask one of them")
    if len(caller.memberships) >= MEMBERSHIP_LIMIT:
        raise BadRequest(f"a member of {MEMBERSHIP_LIMIT} organizations cannot create another one")

    def create() -> None:
        with backend.db.begin() as tx:
            steps.create_organization(tx, login=login, admin_user_id=caller.user_id, now=backend.clock.now())

    with unless_taken(f"the name {login[:80]!a} is taken, by a user or an organization"):
        retry(create)


def _get_counts(connection: Connection, membership: Membership) -> Counts:
    counts = members.count(connection, membership.org_id)
    if counts is None:
        raise NotFound(missing_org(membership.login))
    return counts


def _require_valid(changes: Mapping[str, Any]) -> None:
    days = changes.get("max_access_token_expiry_days", 0)
    if not isinstance(days, int) or not 0 <= days <= EXPIRY_LIMIT_DAYS:
        raise BadRequest(f"access tokens can be limited to 1 to {EXPIRY_LIMIT_DAYS} days; 0 sets no limit")
    for name in _TEXTS:
        if len(str(changes.get(name, ""))) > _TEXT_LIMIT:
            raise BadRequest(f"{name.replace('_', ' ')} may not be longer than {_TEXT_LIMIT} characters")
