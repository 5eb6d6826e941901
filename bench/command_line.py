"""Runs the real `pulumi` and takes its time."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LIMIT_SECONDS = 300.0
LANGUAGE_HOST = "pulumi-language-yaml-1.25.0"


class CommandError(Exception):
    """A command failed or left something wrong, which makes its time worthless."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a command took, and the CPU seconds of the client and its plugins."""

    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class CommandLine:
    """One version of the command, with a home folder of its own, for one backend."""

    version: str
    tools: Path
    home: Path
    token: str = field(default="", repr=False)

    def run(self, arguments: Sequence[str], folder: Path, settings: Mapping[str, str] | None = None) -> Timing:
        """Run a command to its end; raises CommandError when it fails or takes too long."""
        environment = {
            "PATH": f"{self.tools}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "HOME": str(self.home),
            "PULUMI_HOME": str(self.home),
            "PULUMI_ACCESS_TOKEN": self.token,
            "PULUMI_CONFIG_PASSPHRASE": "benchmark",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "NO_COLOR": "1",
            **(settings or {}),
        }
        output = self.home / "output.txt"
        with output.open("wb") as sink:
            started = time.perf_counter()
            process = subprocess.Popen(
                [str(self.tools / "pulumi"), "--non-interactive", *arguments],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )
            guard = threading.Timer(LIMIT_SECONDS, process.kill)
            guard.start()
            _, status, used = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
            guard.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            tail = output.read_text("utf-8", errors="replace")[-3000:]
            raise CommandError(f"pulumi {' '.join(arguments)}: exit {process.returncode} after {seconds:.1f} s\n{tail}")
        return Timing(seconds, used.ru_utime + used.ru_stime)


def find(version: str) -> tuple[Path, Path] | None:
    """Return (pulumi, YAML language host) from where the end-to-end tests keep what they built, else from PATH."""
    built = Path(os.environ.get("STACKHOLD_CACHE") or Path.home() / ".cache" / "stackhold") / "bin"
    pulumi, host = built / f"pulumi-{version}", built / LANGUAGE_HOST
    if pulumi.exists() and host.exists():
        return pulumi, host
    on_path = shutil.which("pulumi"), shutil.which("pulumi-language-yaml")
    if on_path[0] is None or on_path[1] is None:
        return None
    said = subprocess.run([on_path[0], "version"], capture_output=True, text=True, timeout=60, check=True).stdout
    return (Path(on_path[0]), Path(on_path[1])) if version in said else None


def link_tools(folder: Path, pulumi: Path, language_host: Path) -> Path:
    """Return a folder that has the two commands under the names they are called by."""
    folder.mkdir(parents=True)
    (folder / "pulumi").symlink_to(pulumi.resolve())
    (folder / "pulumi-language-yaml").symlink_to(language_host.resolve())
    return folder
