"""Tables of roles, grants and access tokens."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, SmallInteger, String, UniqueConstraint

from common.db.tables.schema import ID, LONG_TEXT, table

# Custom roles, permission sets and policies. `details` is the descriptor as the client sent it, `rules` the same with every
# record that it composes put in, so that a request reads one row. The built-in ones are in common/rights/built_in.py.
roles = table(
    "roles",
    Column("id", ID, primary_key=True),
    Column("org_id", ID, nullable=False),
    Column("purpose", String(20), nullable=False),
    Column("name", String(255), nullable=False),
    Column("description", String(1024), nullable=False),
    Column("resource_type", String(40), nullable=False),
    Column("details", LONG_TEXT, nullable=False),
    Column("rules", LONG_TEXT, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    UniqueConstraint("org_id", "purpose", "name"),
)


role_references = table(
    "role_references",
    Column("role_id", ID, primary_key=True),
    Column("composed_id", ID, primary_key=True),
    Index("ix_role_references_composed_id", "composed_id"),
)


team_roles = table(
    "team_roles",
    Column("team_id", ID, primary_key=True),
    Column("role_id", ID, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_team_roles_role_id", "role_id"),
)


# What a team or a person (`principal_id`: the id of either) was given on a stack: a level in upstream's numbers, or a
# custom permission set. Rows hang on ids, so that nothing is inherited by a name, and go away with the stack or principal.
stack_grants = table(
    "stack_grants",
    Column("stack_id", ID, primary_key=True),
    Column("principal_id", ID, primary_key=True),
    Column("is_team", Boolean, nullable=False),
    Column("permission", SmallInteger, nullable=False),
    Column("set_id", ID, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_stack_grants_principal_id", "principal_id"),
    Index("ix_stack_grants_set_id", "set_id"),
)


# Tokens of people, organizations and teams (`org_id` and `team_id` are NULL where they have no meaning), and the sessions of
# browsers (kind `session`). With `issuer_id` it was given for an identity token of that issuer; a person's own is then good
# in `org_id` alone. `user_id` is the
# person, or the machine that the token makes of an organization or a team. A revoked one keeps its row without the hash:
# the name of an organization's or team's token is never free again, and NULLs do not collide, so people may reuse theirs.
access_tokens = table(
    "access_tokens",
    Column("id", ID, primary_key=True),
    Column("token_hash", String(64), nullable=True, unique=True),
    Column("kind", String(12), nullable=False),
    Column("user_id", ID, nullable=False),
    Column("org_id", ID, nullable=True),
    Column("team_id", ID, nullable=True),
    Column("role_id", ID, nullable=True),
    Column("issuer_id", ID, nullable=True),
    Column("is_admin", Boolean, nullable=False),
    Column("name", String(255), nullable=False),
    Column("description", String(1024), nullable=False),
    Column("created_by", ID, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=True),
    Column("last_used_at", BigInteger, nullable=True),
    Column("revoked_at", BigInteger, nullable=True),
    UniqueConstraint("org_id", "name"),
    Index("ix_access_tokens_user_id", "user_id", "kind"),
    Index("ix_access_tokens_team_id", "team_id"),
    Index("ix_access_tokens_role_id", "role_id"),
    Index("ix_access_tokens_issuer_id", "issuer_id"),
    Index("ix_access_tokens_expires_at", "expires_at"),
)
