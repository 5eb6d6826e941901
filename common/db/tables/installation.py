"""Tables of the installation itself: its keys, its jobs, what its first start made."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String

from common.db.tables.schema import BLOB_KEY, ID, table

# What starts have made, so that no later one makes it again once an administrator has taken it away: `admin`, `org ` and its
# login, `token ` and its hash. A backup that is being restored is noted here too.
bootstrap_items = table(
    "bootstrap_items",
    Column("item", String(110), primary_key=True),
    Column("created_at", BigInteger, nullable=False),
)


# Keys of the service itself, wrapped by the configured key service: the one that signs leases, and a probe.
service_keys = table(
    "service_keys",
    Column("name", String(64), primary_key=True),
    Column("wrapped_key", LargeBinary(2048), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)


# Data keys that a stack, a project or an environment (`owner_id`) had before: they open what was encrypted with them.
retired_keys = table(
    "retired_keys",
    Column("id", ID, primary_key=True),
    Column("owner_id", ID, nullable=False),
    Column("wrapped_key", LargeBinary(2048), nullable=False),
    Column("retired_at", BigInteger, nullable=False),
    Index("ix_retired_keys_owner_id", "owner_id", "retired_at"),
)


# Keys of the issuers of identity tokens: the public one is a JSON Web Key, the private one is encrypted.
oidc_signing_keys = table(
    "oidc_signing_keys",
    Column("issuer", String(16), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("kid", String(64), nullable=False),
    Column("public_key", String(1024), nullable=False),
    Column("private_key", LargeBinary(4096), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)


# Each run of `stackhold backup`: where it put the backup, without credentials, and how it ended. `problem` is empty for a good
# one, and NULL until it ends.
backup_runs = table(
    "backup_runs",
    Column("id", ID, primary_key=True),
    Column("began_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=True),
    Column("place", String(255), nullable=False),
    Column("release_version", String(64), nullable=False),
    Column("backup_id", String(32), nullable=True),
    Column("row_count", BigInteger, nullable=True),
    Column("document_count", BigInteger, nullable=True),
    Column("document_bytes", BigInteger, nullable=True),
    Column("copied_bytes", BigInteger, nullable=True),
    Column("missing_count", Integer, nullable=True),
    Column("problem", String(255), nullable=True),
)


jobs = table(
    "jobs",
    Column("name", String(64), primary_key=True),
    Column("due_at", BigInteger, nullable=False),
    Column("claimed_by", ID, nullable=True),
    Column("claimed_until", BigInteger, nullable=True),
    Column("resume_after", BLOB_KEY, nullable=True),
    # The last run: when it ended, how much it did, and what went wrong, empty where nothing did.
    Column("ended_at", BigInteger, nullable=True),
    Column("done", Integer, nullable=True),
    Column("problem", String(255), nullable=True),
)
