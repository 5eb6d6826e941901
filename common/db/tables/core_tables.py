"""The tables of people, access, stacks and their updates; those of signing in are in common/db/tables/sign_in.py."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, SmallInteger, String, UniqueConstraint, text

from common.db.tables.schema import BLOB_KEY, ID, LONG_BLOB, LONG_TEXT, NAME, table

# A machine (an organization's or a team's token) is a user nobody can sign in as: its login has a slash, which no person's has.
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

# What starts have made, so that no later one makes it again once an administrator has taken it away: `admin`, `org ` and its
# login, `token ` and its hash.
bootstrap_items = table(
    "bootstrap_items",
    Column("item", String(110), primary_key=True),
    Column("created_at", BigInteger, nullable=False),
)

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

# Whoever knows the id of an invitation that names no address may accept it, so the id is random.
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

team_roles = table(
    "team_roles",
    Column("team_id", ID, primary_key=True),
    Column("role_id", ID, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_team_roles_role_id", "role_id"),
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

# `live` is 1, or NULL once the stack is deleted: NULLs do not collide, so a name is free again while its old rows remain.
# `deleted_at` becomes 0 when the purge of these rows begins: from then on the stack cannot be restored.
stacks = table(
    "stacks",
    Column("id", ID, primary_key=True),
    Column("org_id", ID, nullable=False),
    Column("project", NAME, nullable=False),
    Column("name", NAME, nullable=False),
    Column("live", SmallInteger, nullable=True),
    Column("tags", LONG_TEXT, nullable=False),
    Column("config", LONG_TEXT, nullable=True),
    Column("wrapped_key", LargeBinary(2048), nullable=False),
    Column("created_by", ID, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger, nullable=True),
    UniqueConstraint("org_id", "project", "name", "live"),
    Index("ix_stacks_deleted_at", "deleted_at"),
    Index("ix_stacks_created_by", "created_by", "org_id", "project", "name"),
)

stack_tags = table(
    "stack_tags",
    Column("stack_id", ID, primary_key=True),
    Column("name", String(40), primary_key=True),
    Column("value", String(256), nullable=False),
    Index("ix_stack_tags_name_value", "name", "value", "stack_id"),
)

# Names a stack had before a rename. Clients decrypt where an old state or config file says, so old names still lead there.
stack_names = table(
    "stack_names",
    Column("stack_id", ID, primary_key=True),
    Column("org_id", ID, primary_key=True),
    Column("project", NAME, primary_key=True),
    Column("name", NAME, primary_key=True),
    Column("left_at", BigInteger, nullable=False),
    Index("ix_stack_names_name", "org_id", "project", "name", "left_at"),
)

# Which stack's newest state refers to which other stack, by the names it used.
stack_references = table(
    "stack_references",
    Column("stack_id", ID, primary_key=True),
    Column("org", NAME, primary_key=True),
    Column("project", NAME, primary_key=True),
    Column("name", NAME, primary_key=True),
    Index("ix_stack_references_name", "org", "project", "name"),
)

# `token_id` is the access token that began the update: its lease ends with it. `attempts` counts how often a process has begun
# to put the update's state together.
# One row per update and preview, and per change of a stack that takes a version number (create is version 0, then imports,
# renames, deletion). The unique index on (stack_id, version) is the lock: see docs/decisions/0001.
updates = table(
    "updates",
    Column("id", ID, primary_key=True),
    Column("stack_id", ID, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("dry_run", Boolean, nullable=False),
    Column("status", String(16), nullable=False),
    Column("outcome", String(16), nullable=True),
    Column("version", Integer, nullable=True),
    Column("program", LONG_TEXT, nullable=False),
    Column("requested_by", ID, nullable=False),
    Column("origin", String(255), nullable=False),
    Column("cli_version", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger, nullable=True),
    Column("ended_at", BigInteger, nullable=True),
    Column("lease_expires_at", BigInteger, nullable=True),
    Column("after_version", Integer, nullable=False),
    Column("journal_version", SmallInteger, nullable=False),
    Column("base_checkpoint", BLOB_KEY, nullable=True),
    Column("checkpoint", BLOB_KEY, nullable=True),
    Column("checkpoint_sequence", BigInteger, nullable=False),
    Column("checkpoint_hash", String(64), nullable=True),
    Column("state_owner", NAME, nullable=False),
    Column("state_project", NAME, nullable=False),
    Column("state_name", NAME, nullable=False),
    Column("resource_count", Integer, nullable=False),
    Column("resource_changes", LONG_TEXT, nullable=True),
    Column("damage", LONG_TEXT, nullable=True),
    Column("base_order", LONG_TEXT, nullable=True),
    Column("resource_order", LONG_TEXT, nullable=True),
    Column("token_id", ID, nullable=True),
    Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
    UniqueConstraint("stack_id", "version"),
    Index("ix_updates_stack_id_created_at", "stack_id", "created_at"),
    Index("ix_updates_status_lease_expires_at", "status", "lease_expires_at"),
)

# One row per received batch, holding the client's own bytes (gzip or plain, told apart by their first two bytes), or the
# key of the blob that holds them. `total_bytes` is what the update's batches up to this one take, inflated; the index has it,
# since SQLite would have to walk through `body` to reach it.
journal_batches = table(
    "journal_batches",
    Column("update_id", ID, primary_key=True),
    Column("id", ID, primary_key=True),
    Column("first_sequence", BigInteger, nullable=False),
    Column("last_sequence", BigInteger, nullable=False),
    Column("entry_count", Integer, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("blob_key", BLOB_KEY, nullable=True),
    Column("body", LONG_BLOB, nullable=True),
    Column("total_bytes", BigInteger, nullable=False, server_default=text("0")),
    Index("ix_journal_batches_update_id", "update_id", "id", "total_bytes"),
)

event_batches = table(
    "event_batches",
    Column("update_id", ID, primary_key=True),
    Column("id", ID, primary_key=True),
    Column("first_sequence", BigInteger, nullable=False),
    Column("last_sequence", BigInteger, nullable=False),
    Column("event_count", Integer, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("resource_changes", LONG_TEXT, nullable=True),
    Column("blob_key", BLOB_KEY, nullable=True),
    Column("body", LONG_BLOB, nullable=True),
    Column("total_bytes", BigInteger, nullable=False, server_default=text("0")),
    Index("ix_event_batches_update_id", "update_id", "id", "total_bytes"),
)

# Keys of the service itself, wrapped by the configured key service: the one that signs leases, and a probe.
service_keys = table(
    "service_keys",
    Column("name", String(64), primary_key=True),
    Column("wrapped_key", LargeBinary(2048), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

jobs = table(
    "jobs",
    Column("name", String(64), primary_key=True),
    Column("due_at", BigInteger, nullable=False),
    Column("claimed_by", ID, nullable=True),
    Column("claimed_until", BigInteger, nullable=True),
    Column("resume_after", BLOB_KEY, nullable=True),
)
