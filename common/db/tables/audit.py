"""The audit log: who did what to an organization. Rows are only ever added, and name things as they were called then."""

from sqlalchemy import BigInteger, Column, Index, String

from common.db.tables.schema import ID, NAME, table

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
    Index("ix_audit_events_org_id", "org_id", "recorded_at", "id"),
    Index("ix_audit_events_user_id", "org_id", "user_id", "recorded_at", "id"),
)
