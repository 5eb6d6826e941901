"""How the tables of the database refer to each other, for docs/tables.md.

The tables have no foreign keys; what refers to what is in the columns' names: `team_id` holds the id of a team.
"""

from collections.abc import Iterator

from sqlalchemy import MetaData

from common.db.tables.metadata import METADATA

# A column that is not named after its table → the tables that its ids are of, by the column's name without `_id`.
NAMED_OTHERWISE: dict[str, tuple[str, ...]] = {
    "composed": ("roles",),
    "copied_unchained": ("audit_events",),
    "default_org": ("organizations",),
    "group": ("policy_groups",),
    "issuer": ("oidc_issuers",),
    "last": ("audit_events",),
    "managed_stack": ("stacks",),
    "org": ("organizations",),
    "owner": ("users",),
    "personal_user": ("users",),
    "principal": ("teams", "users"),
    "schedule": ("environment_schedules",),
    "set": ("roles",),
    "target": ("environments",),
    "target_key": ("customer_keys",),
    "token": ("access_tokens",),
    "version": ("policy_pack_versions",),
}
# The same for a column of one table.
NAMED_OTHERWISE_IN: dict[tuple[str, str], tuple[str, ...]] = {
    ("retired_keys", "owner_id"): ("environments", "project_keys", "stacks"),
}
# Columns that hold an id which no table of ours has → what it is.
OTHER_IDS = {
    "agent_pool": "a pool of agents, which are not part of this release",
    "backup": "the id of a backup, in the place where that is",
    "external": "the directory's own id",
    "family": "the refresh tokens that were made from one identity token",
    "policy": "the policy of the same row, as the API names it",
    "request": "the request that a SAML response answers",
    "subject": "the invitation that a mail is about",
}
# Nearly every table refers to these, so the diagram leaves them out.
EVERYWHERE = ("organizations", "users")


def relations(metadata: MetaData = METADATA) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return table → column → the tables that the column's ids are of; raises LookupError for a column it does not know."""
    return {
        name: {column.name: targets for column in table.columns if (targets := _targets(metadata, name, column.name))}
        for name, table in sorted(metadata.tables.items())
    }


def diagram() -> Iterator[str]:
    """Yield the lines of a Mermaid diagram: an arrow leads from a table to one that it refers to."""
    yield from ("```mermaid", "flowchart LR")
    for name, columns in relations().items():
        for target in sorted({target for targets in columns.values() for target in targets} - {*EVERYWHERE}):
            yield f"    {name} --> {target}"
    yield "```"


def rows() -> Iterator[str]:
    """Yield a row of a Markdown table for each table of the database."""
    for name, columns in relations().items():
        primary_key = ", ".join(f"`{column.name}`" for column in METADATA.tables[name].primary_key)
        references = ", ".join(f"`{column}` → {' or '.join(targets)}" for column, targets in columns.items())
        yield f"| `{name}` | {primary_key} | {references} |"


def _targets(metadata: MetaData, table: str, column: str) -> tuple[str, ...]:
    noun = column.removesuffix("_id")
    if noun == column or noun in OTHER_IDS:
        return ()
    targets = NAMED_OTHERWISE_IN.get((table, column)) or NAMED_OTHERWISE.get(noun, (f"{noun}s",))
    if unknown := [target for target in targets if target not in metadata.tables]:
        raise LookupError(f"{table}.{column}: there is no table {unknown[0]}; add the column to tools/table_relations.py")
    return targets
