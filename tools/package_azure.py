"""Builds the package of the Azure function app: our code, its dependencies for the platform's Python, byte code, one zip.

python -m tools.package_azure [--folder build/azure] [--zip dist/stackhold-azure.zip]

The same files always give the same zip. `func azure functionapp publish` sends what .funcignore leaves instead, and lets
the platform install requirements.txt; this way saves each cold start the compilation and ships what was tested.
"""

import argparse
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tools.pythons import find_python

ROOT = Path(__file__).parents[1]
PYTHON_VERSION = "3.13"
# The platform's machines; its image has a newer C library than this asks for.
PLATFORM = "x86_64-manylinux_2_28"
PACKAGES = Path(".python_packages") / "lib" / "site-packages"
FILES = ("function_app.py", "host.json", "requirements.txt")
FOLDERS = ("common", "functions")
# What only a server of one's own needs.
LEFT_OUT = ("functions/local.py", "functions/server/")
INSTALLED_AT = "/home/site/wwwroot"
# The same for every file and every build; the format knows no earlier time.
_BUILT_AT = (1980, 1, 1, 0, 0, 0)


def own_files() -> Iterator[Path]:
    """Yields the files of ours that are shipped, by their path from the root."""
    for name in FILES:
        yield Path(name)
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.is_file() and "__pycache__" not in path.parts and not name.startswith(LEFT_OUT):
                yield Path(name)


def build(folder: Path, python: Path) -> None:
    """Fills a folder with what is shipped."""
    shutil.rmtree(folder, ignore_errors=True)
    _install(folder / PACKAGES)
    for name in own_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    # A file's time is not kept to the second by a zip, so ordinary byte code would count as out of date.
    subprocess.run(
        [str(python), "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash",
         "-s", str(folder), "-p", INSTALLED_AT, str(folder)],
        check=True,
    )  # fmt: skip


def pack(folder: Path, target: Path) -> None:
    """Zips a folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _BUILT_AT)
            entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())


def main(arguments: list[str]) -> int:
    """Builds and zips; returns the exit code."""
    parser = argparse.ArgumentParser(description="Build the package of the Azure function app.")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "azure")
    parser.add_argument("--zip", type=Path, default=ROOT / "dist" / "stackhold-azure.zip")
    chosen = parser.parse_args(arguments)
    python = find_python(PYTHON_VERSION)
    if python is None:
        print(f"the package needs Python {PYTHON_VERSION} on this machine, to compile for the platform", file=sys.stderr)
        return 1
    build(chosen.folder.absolute(), python)
    pack(chosen.folder, chosen.zip)
    unpacked = sum(path.stat().st_size for path in chosen.folder.rglob("*") if path.is_file())
    print(f"{chosen.zip}: {chosen.zip.stat().st_size / 2**20:.1f} MiB, {unpacked / 2**20:.1f} MiB unpacked")
    return 0


def _install(target: Path) -> None:
    command = [
        str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet", "--target", str(target),
        "--python-version", PYTHON_VERSION, "--python-platform", PLATFORM, "--only-binary", ":all:",
        "--require-hashes", "--link-mode", "copy", "--no-compile-bytecode", "-r", str(ROOT / "requirements.txt"),
    ]  # fmt: skip
    subprocess.run(command, check=True)
    for name in ("bin", ".lock"):
        shutil.rmtree(target / name, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
