"""Finds or creates the user who signs in through an organization's provider, and checks their membership."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from common.core.errors import Forbidden
from common.people.orgs.members import sso as sso_members
from common.rights.caller import Caller
from common.sign_in import new_users
from common.sign_in.external import linking
from common.sign_in.model import Account, address_of
from common.sign_in.saml.identity_provider import identity_name
from common.sign_in.saml.model import Choice, PendingAnswer


@dataclass(frozen=True, slots=True)
class Visit:
    """A user at `finish`: the provider's answer, the user already signed in at that browser, and their choice."""

    answer: PendingAnswer
    org: str
    caller: Caller | None
    choice: Choice
    client: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """The user of an account at the provider; None for a user to be created."""

    user_id: str | None


@dataclass(frozen=True, slots=True)
class ChoiceNeeded:
    """The signed-in user, by login, must first say whether the account at the provider is theirs."""

    login: str


def match(connection: Connection, visit: Visit) -> Match | ChoiceNeeded:
    """Return the user of the account that the provider's answer names, or ChoiceNeeded. Nothing is changed.

    An account that was linked before belongs to its user. Another one belongs to the member with its address or user name, or to
    the signed-in user if they choose so, or to a new user. Raise Forbidden for a member of other organizations, unless they are
    signed in and confirm that the account is theirs: a session is valid in every organization, but this provider may sign in
    members of its own organization only.
    """
    answer, provider = visit.answer, identity_name(visit.answer.org_id)
    owner_id = linking.find_owner(connection, provider, answer.subject)
    if owner_id is not None:
        return Match(owner_id)
    member_id = sso_members.find_by_address(connection, answer.org_id, provider, _names(answer))
    if member_id is not None and not sso_members.belongs_elsewhere(connection, answer.org_id, member_id):
        return Match(member_id)
    candidate = _signed_in_member(connection, visit)
    if candidate is not None and visit.choice not in (Choice.LINK, Choice.NEW):
        return ChoiceNeeded(candidate.login)
    chosen_id = candidate.user_id if candidate is not None and visit.choice is Choice.LINK else None
    if member_id is not None and member_id != chosen_id:
        raise Forbidden(
            "your address is that of a member who belongs to other organizations too; sign in here first, then open "
            f"/signin/sso/{visit.org} to link the two"
        )
    return Match(chosen_id)


def link(tx: Connection, visit: Visit, matched: Match, now: datetime) -> str:
    """Link the account to its user, who is created if they are new and joins the organization, and return the user's id.

    Raise Forbidden for a user who was removed from the organization, or is suspended there. The caller holds the
    organization's lock.
    """
    answer, user_id = visit.answer, matched.user_id
    if user_id is None:
        login = new_users.free_login(tx, answer.email or answer.subject)
        # Only its own organization trusts addresses from this provider, so the user is created without one.
        user_id = new_users.create_person(tx, login=login, name=answer.name, email="", now=now)
    membership = sso_members.find(tx, answer.org_id, user_id)
    is_new = matched.user_id is None
    if membership is None and not sso_members.join(tx, answer.org_id, user_id, answer.email, now, is_new=is_new):
        raise Forbidden(f"you are not a member of organization {visit.org} any more; its administrators can invite or add you")
    if membership is not None and membership.suspended:
        raise Forbidden(f"your membership of organization {visit.org} is suspended; ask one of its administrators")
    linking.link(tx, user_id, _account(answer), now)
    return user_id


def _signed_in_member(connection: Connection, visit: Visit) -> Caller | None:
    """Return the caller if they are signed in themselves and a member of the organization."""
    caller = visit.caller
    if caller is None or not caller.is_themselves or sso_members.find(connection, visit.answer.org_id, caller.user_id) is None:
        return None
    return caller


def _account(answer: PendingAnswer) -> Account:
    return Account(
        provider=identity_name(answer.org_id),
        subject=answer.subject,
        login=answer.email or answer.subject,
        name=answer.name,
        email=answer.email,
        is_verified=False,
        is_own=True,
    )


def _names(answer: PendingAnswer) -> tuple[str, ...]:
    """Return the names to find a member by, in lower case: addresses, and user names of a directory."""
    return tuple(dict.fromkeys(name for name in (answer.email, address_of(answer.subject), answer.subject.lower()) if name))
