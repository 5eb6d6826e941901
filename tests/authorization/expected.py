"""What a caller must be answered, told from the table and the caller's sets alone: the rules of refusal, written plainly."""

from common.rights.permissions import ENVIRONMENT_ADMIN, STACK_VISIBLE, Permission
from tests.authorization.callers import Who
from tests.authorization.needs import DIRECTORY, LEASE, Check, On, Row

UNAUTHORIZED, FORBIDDEN, NOT_FOUND, CONFLICT = 401, 403, 404, 409


def expected(row: Row, who: Who) -> int | None:
    """Return the status of the refusal, or None for a caller who may make the call."""
    if DIRECTORY in row.needs:
        return None if who.is_directory else UNAUTHORIZED
    if LEASE in row.needs:
        return {"": UNAUTHORIZED, "its own": None}.get(who.lease, FORBIDDEN)
    if row.needs and not who.signed_in:
        return UNAUTHORIZED
    return next((status for status in (refusal(check, who) for check in row.needs) if status is not None), None)


def refusal(check: Check, who: Who) -> int | None:
    """Return the status with which a check refuses a caller who is signed in, or None."""
    match check.on:
        case On.SIGNED_IN:
            return None
        case On.PERSON:
            return FORBIDDEN if who.is_machine else None
        case On.OWN:
            return None if who.is_owner else NOT_FOUND
        case On.OUTSIDER:
            return CONFLICT if who.is_member or who.is_suspended else None
        case On.TARGET:
            return NOT_FOUND if who.in_target is None else unless(check.permission in who.in_target)
    # An organization that the caller is not in does not exist for them.
    return refusal_of_member(check, who) if who.is_member else NOT_FOUND


def refusal_of_member(check: Check, who: Who) -> int | None:
    """Return the status with which a check refuses a caller who belongs to the organization, or None."""
    permission = check.permission
    match check.on:
        case On.ADMIN:
            return unless(who.is_admin)
        case On.ORG:
            return unless(permission in who.on_org or (check.team_admin and who.is_team_admin))
        case On.TEAM:
            return None if permission in who.on_org or who.is_team_admin else NOT_FOUND
        case On.EVERY_STACK:
            return unless(permission in who.on_stack)
        case On.LISTED:
            return None if who.on_stack & {Permission.STACK_LIST, Permission.STACK_READ} else NOT_FOUND
        case On.STACK:
            # Anyone who may do nothing with a stack but see who else may does not learn that it exists.
            return unless(permission in who.on_stack) if who.on_stack & STACK_VISIBLE else NOT_FOUND
        case On.ENVIRONMENT:
            return unless(permission in who.on_environment) if who.on_environment & ENVIRONMENT_ADMIN else NOT_FOUND
    return None


def unless(may: bool) -> int | None:
    """Return the status for those who may know of a thing and not do this."""
    return None if may else FORBIDDEN
