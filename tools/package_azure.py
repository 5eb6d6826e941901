"""Builds the package of the Azure function app: our code, its dependencies for the platform's Python, byte code, one zip.

python -m tools.package_azure [--folder build/azure] [--zip dist/stackhold-azure.zip]

The same files always give the same zip. `func azure functionapp publish` sends what .funcignore leaves instead, and lets
the platform install requirements.txt; this way saves each cold start the compilation and ships what was tested.
"""

import argparse
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tools import packaging
from tools.packaging import ROOT, size_of
from tools.pythons import find_python

PYTHON_VERSION = "3.13"
# The platform's machines; its image has a newer C library than this asks for.
PLATFORM = "x86_64-manylinux_2_28"
PACKAGES = Path(".python_packages") / "lib" / "site-packages"
FILES = ("function_app.py", "host.json", "requirements.txt")
FOLDERS = ("common", "functions")
# What only a server of one's own needs.
LEFT_OUT = ("functions/server/",)
LIMIT_BYTES = 72 << 20
INSTALLED_AT = "/home/site/wwwroot"
# The same for every file and every build; the format knows no earlier time.
_BUILT_AT = (1980, 1, 1, 0, 0, 0)


def own_files() -> Iterator[Path]:
    """Yield the files of ours that are shipped, by their path from the root."""
    for name in FILES:
        yield Path(name)
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.is_file() and "__pycache__" not in path.parts and not name.startswith(LEFT_OUT):
                yield Path(name)


def build(folder: Path, python: Path) -> None:
    """Fill a folder with what is shipped."""
    shutil.rmtree(folder, ignore_errors=True)
    libraries = folder / PACKAGES
    packaging.install(libraries, ROOT / "requirements.txt", version=PYTHON_VERSION, platform=PLATFORM)
    packaging.prune(libraries)
    packaging.compile_libraries(libraries, python, f"{INSTALLED_AT}/{PACKAGES.as_posix()}")
    for name in own_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    packaging.compile_own(folder, (FILES[0], *FOLDERS), python, INSTALLED_AT)
    packaging.set_times(folder)


def pack(folder: Path, target: Path) -> None:
    """Zips a folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _BUILT_AT)
            entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())


def main(arguments: list[str]) -> int:
    """Build and zips; returns the exit code."""
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
    unpacked = size_of(chosen.folder)
    print(f"{chosen.zip}: {chosen.zip.stat().st_size / 2**20:.1f} MiB, {unpacked / 2**20:.1f} MiB unpacked")
    if unpacked > LIMIT_BYTES:
        print(f"that is more than {LIMIT_BYTES / 2**20:.0f} MiB, which makes every cold start slower", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
