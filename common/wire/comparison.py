"""Versions of a state compared, and a broken state repaired: our own additions to the API."""

import msgspec


class ComparedVersion(msgspec.Struct, rename="camel"):
    """A version on one side of a comparison; `time` in unix seconds."""

    stack: str
    version: int
    time: int


class PropertyDifference(msgspec.Struct, rename="camel", omit_defaults=True):
    """A property that is different: `change` is added, removed or changed; values are text or JSON, secrets are hidden."""

    path: str
    change: str
    before: str = ""
    after: str = ""


class ResourceDifference(msgspec.Struct, rename="camel", omit_defaults=True):
    """A resource that is different: `change` is added, removed, replaced, moved or changed.

    `moves` names what is different of name, parent, provider and type. `isCut`: more properties are different than are listed.
    """

    change: str
    urn: str
    type: str
    name: str
    former_urn: str = ""
    moves: list[str] = []
    inputs: list[PropertyDifference] = []
    outputs: list[PropertyDifference] = []
    others: list[PropertyDifference] = []
    is_cut: bool = False


class RepairStep(msgspec.Struct, rename="camel"):
    """A step: reorder, drop-reference, remove-duplicate, set-member, or explain, which only says what to decide.

    `urn` is empty for a step on the whole state.
    """

    kind: str
    urn: str
    text: str


class StateRepair(msgspec.Struct, rename="camel"):
    """How the state of a version is repaired: its first error, empty for a sound one, and the first one that remains."""

    version: int
    error: str
    steps: list[RepairStep]
    remaining: str
    is_repairable: bool


class StateComparison(msgspec.Struct, rename="camel"):
    """What is different in `after`, seen from `before`; `counts` has the number of resources of each change."""

    before: ComparedVersion
    after: ComparedVersion
    counts: dict[str, int]
    unchanged: int
    resources: list[ResourceDifference]
    config: list[PropertyDifference]
