"""What a server has acknowledged of one stack, and what its state may hold for that."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

Values = Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class Doubtful:
    """Writes of the same names without an answer: the state has all of one of them, or what was there before."""

    options: tuple[Values, ...]

    def without(self, names: Collection[str]) -> "Doubtful":
        """Return the same writes of the other names alone."""
        return Doubtful(tuple({name: value for name, value in option.items() if name not in names} for option in self.options))


@dataclass(slots=True)
class Ledger:
    """Resources and tags by name with the value that was acknowledged; None stands for a resource that is not there."""

    values: dict[str, int] = field(default_factory=dict)
    doubtful: list[Doubtful] = field(default_factory=list)
    acknowledged: int = 0

    def confirm(self, new: Values) -> None:
        """Add a write that the server acknowledged."""
        self.acknowledged += 1
        # What is left of a write without an answer are the names that this write did not set.
        rest = [write.without(new) for write in self.doubtful]
        self.doubtful = [write for write in rest if write.options[0]]
        self._set(new)

    def doubt(self, new: Values) -> None:
        """Add a write that was sent and has no answer."""
        for place, write in enumerate(self.doubtful):
            if write.options[0].keys() == new.keys():
                self.doubtful[place] = Doubtful((*write.options, new))
                return
        self.doubtful.append(Doubtful(({name: self.values.get(name) for name in new}, new)))

    def compare(self, observed: Mapping[str, int]) -> list[str]:
        """Return how the observed values differ from what was acknowledged, and settle what was doubtful."""
        problems = []
        for write in self.doubtful:
            seen = {name: observed.get(name) for name in write.options[0]}
            if seen not in write.options:
                problems.append(f"half of a write: {seen}, none of {write.options}")
            self._set(seen)
        self.doubtful.clear()
        problems += [
            f"{name} is {observed.get(name)}, but {self.values.get(name)} was acknowledged"
            for name in sorted(self.values.keys() | observed.keys())
            if self.values.get(name) != observed.get(name)
        ]
        self.values = dict(observed)
        return problems

    def _set(self, new: Values) -> None:
        for name, value in new.items():
            if value is None:
                self.values.pop(name, None)
            else:
                self.values[name] = value


def order_of(exported: bytes) -> list[str]:
    """Return the names of the resources in the order of an exported state, the root's too."""
    return [_name(resource) for resource in _resources(exported)]


def values_of(exported: bytes) -> dict[str, int]:
    """Return the resources of an exported state with their values."""
    return {_name(resource): resource["outputs"]["value"] for resource in _resources(exported) if resource["custom"]}


def faults_of(exported: bytes) -> list[str]:
    """Return what no client may find in an exported state, whatever was acknowledged."""
    deployment = json.loads(exported)["deployment"]
    names = order_of(exported)
    faults = [f"{name} is there twice" for name in sorted(set(names)) if names.count(name) > 1]
    if error := (deployment.get("metadata") or {}).get("integrity_error"):
        faults.append(f"the state is marked: {error['error']}")
    return faults


def _resources(exported: bytes) -> list[dict[str, Any]]:
    resources: list[dict[str, Any]] = json.loads(exported)["deployment"].get("resources") or []
    return resources


def _name(resource: Mapping[str, Any]) -> str:
    return str(resource["urn"]).rpartition("::")[2]
