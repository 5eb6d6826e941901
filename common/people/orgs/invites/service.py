"""Invitations to an organization: to an address, or as a link for whoever has it. Each can be accepted once.

Whoever knows the id of a link may use it, so ids are random, and a list shows a link only to admins and to its sender. An
invitation to an address is mailed there, and is for the user with that address alone. How invitations are accepted by
people who have no account yet is in common/people/orgs/invites/proofs.py.
"""

import secrets
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Connection

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.config.public_urls import base_url
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Conflict, Forbidden, NotFound
from common.db.retry import retry
from common.mailing import steps as mailing
from common.mailing.model import NewMail, Purpose, clean_address
from common.people.orgs.invites import proofs as invite_proofs
from common.people.orgs.invites.proofs import MISSING
from common.people.orgs.members import steps as members
from common.people.orgs.members.role_grants import resolve_roles
from common.people.orgs.model import Invite, MemberRole, NewInvite
from common.people.orgs.repository import invites
from common.people.orgs.repository import members as member_rows
from common.people.users.model import Person
from common.rights.caller import Caller
from common.rights.membership import Membership
from common.rights.permissions import Permission

BATCH_LIMIT = 100
ORG_LIMIT = 1_000
PENDING_LIMIT = 100
OPEN_FOR = timedelta(days=7)
# An expired invitation can be sent again for so long.
KEPT_FOR = timedelta(days=30)


def list_invites(backend: Backend, caller: Caller, org: str) -> list[Invite]:
    """Return an organization's invitations, the expired ones too, oldest first."""
    membership = members.require(caller, Permission.INVITES_READ, org)
    with backend.db.connect() as connection:
        found = invites.find_all(connection, membership.org_id)
    return [invite for invite in found if invite.email or membership.is_admin or invite.sent_by.id == caller.user_id]


def create_invites(
    backend: Backend,
    caller: Caller,
    org: str,
    asked: Sequence[NewInvite],
) -> tuple[list[Invite], list[NewInvite]]:
    """Invite people by address and mail them; return the new invitations, and what was left out.

    Left out is a bad address, a member's, and one that has an open invitation. Raises BadRequest for a role that is none and
    over a limit: then nobody is invited.
    """
    membership = members.require_shared(caller, Permission.INVITES_CREATE, org)
    if len(asked) > BATCH_LIMIT:
        msg = f"at most {BATCH_LIMIT} people can be invited at once"
        raise BadRequest(msg)

    def invite(tx: Connection) -> tuple[list[Invite], list[NewInvite]]:
        given = resolve_roles(tx, membership, {new.wanted for new in asked})
        firsts: dict[str, NewInvite] = {}
        for new in asked:
            firsts.setdefault(clean_address(new.email), new)
        taken = {"", *invites.find_taken(tx, membership.org_id, firsts.keys() - {""}, unix_millis(backend.clock.now()))}
        fit = {address: new for address, new in firsts.items() if address not in taken}
        made = [_new(backend, caller, membership, address, given[new.wanted]) for address, new in fit.items()]
        _store(tx, backend, membership.org_id, made)
        mailing.queue(tx, backend, [_mail(invite.email, invite.id) for invite in made])
        if made:
            told = f"Invited {', '.join(invite.email for invite in made)}"
            audit.record(tx, backend, caller, membership.org_id, Event.INVITE_SENT, description=told)
        return made, [new for new in asked if fit.get(clean_address(new.email)) is not new]

    return members.with_org_lock(backend, membership.org_id, invite)


def create_link(backend: Backend, caller: Caller, org: str, new: NewInvite) -> Invite:
    """Make an invitation for whoever has its link; BadRequest when it names an address, and errors as in invite_people."""
    membership = members.require_shared(caller, Permission.INVITES_CREATE, org)
    if new.email:
        msg = "an invitation by link is for whoever has the link; to invite one address, use invites/batch"
        raise BadRequest(msg)

    def make(tx: Connection) -> Invite:
        made = _new(backend, caller, membership, "", resolve_roles(tx, membership, [new.wanted])[new.wanted])
        _store(tx, backend, membership.org_id, [made])
        audit.record(tx, backend, caller, membership.org_id, Event.INVITE_SENT, description="Invited whoever has a link")
        return made

    return members.with_org_lock(backend, membership.org_id, make)


def get_invite(backend: Backend, caller: Caller, org: str, invite_id: str) -> Invite:
    """Return an invitation to its guest; NotFound when it is somebody else's, expired, cancelled or used."""
    _require_person(caller)
    with backend.db.connect() as connection:
        return _load(connection, backend, caller, org, invite_id)


def accept_invite(backend: Backend, caller: Caller, org: str, invite_id: str) -> None:
    """Make the caller a member and use the invitation up; errors as in get_invite, Conflict for a member."""
    _require_person(caller)
    already = f"you are already a member of organization {org[:100]}"
    if caller.membership(org) is not None:
        raise Conflict(already)
    org_id = get_invite(backend, caller, org, invite_id).org_id

    def join(tx: Connection) -> None:
        # Read again, since it may have been used, cancelled or changed before this was its turn.
        invite = _load(tx, backend, caller, org, invite_id)
        if member_rows.is_member(tx, org_id, caller.user_id):
            raise Conflict(already)
        if not invites.delete(tx, org_id, invite.id):
            raise NotFound(MISSING)
        members.add(tx, org_id, caller.user_id, invite.given, backend.clock.now(), refusal=already)
        told = f"Accepted the invitation of {invite.sent_by.login}"
        audit.record(tx, backend, caller, org_id, Event.INVITE_ACCEPTED, description=told)

    members.with_org_lock(backend, org_id, join)


def cancel_invite(backend: Backend, caller: Caller, org: str, invite_id: str) -> None:
    """Delete an invitation; NotFound when the organization has none of that id."""
    membership = members.require(caller, Permission.INVITES_CREATE, org)

    def remove(tx: Connection) -> None:
        invite = invites.find(tx, invite_id)
        if invite is None or not invites.delete(tx, membership.org_id, invite_id):
            raise NotFound(MISSING)
        told = f"Took back the invitation of {invite.email or 'whoever has a link'}"
        audit.record(tx, backend, caller, membership.org_id, Event.INVITE_CANCELED, description=told)

    members.with_org_lock(backend, membership.org_id, remove)


def resend_invite(backend: Backend, caller: Caller, org: str, invite_id: str) -> None:
    """Open an invitation for another full time and mail it again, unless that was done within the last minutes.

    NotFound when the organization has none of that id.
    """
    membership = members.require(caller, Permission.INVITES_CREATE, org)
    now = backend.clock.now()
    times = {"sent_at": unix_millis(now), "expires_at": unix_millis(now + OPEN_FOR)}

    def renew() -> None:
        with backend.db.begin() as tx:
            if not invites.renew(tx, membership.org_id, invite_id, **times):
                raise NotFound(MISSING)
            invite = invites.find(tx, invite_id)
            if invite is not None and invite.email:
                mailing.queue_unless_recent(tx, backend, _mail(invite.email, invite_id))

    retry(renew)


def list_pending_invites(backend: Backend, caller: Caller) -> list[Invite]:
    """Return the open invitations to the caller's address, oldest first."""
    # No permission check: they are the caller's own.
    if not caller.email:
        return []
    with backend.db.connect() as connection:
        return invites.find_for(connection, caller.email.lower(), unix_millis(backend.clock.now()), PENDING_LIMIT)


def accept_url(backend: Backend, invite: Invite) -> str:
    """Return the page where an invitation is accepted."""
    return f"{base_url(backend.settings)}/invites/{invite.org_login}/{invite.id}"


def _mail(email: str, invite_id: str) -> NewMail:
    return NewMail(Purpose.INVITATION, email, subject_id=invite_id)


def _new(backend: Backend, caller: Caller, membership: Membership, email: str, given: MemberRole) -> Invite:
    now = backend.clock.now()
    return Invite(
        id=secrets.token_hex(16),
        org_id=membership.org_id,
        email=email,
        given=given,
        sent_by=Person(caller.user_id, caller.login, caller.name, caller.email, caller.avatar_url),
        sent_at=unix_millis(now),
        expires_at=unix_millis(now + OPEN_FOR),
        org_login=membership.login,
        org_name=membership.name,
        org_avatar_url=membership.avatar_url,
    )


def _store(tx: Connection, backend: Backend, org_id: str, made: list[Invite]) -> None:
    now = backend.clock.now()
    emails = [invite.email for invite in made if invite.email]
    invites.delete_expired(tx, org_id, emails, unix_millis(now), older_than=unix_millis(now - KEPT_FOR))
    if invites.count(tx, org_id) + len(made) > ORG_LIMIT:
        msg = f"an organization may have {ORG_LIMIT:,} invitations; cancel some first"
        raise BadRequest(msg)
    if made:
        invites.add(tx, made)


def _load(connection: Connection, backend: Backend, caller: Caller, org: str, invite_id: str) -> Invite:
    found = invite_proofs.find_open(connection, backend, invite_id)
    if found is None or found.org_login != org or not found.is_for(caller.email):
        raise NotFound(MISSING)
    return found


def _require_person(caller: Caller) -> None:
    if not caller.is_themselves:
        msg = "an invitation is for a person; sign in with a personal access token"
        raise Forbidden(msg)
