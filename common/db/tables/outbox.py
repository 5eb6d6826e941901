"""The outbox: messages to deliver, written in the transaction of their cause."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, UniqueConstraint

from common.db.tables.schema import LONG_TEXT, table

# The database numbers the messages: of two transactions, one after the other, the second has the higher number, whatever the
# clocks of their hosts say. SQLite numbers nothing but the type INTEGER. A process claims a message by moving its `due_at`.
outbox = table(
    "outbox",
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("topic", String(20), nullable=False),
    Column("target", String(100), nullable=False),
    Column("subject", String(100), nullable=False),
    Column("dedupe_key", String(100), nullable=False),
    Column("content", LONG_TEXT, nullable=False),
    Column("state", String(10), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger, nullable=True),
    Column("attempts", Integer, nullable=False),
    Column("problem", String(255), nullable=False),
    UniqueConstraint("topic", "target", "dedupe_key"),
    Index("ix_outbox_due_at", "state", "due_at", "topic", "target"),
    Index("ix_outbox_target", "topic", "target", "state", "due_at"),
    Index("ix_outbox_subject", "topic", "target", "subject", "state", "sequence"),
    Index("ix_outbox_finished_at", "state", "finished_at"),
)
