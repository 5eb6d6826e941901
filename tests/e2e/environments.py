"""Runs `pulumi env` on environments of a test's own."""

from __future__ import annotations

from tests.e2e.cli import Result
from tests.e2e.project import Project


class Env:
    """The `pulumi env` commands of one command line, on environments of one project of its organization."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.org = project.cli.server.org

    def name(self, short: str) -> str:
        """Return the full name of an environment."""
        return f"{self.org}/{self.project.name}/{short}"

    def run(self, command: str, *args: str, ok: bool | None = True, typed: str = "") -> Result:
        """Run a command of `pulumi env`."""
        return self.project.cli.run(["env", *command.split(), *args], self.project.folder, ok=ok, typed=typed)

    def make(self, short: str, text: str = "") -> str:
        """Make an environment with a definition and return its full name."""
        file = self.project.file(f"{short}.definition.yaml")
        file.write_text(text or "values: {}\n", encoding="utf-8")
        self.run("init", self.name(short), "--file", str(file))
        return self.name(short)
