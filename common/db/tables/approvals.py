"""Tables of change gates and change requests: what needs approvals, and what was proposed, approved and applied."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String

from common.db.tables.schema import ID, LONG_BLOB, LONG_TEXT, NAME, table

# A target is named, as `project/name` of an environment: the gate is also for one that is created anew under the name. An empty
# name stands for all targets of the type. `actions` are words with commas between them, `approvers` is JSON.
change_gates = table(
    "change_gates",
    Column("id", ID, primary_key=True),
    Column("org_id", ID, nullable=False),
    Column("name", NAME, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("entity_type", String(32), nullable=False),
    Column("qualified_name", String(255), nullable=False),
    Column("actions", String(64), nullable=False),
    Column("approvals_required", Integer, nullable=False),
    Column("allows_self_approval", Boolean, nullable=False),
    Column("requires_reapproval", Boolean, nullable=False),
    Column("approvers", LONG_TEXT, nullable=False),
    Column("created_by", ID, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    Index("ix_change_gates_org_id", "org_id", "entity_type", "qualified_name"),
)


# `latest` is the number of the newest revision, from 0. A writer locks this row, so that approvals are counted one after another.
change_requests = table(
    "change_requests",
    Column("id", ID, primary_key=True),
    Column("org_id", ID, nullable=False),
    Column("entity_type", String(32), nullable=False),
    Column("qualified_name", String(255), nullable=False),
    Column("target_id", ID, nullable=False),
    Column("action", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("description", LONG_TEXT, nullable=False),
    Column("latest", Integer, nullable=False),
    Column("created_by", ID, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    Index("ix_change_requests_org_id", "org_id", "id"),
    Index("ix_change_requests_target_id", "target_id", "status"),
    Index("ix_change_requests_status", "status", "modified_at"),
)


# What is proposed, in the form of its kind of target: the text of a draft, with its secrets encrypted. `base` is the revision of
# the target that the proposal was made for.
change_request_revisions = table(
    "change_request_revisions",
    Column("change_request_id", ID, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("base", Integer, nullable=True),
    Column("content", LONG_BLOB, nullable=False),
    Column("created_by", ID, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)


# One row for each user who approves, with the revision that they looked at last.
change_request_approvals = table(
    "change_request_approvals",
    Column("change_request_id", ID, primary_key=True),
    Column("user_id", ID, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)


# `details` is JSON. `replaced_by` names the event that makes this one out of date: clients hide it.
change_request_events = table(
    "change_request_events",
    Column("change_request_id", ID, primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("id", ID, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("user_id", ID, nullable=False),
    Column("comment", LONG_TEXT, nullable=False),
    Column("details", LONG_TEXT, nullable=False),
    Column("replaced_by", ID, nullable=True),
    Column("created_at", BigInteger, nullable=False),
)


# Who may open an environment for a limited time, by an open request that was applied. `expires_at` is until when it must be used
# for the first time; from then on, `opened_at`, it lasts `access_seconds`.
environment_open_grants = table(
    "environment_open_grants",
    Column("change_request_id", ID, primary_key=True),
    Column("environment_id", ID, nullable=False),
    Column("user_id", ID, nullable=False),
    Column("access_seconds", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("opened_at", BigInteger, nullable=True),
    Index("ix_environment_open_grants_environment_id", "environment_id", "user_id"),
)
