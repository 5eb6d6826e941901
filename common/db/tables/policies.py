"""Tables of policy packs and of the groups that apply them to stacks."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, UniqueConstraint

from common.db.tables.schema import BLOB_KEY, ID, LONG_TEXT, NAME, table

# A version that was published without a tag has its number for one. `live_tag` is the tag of a complete version that is not
# deleted, else NULL. A deleted version keeps its row: its number is not used again, and `digest` says which content its tag may
# have when it is published again. `details` is the client's request. `blob_key` is NULL once the archive is deleted.
policy_pack_versions = table(
    "policy_pack_versions",
    Column("id", ID, primary_key=True),
    Column("org_id", ID, nullable=False),
    Column("name", NAME, nullable=False),
    Column("version", Integer, nullable=False),
    Column("tag", NAME, nullable=False),
    Column("live_tag", NAME, nullable=True),
    Column("display_name", String(255), nullable=False),
    Column("details", LONG_TEXT, nullable=False),
    Column("blob_key", BLOB_KEY, nullable=True),
    Column("digest", String(64), nullable=True),
    Column("created_by", ID, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("completed_at", BigInteger, nullable=True),
    Column("deleted_at", BigInteger, nullable=True),
    UniqueConstraint("org_id", "name", "version"),
    UniqueConstraint("org_id", "name", "live_tag", name="uq_policy_pack_versions_live_tag"),
    Index("ix_policy_pack_versions_deleted_at", "deleted_at"),
    Index("ix_policy_pack_versions_completed_at", "completed_at", "created_at"),
)


# The default group has a row only after its first change. Rules are conditions over tags, as the client sent them.
policy_groups = table(
    "policy_groups",
    Column("id", ID, primary_key=True),
    Column("org_id", ID, nullable=False),
    Column("name", NAME, nullable=False),
    Column("entity_type", String(16), nullable=False),
    Column("mode", String(16), nullable=False),
    Column("agent_pool_id", NAME, nullable=True),
    Column("stack_rule", LONG_TEXT, nullable=True),
    Column("account_rule", LONG_TEXT, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("org_id", "name"),
)


policy_group_stacks = table(
    "policy_group_stacks",
    Column("group_id", ID, primary_key=True),
    Column("stack_id", ID, primary_key=True),
    Index("ix_policy_group_stacks_stack_id", "stack_id", "group_id"),
)


# One version of a pack for each group. `config` and `environments` are JSON text.
policy_group_packs = table(
    "policy_group_packs",
    Column("group_id", ID, primary_key=True),
    Column("pack_name", NAME, primary_key=True),
    Column("version_id", ID, nullable=False),
    Column("config", LONG_TEXT, nullable=True),
    Column("environments", LONG_TEXT, nullable=True),
    Index("ix_policy_group_packs_version_id", "version_id"),
)


# One row for each violation of a policy by a resource of a stack; a policy for whole stacks has an empty `resource_urn`. `digest`
# is that of pack, policy and resource, since an index on their texts would be too long.
policy_issues = table(
    "policy_issues",
    Column("id", ID, primary_key=True),
    Column("org_id", ID, nullable=False),
    Column("stack_id", ID, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("pack_name", NAME, nullable=False),
    Column("pack_tag", NAME, nullable=False),
    Column("policy_name", String(255), nullable=False),
    Column("resource_urn", LONG_TEXT, nullable=False),
    Column("resource_type", String(255), nullable=False),
    Column("resource_name", String(255), nullable=False),
    Column("message", LONG_TEXT, nullable=False),
    Column("level", String(20), nullable=False),
    Column("severity", String(20), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("group_name", NAME, nullable=False),
    Column("status", String(20), nullable=False),
    Column("priority", String(4), nullable=False),
    Column("assigned_to", ID, nullable=True),
    Column("stack_version", Integer, nullable=False),
    Column("observed_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    UniqueConstraint("stack_id", "digest"),
    Index("ix_policy_issues_org_id", "org_id", "status", "observed_at"),
)


# How many resources of a stack a policy looked at in the last update that ran it, and how many failed.
policy_results = table(
    "policy_results",
    Column("stack_id", ID, primary_key=True),
    Column("pack_name", NAME, primary_key=True),
    Column("policy_name", String(255), primary_key=True),
    Column("org_id", ID, nullable=False),
    Column("pack_tag", NAME, nullable=False),
    Column("severity", String(20), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("group_name", NAME, nullable=False),
    Column("governed", Integer, nullable=False),
    Column("failing", Integer, nullable=False),
    Column("stack_version", Integer, nullable=False),
    Column("observed_at", BigInteger, nullable=False),
    Index("ix_policy_results_org_id", "org_id"),
)


# `matches` is the JSON text of the policies and resources that an exception is for. A removed one keeps its row and number.
policy_exceptions = table(
    "policy_exceptions",
    Column("id", ID, primary_key=True),
    Column("org_id", ID, nullable=False),
    Column("number", Integer, nullable=False),
    Column("pack_name", NAME, nullable=False),
    Column("matches", LONG_TEXT, nullable=False),
    Column("reason", LONG_TEXT, nullable=False),
    Column("expires_at", BigInteger, nullable=True),
    Column("created_by", ID, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("removed_by", ID, nullable=True),
    Column("removed_at", BigInteger, nullable=True),
    UniqueConstraint("org_id", "number"),
    Index("ix_policy_exceptions_pack_name", "org_id", "pack_name"),
)
