"""Whether the user who began an update may go on with it, as a condition that the guarded statements carry.

A lease is given once and then renewed without the access token, so each statement looks at what can be taken away from one
moment to the next: the token, and its user's place in the organization. An access token that expires ends nothing that was
begun with it. A job looks at roles, teams and grants
(common/stacks/updates/service/revocation.py), since they are evaluated in Python.
"""

from sqlalchemy import ColumnElement, and_, exists, or_, select

from common.db.tables.access import access_tokens
from common.db.tables.people import members
from common.db.tables.stacks import stacks, updates

# No list: one that is expanded for each call costs more than the statement.
_is_of_machine = and_(access_tokens.c.kind != "personal", access_tokens.c.kind != "session")
_is_member = exists(
    select(members.c.user_id)
    .join(stacks, stacks.c.org_id == members.c.org_id)
    .where(
        stacks.c.id == updates.c.stack_id,
        members.c.user_id == access_tokens.c.user_id,
        members.c.suspended.is_(False),
    )
    .correlate(updates, access_tokens)
)
_token_is_good = exists(
    select(access_tokens.c.id)
    .where(
        access_tokens.c.id == updates.c.token_id,
        access_tokens.c.revoked_at.is_(None),
        # A machine belongs to its token's organization without being a member.
        or_(_is_of_machine, _is_member),
    )
    .correlate(updates)
)
# An update from before its token was noted goes on.
MAY_GO_ON: ColumnElement[bool] = or_(updates.c.token_id.is_(None), _token_is_good)
