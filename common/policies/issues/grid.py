"""Filters and orders of the list of issues, as grids of consoles and the command line send them. No I/O."""

from dataclasses import dataclass

from common.core.errors import BadRequest

# Columns that can be filtered and sorted by, as the wire calls them.
COLUMNS = frozenset(
    {
        "severity",
        "priority",
        "status",
        "policyPack",
        "policyPackTag",
        "policyName",
        "policyGroupName",
        "policyGroupType",
        "kind",
        "level",
        "message",
        "resourceType",
        "resourceName",
        "resourceURN",
        "assignedTo",
        "entityType",
        "entityProject",
        "entityId",
        "stackVersion",
        "observedAt",
        "lastModified",
    }
)
OPERATORS = frozenset({"equals", "notEqual", "contains", "notContains", "startsWith", "endsWith", "blank", "notBlank"})
DEPTH_LIMIT = 20
SORTING_LIMIT = 10
_CONDITION_LIMIT = 500
_PATTERN_OPERATORS = OPERATORS - {"equals", "notEqual"}
_PATTERN_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True)
class Leaf:
    """A comparison of one column with a text."""

    column: str
    operator: str
    text: str


@dataclass(frozen=True, slots=True)
class Group:
    """Several conditions, of which all must hold, or any."""

    is_any: bool
    conditions: "tuple[Condition, ...]"


Condition = Leaf | Group


@dataclass(frozen=True, slots=True)
class Sorting:
    """The order by one column."""

    column: str
    is_descending: bool


def require_column(name: str) -> str:
    """Return a column's name; BadRequest for an unknown one."""
    if name not in COLUMNS:
        raise BadRequest(f"unknown column {name[:60]!a}; known are {', '.join(sorted(COLUMNS))}")
    return name


def leaf(column: str, operator: str, text: str) -> Leaf:
    """Return a comparison; BadRequest for an unknown column or operator, and for a long part of a text."""
    if operator not in OPERATORS:
        raise BadRequest(f"unknown filter {operator[:60]!a}; known are {', '.join(sorted(OPERATORS))}")
    if operator in _PATTERN_OPERATORS and len(text) > _PATTERN_CHARACTERS:
        raise BadRequest(f"a part of a text to filter by may have at most {_PATTERN_CHARACTERS:,} characters")
    return Leaf(require_column(column), operator, text)


def require_size(condition: Condition) -> None:
    """Raise BadRequest for a filter of too many conditions."""
    if _count(condition) > _CONDITION_LIMIT:
        raise BadRequest(f"a filter may have at most {_CONDITION_LIMIT} conditions")


def _count(condition: Condition) -> int:
    return 1 + (sum(map(_count, condition.conditions)) if isinstance(condition, Group) else 0)
