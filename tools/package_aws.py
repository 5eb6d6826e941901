"""Builds the package of the AWS Lambda functions: our code, its dependencies for the platform's Python, byte code.

python -m tools.package_aws [--folder build/aws] [--architecture arm64] [--python-version 3.13]

The folder is what template.yaml names as the functions' code; all of them share it. The same files always give the same
folder. Lambda's disk is read-only, so without byte code every cold start would compile every module again.
"""

import argparse
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tools.pythons import find_python

ROOT = Path(__file__).parents[1]
PYTHON_VERSION = "3.13"
# The platform's C library is that of Amazon Linux 2023; not everything has wheels for one so new.
PLATFORMS = {"arm64": "aarch64-manylinux_2_34", "x86_64": "x86_64-manylinux_2_34"}
FOLDERS = ("aws", "common", "functions")
# Modules, pages, and the certificates of databases.
SUFFIXES = (".py", ".html", ".css", ".pem")
# What only a server of one's own or another cloud needs.
LEFT_OUT = ("functions/local.py", "functions/server/", "functions/azure_http.py")
# The services whose clients this program makes; the SDK describes hundreds more, in 20 MiB.
SERVICES = ("kms", "s3", "secretsmanager", "sts")
# All that Chalice's own packer ships of it, and the licence.
CHALICE_FILES = ("chalice/__init__.py", "chalice/app.py")
# Parts of libraries that serve their own tests, other uses than ours, or only their own build.
NEEDLESS = (
    "sqlalchemy/testing", "lxml/html", "lxml/includes",
    "lxml/isoschematron", "lxml/objectify.*", "lxml/sax.*", "lxml/builder.*", "lxml/*.pxi", "lxml/*.pyx", "pycparser", "cffi",
    "sqlalchemy/ext/asyncio", "sqlalchemy/orm", "sqlalchemy/dialects/oracle", "sqlalchemy/dialects/mssql", "authlib/jose",
    "authlib/integrations/django_*", "authlib/integrations/flask_*",
    "authlib/integrations/starlette_client", "authlib/integrations/requests_client", "authlib/integrations/sqla_oauth2",
)  # fmt: skip
INSTALLED_AT = "/var/task"
LIMIT_BYTES = 60 << 20
# The same for every file and every build: 2020-01-01, later than the earliest time a zip can hold.
_BUILT_AT = 1_577_836_800


def own_files() -> Iterator[Path]:
    """Yields the files of ours that are shipped, by their path from the root."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix in SUFFIXES and not name.startswith(LEFT_OUT):
                yield Path(name)


def build(folder: Path, python: Path, *, architecture: str, version: str) -> None:
    """Fills a folder with what is shipped."""
    shutil.rmtree(folder, ignore_errors=True)
    _install(folder, "aws.txt", version, PLATFORMS[architecture])
    _prune(folder)
    _add_chalice(folder, version, PLATFORMS[architecture])
    # Libraries are shipped as byte code alone, in the place of their sources: 19 MiB less to fetch for every cold start.
    _compile(folder, python, "-b", folder)
    for path in folder.rglob("*.py"):
        path.unlink()
    for name in own_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    _compile(folder, python, *(folder / name for name in FOLDERS))
    for path in folder.rglob("*"):
        os.utime(path, (_BUILT_AT, _BUILT_AT))


def _compile(folder: Path, python: Path, *what: str | Path) -> None:
    # A file's time is not kept to the second by a zip, so ordinary byte code would count as out of date.
    subprocess.run(
        [str(python), "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash",
         "-s", str(folder), "-p", INSTALLED_AT, *map(str, what)],
        check=True,
    )  # fmt: skip


def loaded_part(library: bytes) -> bytes:
    """Returns a shared library (ELF, 64 bits) without what its loader never reads: 11 MiB of tables for debuggers.

    A loader goes by the program headers; the section headers and all that no program header covers stand at the end.
    """
    if library[:6] != b"\x7fELF\x02\x01":
        raise ValueError("not a 64-bit little-endian ELF file")
    (table,) = struct.unpack_from("<Q", library, 32)
    entry_bytes, entries = struct.unpack_from("<HH", library, 54)
    parts = (struct.unpack_from("<8xQ16xQ", library, table + number * entry_bytes) for number in range(entries))
    kept = bytearray(library[: max(offset + size for offset, size in parts)])
    struct.pack_into("<Q", kept, 40, 0)  # where the section headers are,
    struct.pack_into("<HHH", kept, 58, 0, 0, 0)  # their size, their number, and which one holds their names
    return bytes(kept)


def size_of(folder: Path) -> int:
    """Returns the bytes of all files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main(arguments: list[str]) -> int:
    """Builds; returns the exit code."""
    parser = argparse.ArgumentParser(description="Build the package of the AWS Lambda functions.")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "aws")
    parser.add_argument("--architecture", choices=sorted(PLATFORMS), default="arm64")
    parser.add_argument("--python-version", default=PYTHON_VERSION)
    chosen = parser.parse_args(arguments)
    python = find_python(chosen.python_version)
    if python is None:
        print(f"the package needs Python {chosen.python_version} on this machine, to compile for the platform", file=sys.stderr)
        return 1
    folder = chosen.folder.absolute()
    build(folder, python, architecture=chosen.architecture, version=chosen.python_version)
    size = size_of(folder)
    if not (folder / "aws" / "database-ca.pem").exists():
        print("aws/database-ca.pem is absent; a database of RDS needs it (docs/deploy-aws.md)", file=sys.stderr)
    print(f"{chosen.folder}: {size / 2**20:.1f} MiB for {chosen.architecture}, Python {chosen.python_version}")
    if size > LIMIT_BYTES:
        print(f"that is more than {LIMIT_BYTES / 2**20:.0f} MiB, which makes every cold start slower", file=sys.stderr)
        return 1
    return 0


def _install(target: Path, lock: str, version: str, platform: str, *options: str) -> None:
    command = [
        str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet", "--target", str(target),
        "--python-version", version, "--python-platform", platform, "--only-binary", ":all:", "--require-hashes",
        "--link-mode", "copy", "--no-compile-bytecode", *options, "-r", str(ROOT / "requirements" / lock),
    ]  # fmt: skip
    subprocess.run(command, check=True)


def _prune(folder: Path) -> None:
    """Removes command line tools, libraries' tests, debuggers' tables, and what the SDK knows of services never called."""
    shutil.rmtree(folder / "bin", ignore_errors=True)
    (folder / ".lock").unlink(missing_ok=True)
    for name in NEEDLESS:
        found = list(folder.glob(name))
        if not found:
            raise FileNotFoundError(f"{name} is no longer there to be left out")
        for path in found:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in folder.rglob("*.so"):
        path.write_bytes(loaded_part(path.read_bytes()))
    for path in (folder / "botocore" / "data").iterdir():
        if path.is_dir() and path.name not in SERVICES:
            shutil.rmtree(path)


def _add_chalice(folder: Path, version: str, platform: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        _install(Path(name), "chalice.txt", version, platform, "--no-deps")
        for file in (
            *CHALICE_FILES,
            *(found.relative_to(name).as_posix() for found in Path(name).glob("*.dist-info/**/LICENSE*")),
        ):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(name) / file, folder / file)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
