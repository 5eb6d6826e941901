"""Manages an organization's identity provider for its administrators (platform.md 10.4).

Members are not locked out: a sign-in through the provider can be required only after one has succeeded, and only while the
metadata is valid. The SAML administrator can sign in without the provider, to repair it.
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
    """An organization's provider for an administrator: the metadata as it was sent, and its content."""

    membership: Membership
    text: str
    descriptor: Descriptor
    required: bool
    session_hours: int


@dataclass(frozen=True, slots=True)
class Change:
    """The new values. None keeps a value; an empty `text` deletes the provider."""

    text: str | None = None
    required: bool | None = None
    session_hours: int | None = None


def get_setup(backend: Backend, caller: Caller, org: str) -> Setup:
    """Return an organization's provider, with empty texts if it has none."""
    membership = caller.require(Permission.SAML_READ, org, missing=missing_org(org))
    with backend.db.connect() as connection:
        stored = repository.find_provider(connection, membership.org_id)
    return _setup(backend, membership, stored.text if stored else "", membership.settings)


def change_setup(backend: Backend, caller: Caller, org: str, change: Change) -> Setup:
    """Update an organization's provider and return it.

    Raise Forbidden for new metadata from a caller who is not an admin; BadRequest for an empty change, for metadata that is too
    long, and for a change that would lock members out.
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
            _require_proven(tx, caller, membership, settings, since)
        description = (
            f"Changed {', '.join(name for name, value in asdict(change).items() if value is not None)} of the SAML provider"
        )
        steps.record(tx, backend, caller, membership.org_id, Event.SAML_UPDATED, description=description)
        return _setup(backend, membership, text, _put_settings(tx, membership, change))

    return members.with_org_lock(backend, membership.org_id, attempt)


def list_admins(backend: Backend, caller: Caller, org: str) -> list[Person]:
    """Return the SAML administrator in a list, or an empty list."""
    membership = caller.require(Permission.SAML_READ, org, missing=missing_org(org))
    if not membership.settings.saml_admin_id:
        return []
    with backend.db.connect() as connection:
        member = sso_members.find_member(connection, membership.org_id, user_id=membership.settings.saml_admin_id)
    return [member.person] if member is not None else []


def set_admin(backend: Backend, caller: Caller, org: str, login: str) -> None:
    """Make a member the SAML administrator. Raise NotFound if they are not a member, BadRequest if they are not eligible.

    A member of other organizations is not eligible, because their other sign-in is not under this organization's control.
    """
    membership = members.require_shared(caller, Permission.SAML_UPDATE, org)

    def attempt(tx: Connection) -> None:
        member = sso_members.find_member(tx, membership.org_id, login=login)
        if member is None:
            raise NotFound(f"{login[:100]!a} is not a member of organization {org}")
        if not member.is_admin or member.suspended:
            raise BadRequest(f"{login} must be an admin of organization {org}, to be able to repair its provider")
        if sso_members.belongs_elsewhere(tx, membership.org_id, member.person.id):
            raise BadRequest(f"{login} belongs to other organizations and cannot be the SAML admin of {org}")
        update_settings(tx, membership.org_id, lambda old: msgspec.structs.replace(old, saml_admin_id=member.person.id))
        description = f"Made {login} the SAML admin"
        steps.record(tx, backend, caller, membership.org_id, Event.SAML_UPDATED, description=description)

    members.with_org_lock(backend, membership.org_id, attempt)


def _require_fit(change: Change) -> None:
    if change == Change():
        raise BadRequest("nothing to update: send newIdpSsoDescriptor, required or sessionHours")
    if change.text is not None and len(change.text) > metadata.LIMIT_CHARACTERS:
        raise BadRequest(f"the descriptor is longer than {metadata.LIMIT_CHARACTERS:,} characters")
    if change.session_hours is not None and not 0 <= change.session_hours <= HOURS_LIMIT:
        raise BadRequest(f"sessionHours must be 1 to {HOURS_LIMIT:,}, or 0 to ask for a sign-in only once")


def _put(tx: Connection, backend: Backend, membership: Membership, text: str) -> None:
    stored = repository.find_provider(tx, membership.org_id)
    if not text:
        repository.remove_provider(tx, membership.org_id)
    elif stored is None or stored.text != text:
        # Tools send the same metadata again. Storing it would discard the proof that the provider works.
        repository.put_provider(tx, membership.org_id, text, unix_millis(backend.clock.now()))


def _require_usable(descriptor: Descriptor) -> None:
    if not descriptor.is_usable:
        raise BadRequest(f"the provider must be usable while sign-ins through it are required: {descriptor.problem}")


def _require_proven(tx: Connection, caller: Caller, membership: Membership, settings: OrgSettings, since: int) -> None:
    """Raise BadRequest if no one has signed in through the provider since it was set up, or if the caller would be locked out."""
    if not sso_members.has_sign_in_since(tx, membership.org_id, since):
        raise BadRequest(f"a member must have signed in through the provider first: open /signin/sso/{membership.login}")
    own = sso_members.find(tx, membership.org_id, caller.user_id)
    has_signed_in = own is not None and own.saml_at is not None and own.saml_at >= since
    if not has_signed_in and not settings.saml_admin_id:
        raise BadRequest(f"sign in through the provider yourself first (/signin/sso/{membership.login}), or name a SAML admin")


def _put_settings(tx: Connection, membership: Membership, change: Change) -> OrgSettings:
    fields = {"saml_required": change.required, "saml_session_hours": change.session_hours}
    changed = {name: value for name, value in fields.items() if value is not None}
    return update_settings(tx, membership.org_id, lambda old: msgspec.structs.replace(old, **changed))


def _setup(backend: Backend, membership: Membership, text: str, settings: OrgSettings) -> Setup:
    descriptor = identity_provider.read(backend, text) if text else Descriptor()
    return Setup(membership, text, descriptor, settings.saml_required, settings.saml_session_hours)
