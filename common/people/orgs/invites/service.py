"""Invitations to an organization: to an address, or by a link. Each can be accepted once.

A user who knows the id of a link may use it, so ids are random, and a list shows a link only to admins and to its sender. An
invitation to an address is mailed there, and is for the user with that address alone. How people accept an invitation who
have no account yet is in common/people/orgs/invites/proofs.py.
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
from common.people.orgs.invites import proofs
from common.people.orgs.invites.proofs import MISSING
from common.people.orgs.members import steps as members
from common.people.orgs.members.role_grants import resolve_roles
from common.people.orgs.model import Invite, InviteFilter, MemberRole, NewInvite
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
# An expired invitation can be sent again for this long.
KEPT_FOR = timedelta(days=30)


def list_invites(backend: Backend, caller: Caller, org: str) -> list[Invite]:
    """Return an organization's invitations, expired ones too, oldest first."""
    membership = members.require(caller, Permission.INVITES_READ, org)
    with backend.db.connect() as connection:
        rows = invites.find_all(connection, membership.org_id)
    return [invite for invite in rows if invite.email or membership.is_admin or invite.sent_by.id == caller.user_id]


def search_invites(
    backend: Backend,
    caller: Caller,
    org: str,
    narrowed: InviteFilter,
    *,
    size: int,
    number: int,
) -> tuple[list[Invite], int]:
    """Return a page of the invitations that a filter finds, and how many it finds; pages are numbered from 1."""
    membership = members.require(caller, Permission.INVITES_READ, org)
    now_millis = unix_millis(backend.clock.now())
    links_of = None if membership.is_admin else caller.user_id
    with backend.db.connect() as connection:
        found = invites.count_found(connection, membership.org_id, narrowed, links_of=links_of, now_millis=now_millis)
        page = invites.search(
            connection,
            membership.org_id,
            narrowed,
            links_of=links_of,
            now_millis=now_millis,
            limit=size,
            offset=size * (number - 1),
        )
    return page, found


def create_invites(
    backend: Backend,
    caller: Caller,
    org: str,
    new_invites: Sequence[NewInvite],
) -> tuple[list[Invite], list[NewInvite]]:
    """Invite people by address and mail them; return the created invitations, and those that were left out.

    Left out are a bad address, a member's address, and one with an open invitation. Raises BadRequest for an unknown role and
    over a limit; then no invitation is created.
    """
    membership = members.require_shared(caller, Permission.INVITES_CREATE, org)
    if len(new_invites) > BATCH_LIMIT:
        raise BadRequest(f"at most {BATCH_LIMIT} people can be invited at once")

    def invite(tx: Connection) -> tuple[list[Invite], list[NewInvite]]:
        roles = resolve_roles(tx, membership, {new.role for new in new_invites})
        by_address: dict[str, NewInvite] = {}
        for new in new_invites:
            by_address.setdefault(clean_address(new.email), new)
        now_millis = unix_millis(backend.clock.now())
        taken = {"", *invites.find_taken(tx, membership.org_id, by_address.keys() - {""}, now_millis)}
        accepted = {address: new for address, new in by_address.items() if address not in taken}
        created = [_new_invite(backend, caller, membership, address, roles[new.role]) for address, new in accepted.items()]
        _store(tx, backend, membership.org_id, created)
        mailing.queue(tx, backend, [_mail(invite.email, invite.id) for invite in created])
        if created:
            description = f"Invited {', '.join(invite.email for invite in created)}"
            audit.record(tx, backend, caller, membership.org_id, Event.INVITE_SENT, description=description)
        return created, [new for new in new_invites if accepted.get(clean_address(new.email)) is not new]

    return members.with_org_lock(backend, membership.org_id, invite)


def create_link(backend: Backend, caller: Caller, org: str, new: NewInvite) -> Invite:
    """Create an invitation for anyone with its link; BadRequest with an address, and errors as in create_invites."""
    membership = members.require_shared(caller, Permission.INVITES_CREATE, org)
    if new.email:
        raise BadRequest("an invitation by link is for anyone who has the link; to invite one address, use invites/batch")

    def create(tx: Connection) -> Invite:
        invite = _new_invite(backend, caller, membership, "", resolve_roles(tx, membership, [new.role])[new.role])
        _store(tx, backend, membership.org_id, [invite])
        description = "Invited anyone with a link"
        audit.record(tx, backend, caller, membership.org_id, Event.INVITE_SENT, description=description)
        return invite

    return members.with_org_lock(backend, membership.org_id, create)


def get_invite(backend: Backend, caller: Caller, org: str, invite_id: str) -> Invite:
    """Return an invitation to the caller; NotFound when it is another user's, expired, canceled or used."""
    _require_person(caller)
    with backend.db.connect() as connection:
        return _get_invite(connection, backend, caller, org, invite_id)


def get_open_invite(backend: Backend, org: str, invite_id: str) -> Invite:
    """Return an organization's open invitation, signed in or not; NotFound for any other."""
    # No permission check: its id is a secret that cannot be guessed, and its page shows only the organization's name.
    with backend.db.connect() as connection:
        invite = proofs.find_open(connection, backend, invite_id)
    if invite is None or invite.org_login != org:
        raise NotFound(MISSING)
    return invite


def accept_invite(backend: Backend, caller: Caller, org: str, invite_id: str) -> None:
    """Make the caller a member and delete the invitation; errors as in get_invite, Conflict for a member."""
    _require_person(caller)
    refusal = f"you are already a member of organization {org[:100]}"
    if caller.membership(org) is not None:
        raise Conflict(refusal)
    org_id = get_invite(backend, caller, org, invite_id).org_id

    def join(tx: Connection) -> None:
        # Read again under the lock: the invitation may have been used, canceled or changed meanwhile.
        invite = _get_invite(tx, backend, caller, org, invite_id)
        if member_rows.is_member(tx, org_id, caller.user_id):
            raise Conflict(refusal)
        if not invites.delete(tx, org_id, invite.id):
            raise NotFound(MISSING)
        members.add(tx, org_id, caller.user_id, invite.role, backend.clock.now(), refusal=refusal)
        description = f"Accepted the invitation of {invite.sent_by.login}"
        audit.record(tx, backend, caller, org_id, Event.INVITE_ACCEPTED, description=description)

    members.with_org_lock(backend, org_id, join)


def cancel_invite(backend: Backend, caller: Caller, org: str, invite_id: str) -> None:
    """Delete an invitation; NotFound when the organization does not have it."""
    membership = members.require(caller, Permission.INVITES_CREATE, org)

    def delete(tx: Connection) -> None:
        invite = invites.find(tx, invite_id)
        if invite is None or not invites.delete(tx, membership.org_id, invite_id):
            raise NotFound(MISSING)
        description = f"Canceled the invitation of {invite.email or 'anyone with a link'}"
        audit.record(tx, backend, caller, membership.org_id, Event.INVITE_CANCELED, description=description)

    members.with_org_lock(backend, membership.org_id, delete)


def resend_invite(backend: Backend, caller: Caller, org: str, invite_id: str) -> None:
    """Renew an invitation for the full time, and mail it again unless that was done within the last minutes.

    NotFound when the organization does not have it.
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
            who = invite.email if invite is not None and invite.email else "anyone with a link"
            description = f"Renewed the invitation of {who}"
            audit.record(tx, backend, caller, membership.org_id, Event.INVITE_SENT, description=description)

    retry(renew)


def list_pending_invites(backend: Backend, caller: Caller) -> list[Invite]:
    """Return the open invitations to the caller's address, oldest first."""
    # No permission check: they are the caller's own.
    if not caller.email:
        return []
    with backend.db.connect() as connection:
        return invites.find_for(connection, caller.email.lower(), unix_millis(backend.clock.now()), PENDING_LIMIT)


def accept_url(backend: Backend, invite: Invite) -> str:
    """Return the address of the page where an invitation is accepted."""
    return f"{base_url(backend.settings)}/invites/{invite.org_login}/{invite.id}"


def _mail(email: str, invite_id: str) -> NewMail:
    return NewMail(Purpose.INVITATION, email, subject_id=invite_id)


def _new_invite(backend: Backend, caller: Caller, membership: Membership, email: str, role: MemberRole) -> Invite:
    now = backend.clock.now()
    return Invite(
        id=secrets.token_hex(16),
        org_id=membership.org_id,
        email=email,
        role=role,
        sent_by=Person(caller.user_id, caller.login, caller.name, caller.email, caller.avatar_url),
        sent_at=unix_millis(now),
        expires_at=unix_millis(now + OPEN_FOR),
        org_login=membership.login,
        org_name=membership.name,
        org_avatar_url=membership.avatar_url,
    )


def _store(tx: Connection, backend: Backend, org_id: str, new_invites: list[Invite]) -> None:
    now = backend.clock.now()
    emails = [invite.email for invite in new_invites if invite.email]
    invites.delete_expired(tx, org_id, emails, unix_millis(now), older_than=unix_millis(now - KEPT_FOR))
    if invites.count(tx, org_id) + len(new_invites) > ORG_LIMIT:
        raise BadRequest(f"an organization may have at most {ORG_LIMIT:,} invitations; revoke some first")
    if new_invites:
        invites.add(tx, new_invites)


def _get_invite(connection: Connection, backend: Backend, caller: Caller, org: str, invite_id: str) -> Invite:
    invite = proofs.find_open(connection, backend, invite_id)
    if invite is None or invite.org_login != org or not invite.is_for(caller.email):
        raise NotFound(MISSING)
    return invite


def _require_person(caller: Caller) -> None:
    if not caller.is_themselves:
        raise Forbidden("an invitation is for a person; sign in with a personal access token")
