"""What the packages of both clouds have in common: dependencies from a lock file, without what is never loaded, as byte code.

A cold start fetches the whole package, so its size is time that the first caller waits.
"""

import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
# The same for every file and every build: 2020-01-01, later than the earliest time a zip can hold.
BUILT_AT = 1_577_836_800
# Parts of libraries that serve their own tests, other uses than ours, or only their own build.
NEEDLESS = (
    "alembic/templates",
    "alembic/testing",
    "anyio/_backends/_trio.py",
    "anyio/pytest_plugin.py",
    "authlib/jose",
    "authlib/integrations/django_*",
    "authlib/integrations/flask_*",
    "authlib/integrations/requests_client",
    "authlib/integrations/sqla_oauth2",
    "authlib/integrations/starlette_client",
    "cffi",
    "isal/isa-l",
    "lxml/*.h",
    "lxml/*.pxi",
    "lxml/*.pyx",
    "lxml/builder.*",
    "lxml/html",
    "lxml/includes",
    "lxml/isoschematron",
    "lxml/objectify.*",
    "lxml/sax.*",
    "pycparser",
    "sqlalchemy/dialects/mssql",
    "sqlalchemy/dialects/oracle",
    "sqlalchemy/ext/associationproxy.py",
    "sqlalchemy/ext/asyncio",
    "sqlalchemy/ext/automap.py",
    "sqlalchemy/ext/hybrid.py",
    "sqlalchemy/ext/mutable.py",
    "sqlalchemy/orm",
    "sqlalchemy/testing",
    # What pip writes for removing a package again, what type checkers read, and sources of compiled modules.
    "**/*.dist-info/RECORD",
    "**/*.c",
    "**/*.pxd",
    "**/*.pyi",
    "**/py.typed",
    "fastapi/.agents",
)


def install(target: Path, lock: Path, *, version: str, platform: str, options: Iterable[str] = ()) -> None:
    """Installs what a lock file names, for the platform's Python and machine."""
    command = [
        str(Path(sys.executable).with_name("uv")),
        "pip",
        "install",
        "--quiet",
        "--target",
        str(target),
        "--python-version",
        version,
        "--python-platform",
        platform,
        "--only-binary",
        ":all:",
        "--require-hashes",
        "--link-mode",
        "copy",
        "--no-compile-bytecode",
        *options,
        "-r",
        str(lock),
    ]
    subprocess.run(command, check=True)
    # Command line tools, and the installer's own lock.
    shutil.rmtree(target / "bin", ignore_errors=True)
    (target / ".lock").unlink(missing_ok=True)


def prune(folder: Path, more: Iterable[str] = ()) -> None:
    """Remove what is never loaded: parts of libraries, and the tables for debuggers in compiled ones."""
    for name in (*NEEDLESS, *more):
        found = list(folder.glob(name))
        if not found:
            raise FileNotFoundError(f"{name} is no longer there to be left out")
        for path in found:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in folder.rglob("*.so"):
        path.write_bytes(loaded_part(path.read_bytes()))


def compile_libraries(folder: Path, python: Path, installed_at: str) -> None:
    """Replace every module by its byte code, which is loaded from the module's own place: an unused source file costs time."""
    _compile(python, folder, installed_at, "-b", folder)
    for path in folder.rglob("*.py"):
        path.unlink()


def compile_own(folder: Path, names: Iterable[str], python: Path, installed_at: str) -> None:
    """Add the byte code of our own modules beside them; their lines are wanted in tracebacks."""
    _compile(python, folder, installed_at, *(folder / name for name in names))


def set_times(folder: Path) -> None:
    """Give every file the same time, so that the same files give the same package."""
    for path in folder.rglob("*"):
        os.utime(path, (BUILT_AT, BUILT_AT))


def loaded_part(library: bytes) -> bytes:
    """Return a shared library (ELF, 64 bits) without what its loader never reads: 11 MiB of tables for debuggers.

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
    """Return the bytes of all files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _compile(python: Path, folder: Path, installed_at: str, *what: str | Path) -> None:
    # A file's time is not kept to the second by a zip, so ordinary byte code would count as out of date.
    subprocess.run(
        [
            str(python),
            "-m",
            "compileall",
            "-q",
            "-j",
            "0",
            "--invalidation-mode",
            "unchecked-hash",
            "-s",
            str(folder),
            "-p",
            installed_at,
            *map(str, what),
        ],
        check=True,
    )
