"""What is different between two versions of a stack, or of two stacks: our own addition to the API."""

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


class StateComparison(msgspec.Struct, rename="camel"):
    """What is different in `after`, seen from `before`; `counts` has the number of resources of each change."""

    before: ComparedVersion
    after: ComparedVersion
    counts: dict[str, int]
    unchanged: int
    resources: list[ResourceDifference]
    config: list[PropertyDifference]
