"""Projects that the tests deploy, and the state that an update leaves.

A program is YAML (written as JSON, which is YAML) made of parts of the test provider and of `pulumi:index:Stash`,
which is built into the engine.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.cli import Cli, Result, Running

PART = "brittle:index:Part"
STASH = "pulumi:index:Stash"
STACK_TYPE = "pulumi:pulumi:Stack"
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
WAIT_LIMIT_SECONDS = 60.0
POLL_SECONDS = 0.02

Json = Any
UP = ("up", "--yes", "--skip-preview")
REFRESH = ("refresh", "--yes", "--skip-preview")
DESTROY = ("destroy", "--yes", "--skip-preview")


def part(*, after: str | None = None, protect: bool = False, **wishes: str) -> Json:
    """A resource of the test provider; `wishes` are its inputs, `after` a resource it depends on."""
    return _resource(PART, wishes, after=after, protect=protect)


def stash(value: Json, *, after: str | None = None, protect: bool = False) -> Json:
    """A resource that only keeps a value."""
    return _resource(STASH, {"input": value}, after=after, protect=protect)


def secret(value: Json) -> Json:
    """An expression whose value is secret."""
    return {"fn::secret": value}


def _resource(kind: str, properties: Mapping[str, Json], *, after: str | None, protect: bool) -> Json:
    options: dict[str, Json] = {}
    if after:
        options["dependsOn"] = [f"${{{after}}}"]
    if protect:
        options["protect"] = True
    return {"type": kind, "properties": dict(properties), "options": options}


def chain(names: Sequence[str]) -> dict[str, Json]:
    """Parts that depend each on the one before."""
    before = (None, *names)
    return {name: part(value=name, after=after) for after, name in zip(before, names, strict=False)}


@dataclass(frozen=True, slots=True)
class State:
    """An exported deployment."""

    document: Json

    @property
    def resources(self) -> list[Json]:
        """All resources, in the order of the file."""
        return self.document["deployment"].get("resources") or []

    @property
    def names(self) -> list[str]:
        """Names of the program's own resources, sorted; one that waits for its deletion ends with " (delete)"."""
        return sorted(
            _name(resource["urn"]) + (" (delete)" if resource.get("delete") else "")
            for resource in self.resources
            if resource["type"] in (PART, STASH)
        )

    @property
    def pending(self) -> list[tuple[str, str]]:
        """Operations that were begun and not ended: [("creating", "a")]."""
        operations = self.document["deployment"].get("pending_operations") or []
        return sorted((operation["type"], _name(operation["resource"]["urn"])) for operation in operations)

    @property
    def secrets_provider(self) -> Json:
        """What encrypts the secrets in this state."""
        return self.document["deployment"].get("secrets_providers") or {}

    @property
    def outputs(self) -> Json:
        """The stack's outputs, secrets as they are kept."""
        return next((r.get("outputs", {}) for r in self.resources if r["type"] == STACK_TYPE), {})

    def named(self, name: str) -> Json:
        """The one live resource of that name."""
        (found,) = [r for r in self.resources if _name(r["urn"]) == name and not r.get("delete")]
        return found


def _name(urn: str) -> str:
    return urn.split("::", 3)[3]


def is_encrypted(value: Json) -> bool:
    """Whether a value of a state is a secret kept as ciphertext only."""
    return isinstance(value, dict) and value.get(SIGNATURE) == SECRET and "ciphertext" in value and "plaintext" not in value


class Project:
    """A folder with a program, and the stack that is selected in it."""

    def __init__(self, cli: Cli, folder: Path, name: str) -> None:
        self.cli, self.folder, self.name = cli, folder, name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "Pulumi.yaml").write_text(json.dumps({"name": name, "runtime": "yaml"}), encoding="utf-8")
        self.write({})

    def stack(self, name: str = "dev", project: str | None = None) -> str:
        """The full name of a stack of this project."""
        return f"{self.cli.server.org}/{project or self.name}/{name}"

    def urn(self, name: str, kind: str = PART, stack: str = "dev") -> str:
        """The URN of a resource without parent of the program's own."""
        return f"urn:pulumi:{stack}::{self.name}::{kind}::{name}"

    def write(self, resources: Mapping[str, Json], outputs: Mapping[str, Json] | None = None, **sections: Json) -> None:
        """Replace the program."""
        program = {"resources": dict(resources), "outputs": dict(outputs or {}), **sections}
        (self.folder / "Main.yaml").write_text(json.dumps(program), encoding="utf-8")

    def init(self, stack: str = "dev", *args: str) -> Result:
        """Create a stack and select it."""
        return self.run("stack", "init", self.stack(stack), *args)

    def run(self, *args: str, ok: bool | None = True, env: Mapping[str, str | None] | None = None, typed: str = "") -> Result:
        """Run a command in the project's folder."""
        return self.cli.run(args, self.folder, ok=ok, env=env, typed=typed)

    def start(self, *args: str, env: Mapping[str, str | None] | None = None) -> Running:
        """Start a command in the project's folder."""
        return self.cli.start(args, self.folder, env=env)

    def export(self, *args: str) -> State:
        """The state as `pulumi stack export` prints it."""
        return State(self.run("stack", "export", *args).json())

    def history(self, *args: str) -> list[Json]:
        """The updates, newest first."""
        found: list[Json] = self.run("stack", "history", "--json", *args).json()
        return found

    def file(self, name: str) -> Path:
        """A path in the project's folder."""
        return self.folder / name

    def held(self, running: Running, hold: str) -> None:
        """Wait until a part of the running update waits at the file `hold`."""
        reached = self.file(hold + ".reached")
        deadline = time.monotonic() + WAIT_LIMIT_SECONDS
        while not reached.exists():
            if not running.is_running:
                raise AssertionError(f"the update ended before it came to {hold}\n{running.wait().text}")
            if time.monotonic() > deadline:
                raise AssertionError(f"the update did not come to {hold} in {WAIT_LIMIT_SECONDS} s")
            time.sleep(POLL_SECONDS)
        reached.unlink()


# Makes an empty project with a name of its own, for the CLI under test unless another is named.
ProjectFactory = Callable[..., Project]
