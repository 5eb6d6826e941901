"""An organization's identity provider as its administrators set it up (platform.md 10.4).

Members are not locked out: a sign-in through it can be required only once it has been shown to work, and not while its
metadata cannot be used; the SAML administrator gets in without it, to mend it.
"""

from dataclasses import asdict, dataclass

import msgspec
from sqlalchemy import Connection

from common.audit import steps
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Forbidden, NotFound
from common.people.orgs.members import sso as sso_members
from common.people.orgs.members import steps as members
from common.people.orgs.steps import get_settings, update_settings
from common.people.users.model import Person
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership
from common.rights.org_settings import OrgSettings
from common.rights.permissions import Permission
from common.sign_in.saml import identity_provider, metadata, repository
from common.sign_in.saml.model import Descriptor

HOURS_LIMIT = 8760


@dataclass(frozen=True, slots=True)
class Setup:
    """An organization's provider as an administrator sees it: the metadata as it was sent, and what it says."""

    membership: Membership
    text: str
    descriptor: Descriptor
    required: bool
    session_hours: int


@dataclass(frozen=True, slots=True)
class Change:
    """What is to change; None leaves something as it is. An empty `text` takes the provider away."""

    text: str | None = None
    required: bool | None = None
    session_hours: int | None = None


def get_setup(backend: Backend, caller: Caller, org: str) -> Setup:
    """Return an organization's provider; empty texts where it has none."""
    membership = caller.require(Permission.SAML_READ, org, missing=missing_org(org))
    with backend.db.connect() as connection:
        stored = repository.find_provider(connection, membership.org_id)
    return _setup(backend, membership, stored.text if stored else "", membership.settings)


def change_setup(backend: Backend, caller: Caller, org: str, change: Change) -> Setup:
    """Change an organization's provider and return it as it is then.

    Raises Forbidden for other metadata from a caller who is not an admin; BadRequest when nothing is to change, for metadata that
    is too long, and for a change that would lock people out.
    """
    membership = members.require_shared(caller, Permission.SAML_UPDATE, org)
    if change.text is not None and not membership.is_admin:
        raise Forbidden(f"only an admin of organization {org} may change its provider, which can sign in as any member")
    _require_fit(change)

    def attempt(tx: Connection) -> Setup:
        if change.text is not None:
            _put(tx, backend, membership, change.text)
        stored = repository.find_provider(tx, membership.org_id)
        text, since = (stored.text, stored.modified_at) if stored else ("", 0)
        settings = get_settings(tx, membership.org_id)
        required = settings.saml_required if change.required is None else change.required
        if required:
            _require_usable(identity_provider.read(backend, text))
        if required and not settings.saml_required:
            _require_shown(tx, caller, membership, settings, since)
        told = f"Changed {', '.join(name for name, value in asdict(change).items() if value is not None)} of the SAML provider"
        steps.record(tx, backend, caller, membership.org_id, Event.SAML_UPDATED, description=told)
        return _setup(backend, membership, text, _put_settings(tx, membership, change))

    return members.with_org_lock(backend, membership.org_id, attempt)


def list_admins(backend: Backend, caller: Caller, org: str) -> list[Person]:
    """Return the SAML administrator, or None."""
    membership = caller.require(Permission.SAML_READ, org, missing=missing_org(org))
    if not membership.settings.saml_admin_id:
        return []
    with backend.db.connect() as connection:
        found = sso_members.find_member(connection, membership.org_id, user_id=membership.settings.saml_admin_id)
    return [found.person] if found is not None else []


def set_admin(backend: Backend, caller: Caller, org: str, login: str) -> None:
    """Make a member the one who gets in without the provider; NotFound for no member, BadRequest for one who may not be.

    A member of other organizations may not be one: the sign-in they would use instead is not this organization's.
    """
    membership = members.require_shared(caller, Permission.SAML_UPDATE, org)

    def attempt(tx: Connection) -> None:
        found = sso_members.find_member(tx, membership.org_id, login=login)
        if found is None:
            raise NotFound(f"{login[:100]!a} is not a member of organization {org}")
        if not found.is_admin or found.suspended:
            raise BadRequest(f"{login} must be an admin of organization {org}, to be able to mend its provider")
        if sso_members.belongs_elsewhere(tx, membership.org_id, found.person.id):
            raise BadRequest(f"{login} belongs to other organizations and cannot be the SAML admin of {org}")
        update_settings(tx, membership.org_id, lambda old: msgspec.structs.replace(old, saml_admin_id=found.person.id))
        told = f"Made {login} the SAML admin"
        steps.record(tx, backend, caller, membership.org_id, Event.SAML_UPDATED, description=told)

    members.with_org_lock(backend, membership.org_id, attempt)


def _require_fit(change: Change) -> None:
    if change == Change():
        raise BadRequest("nothing is to change: send newIdpSsoDescriptor, required or sessionHours")
    if change.text is not None and len(change.text) > metadata.LIMIT_CHARACTERS:
        raise BadRequest(f"the descriptor is longer than {metadata.LIMIT_CHARACTERS:,} characters")
    if change.session_hours is not None and not 0 <= change.session_hours <= HOURS_LIMIT:
        raise BadRequest(f"a sign-in can be asked for again after 1 to {HOURS_LIMIT:,} hours; 0 asks once")


def _put(tx: Connection, backend: Backend, membership: Membership, text: str) -> None:
    stored = repository.find_provider(tx, membership.org_id)
    if not text:
        repository.remove_provider(tx, membership.org_id)
    elif stored is None or stored.text != text:
        # The same metadata once more, as tools send it, leaves what was shown to work.
        repository.put_provider(tx, membership.org_id, text, unix_millis(backend.clock.now()))


def _require_usable(found: Descriptor) -> None:
    if not found.is_usable:
        raise BadRequest(f"while a sign-in through it is required, the provider must work: {found.problem}")


def _require_shown(tx: Connection, caller: Caller, membership: Membership, settings: OrgSettings, since: int) -> None:
    """Refuse to require a provider that no sign-in has used since it was set up, or that would lock out the caller."""
    if not sso_members.has_sign_in_since(tx, membership.org_id, since):
        raise BadRequest(f"a member must have signed in through the provider first: open /signin/sso/{membership.login}")
    own = sso_members.find(tx, membership.org_id, caller.user_id)
    has_come = own is not None and own.saml_at is not None and own.saml_at >= since
    if not has_come and not settings.saml_admin_id:
        raise BadRequest(f"sign in through the provider yourself first (/signin/sso/{membership.login}), or name a SAML admin")


def _put_settings(tx: Connection, membership: Membership, change: Change) -> OrgSettings:
    asked = {"saml_required": change.required, "saml_session_hours": change.session_hours}
    given = {name: value for name, value in asked.items() if value is not None}
    return update_settings(tx, membership.org_id, lambda old: msgspec.structs.replace(old, **given))


def _setup(backend: Backend, membership: Membership, text: str, settings: OrgSettings) -> Setup:
    found = identity_provider.read(backend, text) if text else Descriptor()
    return Setup(membership, text, found, settings.saml_required, settings.saml_session_hours)
