"""Tables of stacks and their updates."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, SmallInteger, String, UniqueConstraint, text

from common.db.tables.schema import BLOB_KEY, ID, LONG_BLOB, LONG_TEXT, NAME, table

# `live` is 1, or NULL once the stack is deleted: NULLs do not collide, so a name is free again while its old rows remain.
# `deleted_at` becomes 0 when the purge of these rows begins: from then on the stack cannot be restored. `deleted_grants`: the
# grants that a deleted stack had, as JSON. `mails_failure` and `mails_success`: the owner gets a mail when an update fails, or
# succeeds.
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
    Column("deleted_grants", LONG_TEXT, nullable=True),
    Column("mails_failure", Boolean, nullable=False, server_default=text("0")),
    Column("mails_success", Boolean, nullable=False, server_default=text("0")),
    Column("managed_environment", String(201), nullable=True),
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


# Documents that clients keep with a stack, by kind and by what wrote them (`source`, or an empty text). `version` counts changes.
stack_annotations = table(
    "stack_annotations",
    Column("stack_id", ID, primary_key=True),
    Column("kind", NAME, primary_key=True),
    Column("source", NAME, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("document", LONG_TEXT, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
)


# The data key of a project, made when its first value is encrypted. Projects have no rows of their own.
project_keys = table(
    "project_keys",
    Column("id", ID, primary_key=True),
    Column("org_id", ID, nullable=False),
    Column("project", NAME, nullable=False),
    Column("wrapped_key", LargeBinary(2048), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("org_id", "project"),
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


# Which environments of its organization an update was run with, by the names and versions that its client used. A row of an
# update that was never started means nothing.
update_environments = table(
    "update_environments",
    Column("update_id", ID, primary_key=True),
    Column("project", NAME, primary_key=True),
    Column("name", NAME, primary_key=True),
    Column("version", NAME, primary_key=True),
    Column("stack_id", ID, nullable=False),
    Index("ix_update_environments_name", "project", "name", "stack_id"),
    Index("ix_update_environments_stack_id", "stack_id"),
)


# `token_id` is the access token that began the update: its lease ends with it. `attempts` counts how often a process has begun
# to put the update's state together; while that is done, no further attempt is counted before `lease_expires_at`. `packages` are
# those that the version's state uses, as JSON; NULL: the same as of the version before. `state_deleted_at`: the retention
# policy of the organization did not keep the version, so it has no state, journal and log any more.
# `integrity_error`: the first rule of Pulumi's engine that the state breaks; NULL also for versions older than the column.
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
    Column("packages", LONG_TEXT, nullable=True),
    Column("token_id", ID, nullable=True),
    Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
    Column("state_deleted_at", BigInteger, nullable=True),
    Column("integrity_error", LONG_TEXT, nullable=True),
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
    Index("ix_journal_batches_update_id", "update_id", "total_bytes"),
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
    Index("ix_event_batches_update_id", "update_id", "total_bytes"),
)
