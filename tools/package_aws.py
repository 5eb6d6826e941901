"""Builds the package of the AWS Lambda functions: our code, its dependencies for the platform's Python, byte code.

python -m tools.package_aws [--folder build/aws] [--architecture arm64] [--python-version 3.13] [--with otel]
                           [--without-database-ca]

The folder is what template.yaml names as the functions' code; all of them share it. The same files always give the same
folder. Lambda's disk is read-only, so without byte code every cold start would compile every module again.
"""

import argparse
import json
import shutil
import ssl
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tools import packaging
from tools.packaging import ROOT, size_of
from tools.pythons import find_python

PYTHON_VERSION = "3.13"
# The platform's C library is that of Amazon Linux 2023; not everything has wheels for one so new.
PLATFORMS = {"arm64": "aarch64-manylinux_2_34", "x86_64": "x86_64-manylinux_2_34"}
FOLDERS = ("aws", "common", "functions")
# Modules, pages with their scripts and styles, licences, and the certificates of databases.
SUFFIXES = (".py", ".html", ".css", ".js", ".json", ".txt", ".pem")
# What only a server of one's own or another cloud needs.
LEFT_OUT = ("functions/server/", "functions/hosts/azure_http.py")
# The services that this program has clients of; the SDK describes hundreds more, in 20 MiB.
SERVICES = ("dynamodb", "kms", "s3", "secretsmanager", "sts")
# All that Chalice's own packer ships of it, and the licence.
CHALICE_FILES = ("chalice/__init__.py", "chalice/app.py")
# The SDK takes certifi's authorities where there are some, and asks for no zone of time.
NEEDLESS = ("botocore/cacert.pem", "botocore/data/*/*/examples-1.json", "dateutil/zoneinfo")
INSTALLED_AT = "/var/task"
LIMIT_BYTES = 66 << 20
# What sends traces, for those who want them → what it may add.
TELEMETRY = {"otel": 16 << 20, "xray": 4 << 20}
DATABASE_CA = ROOT / "aws" / "database-ca.pem"
_PAGE = "docs/deploy-aws.md"


def own_files() -> Iterator[Path]:
    """Yield the files of ours that are shipped, by their path from the root."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix in SUFFIXES and not name.startswith(LEFT_OUT):
                yield Path(name)


def build(folder: Path, python: Path, *, architecture: str, version: str, telemetry: str = "") -> None:
    """Fill a folder with what is shipped."""
    shutil.rmtree(folder, ignore_errors=True)
    platform = PLATFORMS[architecture]
    lock = ROOT / "requirements" / (f"aws-{telemetry}.txt" if telemetry else "aws.txt")
    packaging.install(folder, lock, version=version, platform=platform)
    packaging.prune(folder, NEEDLESS)
    _prune_sdk(folder / "botocore" / "data")
    _add_chalice(folder, version, platform)
    packaging.compile_libraries(folder, python, INSTALLED_AT)
    for name in own_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    packaging.compile_own(folder, FOLDERS, python, INSTALLED_AT)
    packaging.set_times(folder)


def problem_of_database_ca(path: Path) -> str:
    """Return why a database could not be reached with this file of certificates, or nothing."""
    if not path.exists():
        return (
            f"{path.name} is absent from aws/, and no function could reach a database of RDS: fetch your region's certificates"
            f" ({_PAGE}), or give --without-database-ca for a database of another kind"
        )
    try:
        found = ssl.create_default_context(cadata=path.read_text("ascii") or " ").cert_store_stats()["x509_ca"]
    except (OSError, UnicodeDecodeError, ssl.SSLError, ValueError):
        found = 0
    return "" if found else f"aws/{path.name} has no certificates of authorities in PEM form: fetch it again ({_PAGE})"


def main(arguments: list[str]) -> int:
    """Build; returns the exit code."""
    parser = argparse.ArgumentParser(description="Build the package of the AWS Lambda functions.")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "aws")
    parser.add_argument("--architecture", choices=sorted(PLATFORMS), default="arm64")
    parser.add_argument("--python-version", default=PYTHON_VERSION)
    parser.add_argument("--with", dest="telemetry", choices=sorted(TELEMETRY), default="", help="what sends traces")
    parser.add_argument("--database-ca", type=Path, default=DATABASE_CA, help=argparse.SUPPRESS)
    parser.add_argument("--without-database-ca", action="store_true", help="for a database that is not one of RDS")
    chosen = parser.parse_args(arguments)
    # Said before the build and not by a deployment that fails a quarter of an hour later.
    if not chosen.without_database_ca and (problem := problem_of_database_ca(chosen.database_ca)):
        print(problem, file=sys.stderr)
        return 1
    python = find_python(chosen.python_version)
    if python is None:
        print(f"the package needs Python {chosen.python_version} on this machine, to compile for the platform", file=sys.stderr)
        return 1
    folder = chosen.folder.absolute()
    build(folder, python, architecture=chosen.architecture, version=chosen.python_version, telemetry=chosen.telemetry)
    size = size_of(folder)
    print(f"{chosen.folder}: {size / 2**20:.1f} MiB for {chosen.architecture}, Python {chosen.python_version}")
    limit = LIMIT_BYTES + TELEMETRY.get(chosen.telemetry, 0)
    if size > limit:
        print(f"that is more than {limit / 2**20:.0f} MiB, which makes every cold start slower", file=sys.stderr)
        return 1
    return 0


def _prune_sdk(data: Path) -> None:
    """Remove what the SDK knows of services that are never called; it reads the list of addresses at every start."""
    for path in data.iterdir():
        if path.is_dir() and path.name not in SERVICES:
            shutil.rmtree(path)
    addresses = json.loads((data / "endpoints.json").read_text("utf-8"))
    for partition in addresses["partitions"]:
        partition["services"] = {name: known for name, known in partition["services"].items() if name in SERVICES}
    (data / "endpoints.json").write_text(json.dumps(addresses, separators=(",", ":")), "utf-8")


def _add_chalice(folder: Path, version: str, platform: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        lock = ROOT / "requirements" / "chalice.txt"
        packaging.install(Path(name), lock, version=version, platform=platform, options=["--no-deps"])
        for file in (
            *CHALICE_FILES,
            *(found.relative_to(name).as_posix() for found in Path(name).glob("*.dist-info/**/LICENSE*")),
        ):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(name) / file, folder / file)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
