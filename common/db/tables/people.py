"""Tables of users, organizations, members, invitations and teams."""

from sqlalchemy import BigInteger, Boolean, Column, Index, String, UniqueConstraint

from common.db.tables.schema import ID, LONG_TEXT, NAME, table

# A machine (an organization's or a team's token) is a user that cannot sign in: its login has a slash, which no person's has.
users = table(
    "users",
    Column("id", ID, primary_key=True),
    Column("login", NAME, nullable=False, unique=True),
    Column("is_machine", Boolean, nullable=False),
    Column("name", String(255), nullable=False),
    Column("email", String(255), nullable=False),
    Column("avatar_url", String(1024), nullable=False),
    Column("site_admin", Boolean, nullable=False),
    Column("default_org_id", ID, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_users_email", "email"),
)


# A user's personal namespace is an organization with the user's own login, so that one table answers "who owns this name".
organizations = table(
    "organizations",
    Column("id", ID, primary_key=True),
    Column("login", NAME, nullable=False, unique=True),
    Column("name", String(255), nullable=False),
    Column("avatar_url", String(1024), nullable=False),
    Column("personal_user_id", ID, nullable=True, unique=True),
    Column("settings", LONG_TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)


# The logins of organizations in small letters, so that no two differ in the case of letters alone. Rows from before may.
owner_names = table("owner_names", Column("name", NAME, primary_key=True))


# `saml_at` is when the member last signed in through the organization's own SAML provider.
members = table(
    "members",
    Column("org_id", ID, primary_key=True),
    Column("user_id", ID, primary_key=True),
    Column("role", String(20), nullable=False),
    Column("role_id", ID, nullable=True),
    Column("suspended", Boolean, nullable=False),
    Column("saml_at", BigInteger, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_members_user_id", "user_id"),
    Index("ix_members_role_id", "role_id"),
)


# Anyone who knows the id of an invitation without an address may accept it, so the id is random.
invites = table(
    "invites",
    Column("id", ID, primary_key=True),
    Column("org_id", ID, nullable=False),
    Column("email", String(255), nullable=False),
    Column("role", String(20), nullable=False),
    Column("role_id", ID, nullable=True),
    Column("sent_by", ID, nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_invites_org_id", "org_id", "id"),
    Index("ix_invites_email", "email"),
)


teams = table(
    "teams",
    Column("id", ID, primary_key=True),
    Column("org_id", ID, nullable=False),
    Column("kind", String(10), nullable=False),
    Column("name", NAME, nullable=False),
    Column("display_name", String(255), nullable=False),
    Column("description", String(1024), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("org_id", "name"),
)


team_members = table(
    "team_members",
    Column("team_id", ID, primary_key=True),
    Column("user_id", ID, primary_key=True),
    Column("org_id", ID, nullable=False),
    Column("role", String(10), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_team_members_user_id", "user_id", "org_id"),
)


# What a team was given on an environment or an account: by name, since both come with later stores of their own.
team_entities = table(
    "team_entities",
    Column("team_id", ID, primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("project", NAME, primary_key=True),
    Column("name", NAME, primary_key=True),
    Column("permission", String(10), nullable=False),
    Column("max_open_duration", String(40), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
