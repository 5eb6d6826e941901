"""The audit log: who did what to an organization. Rows are only ever added, and name things as they were called then.

The records of an organization form a hash chain (common/audit/chain.py); `audit_heads` has its newest link. Records from before
the chain have no sequence and no hash.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, text

from common.db.tables.schema import ID, LONG_TEXT, NAME, table

audit_events = table(
    "audit_events",
    Column("id", ID, primary_key=True),
    Column("org_id", ID, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("event", String(64), nullable=False),
    Column("description", String(2048), nullable=False),
    Column("user_id", ID, nullable=False),
    Column("login", NAME, nullable=False),
    Column("token_id", ID, nullable=True),
    Column("token_name", String(255), nullable=False),
    Column("source_ip", String(45), nullable=False),
    Column("sequence", BigInteger, nullable=True),
    Column("hash", String(64), nullable=True),
    Index("ix_audit_events_org_id", "org_id", "recorded_at", "id"),
    Index("ix_audit_events_user_id", "org_id", "user_id", "recorded_at", "id"),
    Index("ix_audit_events_sequence", "org_id", "sequence", unique=True),
)

audit_heads = table(
    "audit_heads",
    Column("org_id", ID, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
    # The sequence of the newest head that was signed.
    Column("signed_sequence", BigInteger, nullable=False),
    # The sequence up to which records were copied to DynamoDB.
    Column("copied_sequence", BigInteger, nullable=True),
    # Time and id of the last record from before the chain that was copied; they are copied first.
    Column("copied_unchained_at", BigInteger, nullable=True),
    Column("copied_unchained_id", ID, nullable=True),
)

# An export of a log that is larger than one reply of a function: what it has, how far it came, and its parts in the object store.
audit_downloads = table(
    "audit_downloads",
    Column("id", ID, primary_key=True),
    Column("org_id", ID, nullable=False),
    Column("user_id", ID, nullable=False),
    Column("query", LONG_TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("claimed_until", BigInteger, nullable=False),
    Column("parts", Integer, nullable=False),
    # Time and id of the last entry of these parts.
    Column("last_at", BigInteger, nullable=True),
    Column("last_id", ID, nullable=True),
    Column("is_complete", Boolean, nullable=False),
    Column("is_fetched", Boolean, nullable=False),
    Index("ix_audit_downloads_created_at", "created_at"),
    Index("ix_audit_downloads_user_id", "user_id", "created_at"),
)

# Where an organization exports its log every hour. `destination` is JSON without the secret. Times are unix milliseconds:
# `next_hour` is the beginning of the hour that is exported next, `due_at` when that is tried. `result` is empty after a success.
audit_exports = table(
    "audit_exports",
    Column("org_id", ID, primary_key=True),
    Column("is_enabled", Boolean, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("destination", LONG_TEXT, nullable=False),
    Column("sealed_secret", LargeBinary(4096), nullable=True),
    Column("next_hour", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    # How many objects of that hour were written, and what finds the last record in them, empty before the first.
    Column("parts", Integer, nullable=False, server_default=text("0")),
    Column("last_record", String(64), nullable=False, server_default=text("''")),
    Column("result_at", BigInteger, nullable=True),
    Column("result", String(1024), nullable=False),
    Index("ix_audit_exports_due_at", "is_enabled", "due_at"),
)
