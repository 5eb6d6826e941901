"""Runs a golden case and compares it with what upstream's evaluator answers (esc.md 6.1, 6.2)."""

import json
from pathlib import Path
from typing import Any, cast

from common.environments.language import evaluate
from common.environments.language.environment import EscValue, to_wire
from common.environments.language.evaluate import Evaluation
from common.environments.language.interfaces import World
from common.environments.language.projection import to_plain
from common.environments.language.syntax import path as paths
from common.environments.language.syntax.diagnostic import Diagnostic
from tests.environments.language.providers import CONTEXT, Loader, Providers, Rot128
from tests.reporting import missing_tool

COMPLETE = Path(__file__).parents[4] / "shared" / "esc-goldens"


class Num(str):
    """A number, by its text."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Num) and str(self) == str(other)

    __hash__ = str.__hash__


def require_complete() -> Path:
    """Return the folder of the cases; skips, or fails on a build machine, where it is not there."""
    if not COMPLETE.is_dir():
        missing_tool("the golden cases of environments are not laid beside this checkout (../shared/esc-goldens)")
    return COMPLETE


def names() -> list[str]:
    """Return the names of the cases; empty where they are not there."""
    return sorted(folder.name for folder in COMPLETE.iterdir() if folder.is_dir()) if COMPLETE.is_dir() else []


def expected(folder: Path) -> Any:
    """Return what upstream answers, in one form for what older versions leave out."""
    return normal(parse((folder / "expected.json").read_bytes()))


def actual(folder: Path) -> dict[str, Any]:
    """Return what this evaluator answers, in the same form."""
    overrides = json.loads((folder / "overrides.json").read_text()) if (folder / "overrides.json").exists() else {}
    name = overrides.get("rootEnvironment") or folder.name
    world = world_of(folder)
    definition, diagnostics = evaluate.load(name, (folder / "env.yaml").read_bytes())
    answers: dict[str, Any] = {"loadDiags": [wire_diagnostic(one) for one in diagnostics]}
    shows_secrets = overrides.get("showSecrets", False)
    checked = evaluate.check(definition, world, Rot128(), shows_secrets=shows_secrets)
    opened = evaluate.open_environment(definition, world, Rot128())
    add(answers, "check", checked, checkJson=True)
    add(answers, "eval", opened, evalJsonRedacted=True, evalJSONRevealed=False)
    if overrides.get("rotate"):
        selected = [paths.parse(path) for path in overrides.get("rotatePaths") or []]
        rotated = evaluate.rotate(definition, world, Rot128(), selected)
        add(answers, "rotate", rotated, rotateJson=True)
        answers["rotatePatches"] = [
            {"DocPath": rotation.patch.path, "Replacement": parse(to_wire(rotation.patch.replacement))}
            for rotation in rotated.rotations
            if rotation.patch is not None
        ]
    return cast("dict[str, Any]", normal(answers))


def world_of(folder: Path) -> World:
    """Return the world of a case: the other documents of its folder."""
    texts: dict[str, str | bytes] = {
        str(path.relative_to(folder))[: -len(".yaml")]: path.read_bytes() for path in folder.rglob("*.yaml")
    }
    missing = f"open testdata/eval/{folder.name}/{{name}}.yaml: no such file or directory"
    return World(Loader(texts, missing), Providers(), CONTEXT)


def add(answers: dict[str, Any], name: str, evaluation: Evaluation, **projections: bool) -> None:
    """Add the parts of one evaluation."""
    answers[f"{name}Diags"] = [wire_diagnostic(one) for one in evaluation.diagnostics]
    if evaluation.environment is None:
        return
    answers[name] = parse(to_wire(evaluation.environment))
    for key, is_redacted in projections.items():
        whole = EscValue(evaluation.environment.properties or {})
        answers[key] = parse(to_wire(to_plain(whole, is_redacted=is_redacted)))


def wire_diagnostic(diagnostic: Diagnostic) -> dict[str, Any]:
    """Return a diagnostic as upstream's evaluator keeps it."""
    place = diagnostic.range
    subject = place and {
        "Filename": place.environment,
        "Start": {"Line": Num(place.begin.line), "Column": Num(place.begin.column), "Byte": Num(place.begin.byte)},
        "End": {"Line": Num(place.end.line), "Column": Num(place.end.column), "Byte": Num(place.end.byte)},
    }
    return {
        "Severity": Num(1 if diagnostic.severity == "error" else 2),
        "Summary": diagnostic.summary,
        "Detail": "",
        "Subject": subject,
        "Context": None,
        "Expression": None,
        "EvalContext": None,
        "Extra": None,
        "Path": diagnostic.path,
    }


def parse(text: bytes) -> Any:
    """Return JSON in which numbers are texts."""
    return json.loads(text, parse_int=Num, parse_float=Num)


def normal(value: Any, key: str = "") -> Any:
    """Return JSON in one form: with the members that older versions leave out, and diagnostics and patches in order."""
    if isinstance(value, dict):
        members = {name: normal(member, name) for name, member in value.items()}
        if {"begin", "end"} <= members.keys():
            members.setdefault("environment", "")
        if "trace" in members:
            members.setdefault("value", None)
        if not key:
            members = {name: member for name, member in members.items() if member not in (None, [])}
        return members
    if isinstance(value, list):
        elements = [normal(element, key or "element") for element in value]
        if key.endswith("Diags") or key == "rotatePatches":
            return sorted(elements, key=lambda element: json.dumps(element, sort_keys=True))
        return elements
    return value


def assert_complete(part: Any) -> None:
    """Fail unless every range names its environment and every value says where it is defined."""
    if isinstance(part, list):
        for element in part:
            assert_complete(element)
    if isinstance(part, dict):
        assert not {"begin", "end"} <= part.keys() or isinstance(part.get("environment"), str)
        assert "trace" not in part or ("value" in part and "def" in part["trace"])
        for member in part.values():
            assert_complete(member)
