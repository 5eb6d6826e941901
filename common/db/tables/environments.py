"""Tables of environments, their revisions and opened environments."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, SmallInteger, String, UniqueConstraint, text

from common.db.tables.schema import ID, LONG_BLOB, LONG_TEXT, NAME, table

# `live` is 1, or NULL once the environment is deleted, as in `stacks`. `latest` is the number of the newest revision: changing it
# is how a writer takes the next number. `owner_id` is the user who administers it, `managed_stack_id` the stack that it is of.
environments = table(
    "environments",
    Column("id", ID, primary_key=True),
    Column("org_id", ID, nullable=False),
    Column("project", NAME, nullable=False),
    Column("name", NAME, nullable=False),
    Column("live", SmallInteger, nullable=True),
    Column("latest", Integer, nullable=False),
    Column("wrapped_key", LargeBinary(2048), nullable=False),
    Column("deletion_protected", Boolean, nullable=False),
    Column("owner_id", ID, nullable=False),
    Column("managed_stack_id", ID, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger, nullable=True),
    UniqueConstraint("org_id", "project", "name", "live"),
    Index("ix_environments_deleted_at", "deleted_at"),
    Index("ix_environments_owner_id", "owner_id"),
    Index("ix_environments_managed_stack_id", "managed_stack_id"),
)


# The definition as it was saved, with its secrets encrypted, and how many these are.
# A retracted revision names the one to use in its place.
# `change_request_id` is set for a revision that a change request was applied as.
environment_revisions = table(
    "environment_revisions",
    Column("environment_id", ID, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("definition", LONG_BLOB, nullable=False),
    Column("secret_count", Integer, nullable=False, server_default=text("0")),
    Column("created_by", ID, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("retracted_at", BigInteger, nullable=True),
    Column("retracted_by", ID, nullable=True),
    Column("retract_reason", String(1024), nullable=True),
    Column("replacement", Integer, nullable=True),
    Column("change_request_id", ID, nullable=True),
)


# `latest` has no row: it is the environment's own column.
environment_revision_tags = table(
    "environment_revision_tags",
    Column("environment_id", ID, primary_key=True),
    Column("name", NAME, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("edited_by", ID, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
)


environment_tags = table(
    "environment_tags",
    Column("environment_id", ID, primary_key=True),
    Column("name", NAME, primary_key=True),
    Column("id", ID, nullable=False),
    Column("value", String(256), nullable=False),
    Column("edited_by", ID, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    Index("ix_environment_tags_name_value", "name", "value", "environment_id"),
)


# Which other environments of the organization a revision imports or refers to, by name. `version` is a number or a tag.
environment_references = table(
    "environment_references",
    Column("environment_id", ID, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("project", NAME, primary_key=True),
    Column("name", NAME, primary_key=True),
    Column("version", NAME, primary_key=True),
    Index("ix_environment_references_name", "project", "name", "environment_id"),
)


# Environments as they were opened. Knowing a session's id is what permits to read it, so the id is kept as a hash, and the
# result is encrypted with a key that is derived from it. `environment_id` is NULL for a document that is not stored.
environment_sessions = table(
    "environment_sessions",
    Column("id_hash", String(64), primary_key=True),
    Column("org_id", ID, nullable=False),
    Column("environment_id", ID, nullable=True),
    Column("user_id", ID, nullable=False),
    Column("sealed", LONG_BLOB, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_environment_sessions_expires_at", "expires_at"),
)


# Rotations of secrets. `running` is 1 while one is in progress, or NULL: an environment has one at a time. `secrets` is JSON: the
# outcome of each secret. `schedule_id` is the schedule that began it, or NULL.
environment_rotations = table(
    "environment_rotations",
    Column("id", ID, primary_key=True),
    Column("environment_id", ID, nullable=False),
    Column("user_id", ID, nullable=False),
    Column("running", SmallInteger, nullable=True),
    Column("status", String(16), nullable=False),
    Column("revision_before", Integer, nullable=False),
    Column("revision_after", Integer, nullable=True),
    Column("error", String(500), nullable=False),
    Column("secrets", LONG_TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("completed_at", BigInteger, nullable=True),
    Column("schedule_id", ID, nullable=True),
    UniqueConstraint("environment_id", "running"),
    Index("ix_environment_rotations_environment_id", "environment_id", "created_at"),
)


# Schedules of rotations: either `cron` or `once_at`. A process takes one that is due by moving `next_at`, which is NULL while
# there is no next time. It runs with the rights of `user_id`; of a machine, whose rights are those of its token,
# `token_id` names it.
environment_schedules = table(
    "environment_schedules",
    Column("id", ID, primary_key=True),
    Column("environment_id", ID, nullable=False),
    Column("user_id", ID, nullable=False),
    Column("token_id", ID, nullable=True),
    Column("cron", String(100), nullable=False),
    Column("once_at", BigInteger, nullable=True),
    Column("path", String(1024), nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("next_at", BigInteger, nullable=True),
    Column("last_at", BigInteger, nullable=True),
    Column("runs", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    Index("ix_environment_schedules_environment_id", "environment_id", "created_at"),
    Index("ix_environment_schedules_next_at", "next_at"),
)


# The newest runs of each schedule, numbered.
environment_schedule_runs = table(
    "environment_schedule_runs",
    Column("schedule_id", ID, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("id", ID, nullable=False),
    Column("environment_id", ID, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("result", String(500), nullable=False),
    Index("ix_environment_schedule_runs_environment_id", "environment_id"),
)
