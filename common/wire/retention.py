"""The retention policy of an organization: our own addition to the API."""

from typing import Literal

import msgspec

# The end of the message about the state of a version that was not kept. An export to a DIY backend looks for it.
DELETED = "was deleted by the retention policy"


class RetentionPolicy(msgspec.Struct, rename="camel"):
    """What is kept of the versions of states: all, the `count` newest ones, or those of `count` days; 0 for all."""

    keep: Literal["all", "versions", "days"]
    count: int = 0


class RetentionPreview(msgspec.Struct, rename="camel"):
    """What a policy would delete now; `sizeBytes` is an estimate from the sizes of some states, if `isEstimate`."""

    keep: str
    count: int
    versions: int
    stacks: int
    size_bytes: int
    is_estimate: bool
