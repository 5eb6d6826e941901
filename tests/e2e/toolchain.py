"""Finds the command-line tools that the tests drive, and builds what is missing from the Go module proxy.

Every tool has a go.mod of its own under `tools/`, whose go.sum pins every byte. Binaries live outside the repository, in a
cache keyed by version. A tool is never downloaded as a binary.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.client_versions import CLI_VERSIONS, YAML_HOST_VERSION

TOOLS = Path(__file__).parent / "tools"
# The version of a CLI that was not built here: whatever `pulumi` on PATH is.
ON_PATH = "path"
# A first build on two busy cores with cold caches was measured at 6.5 minutes; several may wait for one another.
BUILD_LIMIT_SECONDS = 40 * 60
VERSIONS_SETTING = "STACKHOLD_E2E_VERSIONS"


class ToolUnavailableError(Exception):
    """A tool is neither built, nor can it be built here, nor is it on PATH."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One command of one Go module, at one version."""

    name: str
    version: str
    folder: str
    package: str
    # The Go variable that holds the version; without it the CLI tells the server none in its User-Agent.
    version_variable: str | None = None

    @property
    def path(self) -> Path:
        """Where the built command is kept."""
        return cache_folder() / "bin" / f"{self.name}-{self.version}"


@dataclass(frozen=True, slots=True)
class Toolset:
    """The commands that one CLI version needs."""

    version: str
    pulumi: Path
    language_yaml: Path


def pulumi_tool(version: str) -> Tool:
    """The `pulumi` command at `version`."""
    return Tool(
        "pulumi",
        version,
        f"pulumi-{version}",
        "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version",
    )


YAML_HOST = Tool("pulumi-language-yaml", YAML_HOST_VERSION, "yaml", "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml")


def cache_folder() -> Path:
    """Where binaries are kept between runs."""
    return Path(os.environ.get("STACKHOLD_CACHE") or Path.home() / ".cache" / "stackhold")


def versions_to_test() -> tuple[str, ...]:
    """The CLI versions of this run: those asked for, or `pulumi` on PATH where nothing can be built."""
    wanted = os.environ.get(VERSIONS_SETTING, "all")
    chosen = CLI_VERSIONS if wanted == "all" else tuple(version.strip() for version in wanted.split(","))
    if shutil.which("go") is None and not any(pulumi_tool(version).path.exists() for version in chosen):
        return (ON_PATH,)
    return chosen


def toolset(version: str) -> Toolset:
    """The commands for a CLI version, built if they have to be. Raises ToolUnavailableError."""
    if version == ON_PATH:
        pulumi = _on_path("pulumi")
        return Toolset(_version_of(pulumi), pulumi, _on_path("pulumi-language-yaml"))
    if version not in CLI_VERSIONS:
        raise ToolUnavailableError(f"CLI {version} has no folder in tests/e2e/tools; known: {', '.join(CLI_VERSIONS)}")
    return Toolset(version, _built(pulumi_tool(version)), _built(YAML_HOST))


def _on_path(name: str) -> Path:
    found = shutil.which(name)
    if found is None:
        raise ToolUnavailableError(f"the end-to-end tests need Go, to build the CLI, or `{name}` on PATH: neither is here")
    return Path(found)


def _version_of(pulumi: Path) -> str:
    said = subprocess.run([str(pulumi), "version"], capture_output=True, text=True, timeout=60, check=True).stdout
    number = re.search(r"\d+\.\d+\.\d+", said)
    if number is None:
        raise ToolUnavailableError(f"`{pulumi} version` says {said.strip()!r}, which is no version")
    return number[0]


def _built(tool: Tool) -> Path:
    if tool.path.exists():
        return tool.path
    if shutil.which("go") is None:
        raise ToolUnavailableError(f"{tool.name} {tool.version} is not built, and there is no Go to build it")
    with _building():
        if not tool.path.exists():
            _build(tool)
    return tool.path


@contextmanager
def _building() -> Iterator[None]:
    """Lets one process at a time build: parallel test workers need the same tools, and one build fills the machine."""
    folder = cache_folder() / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".building").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(tool: Tool) -> None:
    """Build beside the final place and rename, so that a broken-off build never looks like a finished one."""
    unfinished = tool.path.with_name(f".{tool.path.name}.{os.getpid()}")
    flags = "-s -w" + (f" -X {tool.version_variable}=v{tool.version}" if tool.version_variable else "")
    command = ["go", "-C", str(TOOLS / tool.folder), "build", "-trimpath", "-ldflags", flags, "-o", str(unfinished), tool.package]
    try:
        built = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_LIMIT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise ToolUnavailableError(f"building {tool.name} {tool.version} took over {BUILD_LIMIT_SECONDS} s") from None
    if built.returncode:
        raise ToolUnavailableError(f"building {tool.name} {tool.version} failed:\n{built.stderr[-2000:]}")
    unfinished.rename(tool.path)
