"""Runs the conformance kit against a server from the built wheel, in a virtual environment that has nothing else.

python -m tools.conformance [--kit FOLDER] [options of the kit]

The kit judges any server of the state protocol from outside, by HTTP. It is not part of this repository: FOLDER has its run.py.
Everything after the options of this program goes to the kit, such as `--group lifecycle --verbose`.
"""

import argparse
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.release_check import ROOT, NotReleasable, build_distributions, install_wheel, serving

KIT = ROOT.parent / "shared" / "conformance"
ORGANIZATION = "conformance"
NO_KIT = 2


def main(arguments: list[str]) -> int:
    """Build, install, serve and judge; return the exit code of the kit."""
    parser = argparse.ArgumentParser(description="Run the conformance kit against a server from the built wheel.")
    parser.add_argument("--kit", type=Path, default=KIT, help="folder with the kit's run.py")
    options, rest = parser.parse_known_args(arguments)
    program = options.kit / "run.py"
    if not program.is_file():
        print(f"there is no conformance kit in {options.kit}: name its folder with --kit", file=sys.stderr)
        return NO_KIT
    try:
        with tempfile.TemporaryDirectory(prefix="stackhold-conformance-") as name:
            return _judge(Path(name), [sys.executable, str(program), *rest])
    except (NotReleasable, subprocess.CalledProcessError) as error:
        print(f"the kit was not run: {error}", file=sys.stderr)
        return 1


def _judge(folder: Path, command: list[str]) -> int:
    wheel = next(path for path in build_distributions(folder / "dist") if path.suffix == ".whl")
    programs = install_wheel(wheel, folder / "venv")
    token = f"pul-{secrets.token_hex(20)}"
    settings = {"STACKHOLD_BOOTSTRAP_TOKEN": token, "STACKHOLD_BOOTSTRAP_ORG": ORGANIZATION}
    with serving(programs / "stackhold", folder, settings) as address:
        options = ["--server", address, "--token", token, "--org", ORGANIZATION]
        return subprocess.run([*command, *options], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
