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


class DecisionNeeded(Exception):
    """The signed-in user must first say whether the account at the provider is theirs; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A user at `finish`: the provider's answer, the user already signed in at that browser, and their choice."""

    answer: PendingAnswer
    org: str
    caller: Caller | None
    choice: Choice
    client: str = ""


def find_or_create_user(tx: Connection, visit: Visit, now: datetime) -> str:
    """Return the id of the user, who is a member; Forbidden if they are removed or suspended.

    Raises DecisionNeeded before an unknown account is linked to the signed-in user. The caller holds the organization's lock.
    """
    answer, account = visit.answer, _account(visit.answer)
    known = linking.find_owner(tx, account.provider, account.subject)
    user_id = known or _matched(tx, visit, account.provider) or _chosen(tx, visit)
    is_new = user_id is None
    if user_id is None:
        login = new_users.free_login(tx, answer.email or answer.subject)
        # Only its own organization trusts addresses from this provider, so the user is created without one.
        user_id = new_users.create_person(tx, login=login, name=answer.name, email="", now=now)
    membership = sso_members.find(tx, answer.org_id, user_id)
    if membership is None and not sso_members.join(tx, answer.org_id, user_id, answer.email, now, is_new=is_new):
        raise Forbidden(f"you are not a member of organization {visit.org} any more; its administrators can invite or add you")
    if membership is not None and membership.suspended:
        raise Forbidden(f"your membership of organization {visit.org} is suspended; ask one of its administrators")
    linking.link(tx, user_id, account, now)
    return user_id


def _matched(tx: Connection, visit: Visit, provider: str) -> str | None:
    """Return the id of the member with the address or user name of the answer, or None.

    Raise Forbidden for a member of other organizations, unless they are signed in and confirm that the account is theirs:
    a session is valid in every organization, but this provider may sign in members of its own organization only.
    """
    answer = visit.answer
    user_id = sso_members.find_by_address(tx, answer.org_id, provider, _names(answer))
    if user_id is None or not sso_members.belongs_elsewhere(tx, answer.org_id, user_id) or _chosen(tx, visit) == user_id:
        return user_id
    raise Forbidden(
        "your address is that of a member who belongs to other organizations too; sign in here first, then open "
        f"/signin/sso/{visit.org} to link the two"
    )


def _chosen(tx: Connection, visit: Visit) -> str | None:
    """Return the id of the signed-in user if they chose to link the account, or None for a new user."""
    caller = visit.caller
    if caller is None or not caller.is_themselves or sso_members.find(tx, visit.answer.org_id, caller.user_id) is None:
        return None
    if visit.choice is Choice.LINK:
        return caller.user_id
    if visit.choice is Choice.NEW:
        return None
    raise DecisionNeeded


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
