"""The kinds of things that change gates protect: the table in which each has its adapter."""

from collections.abc import Mapping

from common.approvals.targets import TargetKind
from common.environments.change_target import EnvironmentKind

_KINDS: tuple[TargetKind, ...] = (EnvironmentKind(),)
KINDS: Mapping[str, TargetKind] = {kind.entity_type: kind for kind in _KINDS}
