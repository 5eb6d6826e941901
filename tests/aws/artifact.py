"""Builds the packed artifact for this machine, and finds what runs it: the platform's Python where there is one."""

import fcntl
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.aws.runtime_api import Code
from tests.reporting import missing_tool
from tools import package_aws
from tools.pythons import find_python

ROOT = Path(__file__).parents[2]
MACHINES = {"x86_64": "x86_64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Artifact:
    """The folder that would be sent, the Python that it was compiled for, and the runtime client beside it."""

    folder: Path
    python: Path
    version: str
    runtime: Path

    def code(self, environment: Mapping[str, str]) -> Code:
        """Return the artifact with the variables of a function."""
        return Code(
            self.folder, self.python, self.runtime, {"AWS_EXECUTION_ENV": f"AWS_Lambda_python{self.version}", **environment}
        )


def artifact(shared: Path, telemetry: str = "") -> Artifact:
    """Return the artifact, built once for all processes of a test run that have the folder in common.

    `telemetry` is what it has to send traces with, as `tools.package_aws --with` takes it.
    """
    machine = MACHINES.get(platform.machine())
    if sys.platform != "linux" or machine is None:
        missing_tool(f"the Lambda artifact runs on Linux, not on {sys.platform} {platform.machine()}")
    version, python = _target()
    made = Artifact(shared / "artifact", python, version, shared / "runtime")
    with (shared / "artifact.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.runtime.exists():
            package_aws.build(made.folder, python, architecture=machine, version=version, telemetry=telemetry)
            _install_runtime(made.runtime, version)
    return made


def _target() -> tuple[str, Path]:
    """Return the platform's Python, or in its absence the one that runs the tests."""
    found = find_python(package_aws.PYTHON_VERSION)
    if found is not None:
        # The path is resolved: a version manager's shim would choose another version in another folder.
        return package_aws.PYTHON_VERSION, found.resolve()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return version, Path(getattr(sys, "_base_executable", sys.executable))


def _install_runtime(target: Path, version: str) -> None:
    """Installs what the platform brings along."""
    command = [
        str(Path(sys.executable).with_name("uv")),
        "pip",
        "install",
        "--quiet",
        "--target",
        str(target),
        "--python-version",
        version,
        "--no-build",
        "--constraint",
        str(ROOT / "requirements" / "dev.txt"),
        "awslambdaric",
    ]
    subprocess.run(command, check=True)
