"""How many stacks policy groups have, and which stacks a rule matches.

A rule is a condition over tags, which the database can check. Large rules would be more than a statement can hold, so stacks are
read in batches for them.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import Connection

from common.policies.groups import model, repository
from common.policies.groups.model import Coverage, Group, TaggedStack
from common.rights.membership import StackScope
from common.rights.predicate import ALWAYS
from common.stacks.engine.policy_groups import Mode, matches

BATCH_SIZE = 500
# Characters of all rules of a statement. SQLite takes 1,000 alternatives in a row, and of older builds 32,766 values.
RULES_IN_SQL = 32 * 1024


def count_members(connection: Connection, org_id: str, groups: Sequence[Group]) -> dict[str, int]:
    """Return group name → number of its stacks, for all groups of an organization."""
    if _fit([group.stack_rule for group in groups]):
        return repository.count_members(connection, org_id, groups)
    counts = Counter(dict.fromkeys((group.name for group in groups), 0))
    for batch in _batches(connection, _everything(org_id)):
        explicit = repository.list_explicit(connection, org_id, [stack.id for stack in batch])
        for name, members in model.members_of(groups, explicit, batch).items():
            counts[name] += len(members)
    return counts


def get_coverage(
    connection: Connection, org_id: str, groups: Sequence[Group], with_packs: Collection[str]
) -> dict[str, Coverage]:
    """Return how many stacks and resources groups with packs cover, by mode, in any of them, and how many there are."""
    if _fit([group.stack_rule for group in groups]):
        return repository.get_coverage(connection, org_id, groups, with_packs)
    sums: dict[str, Counter[str]] = {key: Counter() for key in (*Mode, "protected", "total")}
    for batch in _batches(connection, _everything(org_id), with_resources=True):
        explicit = repository.list_explicit(connection, org_id, [stack.id for stack in batch])
        members = model.members_of(groups, explicit, batch)
        covered: dict[str, set[str]] = {mode.value: set() for mode in Mode}
        for group in groups:
            if group.id in with_packs:
                covered[group.mode.value] |= {member.stack.id for member in members[group.name]}
        covered |= {"protected": set().union(*covered.values()), "total": {stack.id for stack in batch}}
        for key, ids in covered.items():
            sums[key] += Counter(stacks=len(ids), resources=sum(stack.resource_count for stack in batch if stack.id in ids))
    return {key: Coverage(some["stacks"], some["resources"]) for key, some in sums.items()}


def count_matching(connection: Connection, scope: StackScope, rule: str) -> tuple[int, int]:
    """Return how many of the stacks that a caller sees match a rule, and how many there are."""
    if _fit([rule]):
        return repository.count_matching(connection, scope, rule)
    answers = [matches(rule, stack.entity) for batch in _batches(connection, scope) for stack in batch]
    return sum(answers), len(answers)


def page_matching(
    connection: Connection, scope: StackScope, rule: str, *, search: str, after: tuple[str, str] | None, limit: int
) -> list[TaggedStack]:
    """Return stacks that a caller sees and that match a rule, with `search` in their names, after a position if there is one."""
    if _fit([rule]):
        return repository.page_matching(connection, scope, rule, search=search, after=after, limit=limit)
    rows: list[TaggedStack] = []
    for batch in _batches(connection, scope, after):
        rows += [
            stack for stack in batch if search.lower() in f"{stack.project}/{stack.name}".lower() and matches(rule, stack.entity)
        ]
        if len(rows) >= limit:
            break
    return rows[:limit]


def _fit(rules: Sequence[str | None]) -> bool:
    return sum(len(rule or "") for rule in rules) <= RULES_IN_SQL


def _batches(
    connection: Connection, scope: StackScope, after: tuple[str, str] | None = None, *, with_resources: bool = False
) -> Iterator[list[TaggedStack]]:
    while batch := repository.page_tagged_stacks(connection, scope, after, BATCH_SIZE, with_resources=with_resources):
        yield batch
        after = batch[-1].project, batch[-1].name


def _everything(org_id: str) -> StackScope:
    return StackScope(org_id, ALWAYS, "")
