"""Runs a command against the packed functions: `python -m tests.aws.serving COMMAND …`, or without one until it is ended.

The command finds the installation in STACKHOLD_E2E_URL, STACKHOLD_E2E_TOKEN and STACKHOLD_E2E_ORG.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from tests.aws.artifact import artifact
from tests.aws.installation import JOBS_EVENT, Installation, installed
from tests.aws.moto_process import running_moto
from tests.mysql.shared import shared_server

# The schedule's own period is a minute; tests of what a job does should not wait so long.
TICK_SECONDS = 5.0


def main(command: list[str]) -> int:
    """Start everything, run the command, and return its exit code."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "mysql").mkdir()
        packed = artifact(folder)
        with (
            running_moto() as moto,
            shared_server(folder / "mysql") as server,
            installed(packed, moto, server, folder) as made,
        ):
            print(f"serving {made.url}", file=sys.stderr)
            return _run(command, made)


def _run(command: list[str], made: Installation) -> int:
    ended = threading.Event()
    ticker = threading.Thread(target=_tick, args=(made, ended), daemon=True)
    ticker.start()
    variables = {"STACKHOLD_E2E_URL": made.url, "STACKHOLD_E2E_TOKEN": made.token, "STACKHOLD_E2E_ORG": made.org}
    try:
        if command:
            return subprocess.run(command, env={**os.environ, **variables}, check=False).returncode
        print("\n".join(f"export {name}={value}" for name, value in variables.items()), flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            ended.wait()
        return 0
    finally:
        ended.set()
        ticker.join()
        print(f"{made.api.inits} starts of the API function", file=sys.stderr)
        if problems := [line for line in made.api.log.splitlines() if "[ERROR]" in line]:
            print("\n".join(problems[:50]), file=sys.stderr)


def _tick(made: Installation, ended: threading.Event) -> None:
    while not ended.wait(TICK_SECONDS):
        made.jobs.invoke(JOBS_EVENT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
