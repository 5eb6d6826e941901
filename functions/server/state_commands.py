"""What `stackhold state` does: compares versions of a state, shows, restores, checks and repairs them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from common.core.errors import StartUpError
from common.stacks.comparison.resources import compare_states
from common.stacks.engine import document
from common.stacks.engine.document import BadDocument, StoredResource
from common.wire.comparison import PropertyDifference, ResourceDifference
from functions.server.api_client import ApiClient, stack_path

Report = Callable[[str], object]
_SIGNS = {"added": "+", "removed": "-", "replaced": "±", "moved": "→", "changed": "~"}
_TEXT_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison: a file with an exported state, or a stack with what names a version."""

    stack: str = ""
    reference: str = ""
    file: Path | None = None

    @classmethod
    def parse(cls, text: str) -> "Side":
        """Return what an argument names: a file that exists, or `organization/project/stack@version`."""
        if Path(text).is_file():
            return cls(file=Path(text))
        stack, _, reference = text.partition("@")
        if stack.count("/") != 2:
            raise StartUpError(f"{text[:300]!a} is neither a file nor a stack: write organization/project/stack@version")
        return cls(stack, reference or "latest")


def diff(connect: Callable[[], ApiClient], before: str, after: str, *, as_json: bool, report: Report) -> None:
    """Report what is different between two states; the server compares two of its own, and a file is compared here."""
    sides = Side.parse(before), Side.parse(after)
    if all(side.file is None for side in sides):
        comparison = connect().get(
            f"{stack_path(sides[1].stack)}/compare",
            **{"from": sides[0].reference, "to": sides[1].reference},
            **({"fromStack": sides[0].stack} if sides[0].stack != sides[1].stack else {}),
        )
    else:
        states = compare_states(_resources(connect, sides[0]), _resources(connect, sides[1]))
        comparison = {
            "counts": {str(change): count for change, count in states.counts().items()},
            "unchanged": states.unchanged,
            "resources": msgspec.to_builtins(msgspec.convert(states.resources, list[ResourceDifference], from_attributes=True)),
            "config": [],
        }
    if as_json:
        report(json.dumps(comparison, indent=2, ensure_ascii=False))
    else:
        _report_comparison(comparison, report)


def show(client: ApiClient, stack: str, reference: str, *, report: Report) -> None:
    """Report the state of a version, as `pulumi stack export` writes it."""
    version = _find(client, stack, reference)
    report(client.get_text(f"{stack_path(stack)}/export/{version}"))


def restore(client: ApiClient, stack: str, reference: str, *, confirm: Callable[[str], bool], report: Report) -> bool:
    """Make the state of a version the newest one, after showing what changes; tell whether it was done."""
    version = _find(client, stack, reference)
    comparison = client.get(f"{stack_path(stack)}/compare", **{"from": "latest", "to": str(version)})
    _report_comparison(comparison, report)
    if not confirm(f"Restore version {version} of {stack}?"):
        return False
    client.post(f"{stack_path(stack)}/versions/{version}/restore")
    report(f"The state of version {version} is now the newest of {stack}. Run `pulumi refresh` and `pulumi preview` next.")
    return True


def check(client: ApiClient, stack: str, reference: str, *, report: Report) -> bool:
    """Report whether the state of a version is sound, and how it would be repaired if not; tell whether it is."""
    plan = client.get(f"{stack_path(stack)}/repair", version=reference)
    if not plan["error"]:
        report(f"The state of version {plan['version']} of {stack} is sound.")
        return True
    _report_plan(plan, report)
    return False


def repair(client: ApiClient, stack: str, *, confirm: Callable[[str], bool], report: Report) -> bool:
    """Repair the newest state after showing the steps; tell whether it is sound now."""
    plan = client.get(f"{stack_path(stack)}/repair")
    if not plan["error"]:
        report(f"The state of {stack} is sound: there is nothing to repair.")
        return True
    _report_plan(plan, report)
    if not plan["isRepairable"] or not confirm(f"Repair the state of {stack}?"):
        return False
    client.post(f"{stack_path(stack)}/repair")
    report("The state was repaired, as a new version." if not plan["remaining"] else "A part was repaired, as a new version.")
    return not plan["remaining"]


def _report_plan(plan: dict[str, Any], report: Report) -> None:
    report(f"Version {plan['version']} is broken: {plan['error']}")
    for step in plan["steps"]:
        sign = "!" if step["kind"] == "explain" else "*"
        report(f"{sign} {step['text']}")
        if step["urn"]:
            report(f"    {step['urn']}")
    if plan["remaining"]:
        report("What is marked with ! needs a decision of yours.")


def _find(client: ApiClient, stack: str, reference: str) -> int:
    return int(client.get(f"{stack_path(stack)}/versions/{reference}")["version"])


def _resources(connect: Callable[[], ApiClient], side: Side) -> list[StoredResource]:
    if side.file is None:
        client = connect()
        version = _find(client, side.stack, side.reference)
        text = client.get_text(f"{stack_path(side.stack)}/export/{version}").encode()
    else:
        text = side.file.read_bytes()
    try:
        return list(document.resources(text))
    except BadDocument as error:
        raise StartUpError(f"{side.file or side.stack} is not an exported state: {error}") from error


def _report_comparison(comparison: dict[str, Any], report: Report) -> None:
    for item in msgspec.convert(comparison["resources"], list[ResourceDifference]):
        moved = f" (other {', '.join(item.moves)})" if item.moves else ""
        report(f"{_SIGNS[item.change]} {item.change} {item.type} {item.name}{moved}")
        if item.former_urn:
            report(f"    was {item.former_urn}")
        for part in (item.inputs, item.outputs, item.others):
            _report_properties(part, report)
    config = msgspec.convert(comparison["config"], list[PropertyDifference])
    if config:
        report("Configuration:")
        _report_properties(config, report)
    counts = ", ".join(f"{count:,} {change}" for change, count in comparison["counts"].items())
    report(f"{counts or 'No resource is different'}; {comparison['unchanged']:,} unchanged.")


def _report_properties(items: list[PropertyDifference], report: Report) -> None:
    for item in items:
        values = {"added": _cut(item.after), "removed": _cut(item.before)}
        text = values.get(item.change, f"{_cut(item.before)} => {_cut(item.after)}")
        report(f"    {_SIGNS[item.change]} {item.path}: {text}")


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TEXT_LIMIT else f"{line[:_TEXT_LIMIT]}…"
