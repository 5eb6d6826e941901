"""Tables of the keys that organizations manage themselves, and of the migrations of data keys to them."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, UniqueConstraint

from common.db.tables.schema import ID, LONG_TEXT, NAME, table

# The settings of the organization name the key that wraps its data keys (the default key). A disabled key wraps nothing new, but
# data keys that a migration has not reached yet still name it.
customer_keys = table(
    "customer_keys",
    Column("id", ID, primary_key=True),
    Column("org_id", ID, nullable=False),
    Column("name", NAME, nullable=False),
    Column("key_arn", String(512), nullable=False),
    Column("role_arn", String(512), nullable=False),
    Column("is_enabled", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("org_id", "name"),
)


# A run that wraps all data keys of an organization by one key, the master key if `target_key_id` is NULL. `began_at` is when the
# key became the default: data keys that requests made before may still be stored after it.
key_migrations = table(
    "key_migrations",
    Column("id", ID, primary_key=True),
    Column("org_id", ID, nullable=False),
    Column("target_key_id", ID, nullable=True),
    Column("state", String(16), nullable=False),
    Column("problem", LONG_TEXT, nullable=False),
    Column("rewrapped", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("began_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=True),
    Index("ix_key_migrations_org_id", "org_id", "created_at"),
)
