"""Writes the skeleton of a new group of endpoints: `make group NAME=services`.

The group is an area of its own in common/, with one operation that lists its things. The skeleton passes every check and test
as it is; the rest is written into its files. NAME is a plural noun. The address and the permission are upstream's, found by
the name, or given as ADDRESS=/api/orgs/{org}/… and PERMISSION=noun:verb.
"""

import argparse
import keyword
import re
import subprocess
import sys
from pathlib import Path
from string import Template

from common.db.migrations import REVISIONS
from common.rights.permissions import Permission
from tools import operations

ROOT = Path(__file__).parents[1]
TEMPLATES = Path(__file__).with_name("group_templates")
ORG = "/api/orgs/{org}"
NAME = re.compile(r"[a-z]+(?:_[a-z]+)*s")
# Template → the file that it becomes.
FILES = {
    "tables.py.txt": "common/db/tables/$nouns.py",
    "migration.py.txt": "common/db/migrations/versions/${revision}_$nouns.py",
    "wire.py.txt": "common/wire/$nouns.py",
    "model.py.txt": "common/$nouns/model.py",
    "repository.py.txt": "common/$nouns/repository.py",
    "service.py.txt": "common/$nouns/service.py",
    "router.py.txt": "functions/api/$nouns.py",
    "factory.py.txt": "tests/factories/$nouns.py",
    "rows.py.txt": "tests/authorization/rows/$nouns.py",
    "test_service.py.txt": "tests/$nouns/test_service.py",
    "test_api.py.txt": "tests/$nouns/test_api.py",
    "sdk_scenes.py.txt": "tests/contract/sdk_$nouns.py",
}
# Where a line is added: (file, the text that it is added to, the text with the addition).
LINES = (
    ("functions/http/groups.py", '    Group("stacks", (', '    Group("$nouns", (f"{_ORG}$rest/**",)),\n    Group("stacks", ('),
    ("pyproject.toml", "environments : policies : registry", "$nouns : environments : policies : registry"),
    ("pyproject.toml", '"common.registry", ', '"common.registry", "common.$nouns", '),
)


class Refusal(Exception):
    """The group cannot be made; the message says why and what to do."""


def main(arguments: list[str]) -> int:
    """Write the skeleton and the documents; return the exit code."""
    parser = argparse.ArgumentParser(description="Write the skeleton of a new group of endpoints.")
    parser.add_argument("name", help="a plural noun, such as services")
    parser.add_argument("--address", default="", help="the address of the operation that lists them: /api/orgs/{org}/…")
    parser.add_argument("--permission", default="", help="the permission that it needs: noun:verb")
    chosen = parser.parse_args(arguments)
    try:
        words = words_of(chosen.name, chosen.address, chosen.permission)
        contents = skeleton(words)
    except Refusal as error:
        print(f"make group: {error}", file=sys.stderr)
        return 2
    for path, content in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    _tidy([path for path in contents if path.suffix == ".py"])
    print(*(path.relative_to(ROOT) for path in contents), sep="\n")
    return 0


def words_of(nouns: str, address: str, permission: str) -> dict[str, str]:
    """Return what the templates are filled with; raises Refusal for a name that does not fit."""
    if not NAME.fullmatch(nouns) or keyword.iskeyword(nouns) or len(nouns) > 40:
        raise Refusal(f"{nouns!a} is not a name: give a plural noun in small letters, such as services or agent_pools")
    noun = nouns[:-3] + "y" if nouns.endswith("ies") else nouns[:-1]
    if (ROOT / "common" / nouns).exists() or (ROOT / "functions" / "api" / f"{nouns}.py").exists():
        raise Refusal(f"there is a group {nouns} already")
    address = address or _find_address(nouns)
    rest, operation = _rest_of(address)
    camel = "".join(part.title() for part in noun.split("_"))
    camels = "".join(part.title() for part in nouns.split("_"))
    thing = noun.replace("_", " ")
    return {
        "noun": noun,
        "things": nouns.replace("_", " "),
        "thing": thing,
        "a_thing": f"{'an' if thing[0] in 'aeio' else 'a'} {thing}",
        "nouns": nouns,
        "Noun": camel,
        "Nouns": camels,
        "NOUNS": nouns.upper(),
        "wire_nouns": camels[0].lower() + camels[1:],
        "address": address,
        "acme_address": address.replace("{org}", "acme"),
        "rest": rest,
        "operation": operation,
        "PERMISSION": _permission(noun, permission).name,
        "revision": f"{len(REVISIONS) + 1:04}",
        "previous": REVISIONS[-1],
    }


def skeleton(words: dict[str, str]) -> dict[Path, str]:
    """Return the content of every file that is new or changed; raises Refusal where one is there already."""
    contents: dict[Path, str] = {ROOT / "common" / words["nouns"] / "__init__.py": ""}
    for template, name in FILES.items():
        path = ROOT / Template(name).substitute(words)
        contents[path] = Template((TEMPLATES / template).read_text("utf-8")).substitute(words)
    if existing := [path.relative_to(ROOT).as_posix() for path in contents if path.exists()]:
        raise Refusal(f"{existing[0]} exists already")
    for name, before, after in LINES:
        content = contents.get(ROOT / name) or (ROOT / name).read_text("utf-8")
        if content.count(before) != 1:
            raise Refusal(f"{name} has changed: it should have {before.strip()!a} once, and tools/group.py adds a line there")
        contents[ROOT / name] = content.replace(before, after.replace("$nouns", words["nouns"]).replace("$rest", words["rest"]))
    return contents


def _find_address(nouns: str) -> str:
    """Return the address of upstream's operation that lists an organization's things of that name."""
    expression = re.compile(rf"list_(?:\w+_)?{nouns}")
    paths = {row.path for row in operations.operations() if row.method == "GET" and expression.fullmatch(row.op)}
    addresses = {_own(path) for path in paths if _own(path).startswith(f"{ORG}/") and _own(path).count("{") == 1}
    if len(addresses) != 1:
        raise Refusal(f"upstream has no one operation that lists the {nouns} of an organization: give ADDRESS={ORG}/…")
    return addresses.pop()


def _rest_of(address: str) -> tuple[str, str]:
    """Return what follows the organization, and the operation that lists the things.

    Raises Refusal for an address that upstream does not have or that is served.
    """
    if not re.fullmatch(rf"{re.escape(ORG)}(?:/[a-z-]+)+", address):
        raise Refusal(f"{address!a} is not an address of an organization's things: give ADDRESS={ORG}/…")
    listing = [row for row in operations.operations() if row.method == "GET" and _own(row.path) == address]
    if not listing:
        raise Refusal(f"upstream has no operation GET {address}; see tests/contract/operations.json")
    if operations.status(listing[0]) is operations.Status.DONE:
        raise Refusal(f"GET {address} is served already")
    return address.removeprefix(ORG), listing[0].op


def _permission(noun: str, wanted: str) -> Permission:
    """Return the permission to read the things; raises Refusal where common/rights/permissions.py has none."""
    nouns = (f"organization_{noun}", f"org_{noun}", noun, f"{noun}s")
    for value in (wanted,) if wanted else (f"{name}:{verb}" for name in nouns for verb in ("list", "read")):
        if value in set(Permission):
            return Permission(value)
    raise Refusal(f"there is no permission {wanted or f'{noun}:read'}: give PERMISSION=, one of common/rights/permissions.py")


def _own(path: str) -> str:
    return path.replace("{orgName}", "{org}")


def _tidy(paths: list[Path]) -> None:
    """Let the formatter decide layout and the order of imports, and write the generated documents again."""
    ruff = str(Path(sys.executable).with_name("ruff"))
    names = [path.relative_to(ROOT).as_posix() for path in paths]
    for command in (
        [ruff, "check", "--quiet", "--fix", "--select", "I", *names],
        [ruff, "format", "--quiet", *names],
        [sys.executable, "-m", "tools.generate_docs"],
    ):
        subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
