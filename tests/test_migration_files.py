"""The migrations form one line: two branches that add the same number are noticed when they are checked, not when a database stops.

Read from the files, so `make check` knows before a test makes a database.
"""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSIONS = ROOT / "common" / "db" / "migrations" / "versions"


def find_faults(folder: Path) -> list[str]:
    """Return what is wrong with the numbers of the migrations in a folder, a line each."""
    faults, previous = list[str](), None
    for number, path in enumerate(sorted(folder.glob("*.py")), 1):
        revision = f"{number:04}"
        names = _names(path)
        if not path.name.startswith(f"{revision}_"):
            faults.append(f"{path.name}: the next number is {revision}")
        if names["revision"] != path.name[:4] or names["Revision"] != path.name[:4]:
            faults.append(f"{path.name}: the file, `revision` and the docstring must have the same number")
        if names["down_revision"] != previous:
            faults.append(f"{path.name}: `down_revision` must be {previous!r}")
        previous = path.name[:4]
    return faults


def _names(path: Path) -> dict[str, object]:
    """Return the numbers that a migration has: its own, the one before, and the one in its docstring."""
    tree = ast.parse(path.read_text("utf-8"))
    named = re.search(r"^Revision: (\d{4})$", ast.get_docstring(tree) or "", re.MULTILINE)
    values = {"revision": None, "down_revision": None, "Revision": named[1] if named else None}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Constant):
            values[node.targets[0].id] = node.value.value
    return values


def write(folder: Path, name: str, revision: str, previous: str | None) -> None:
    """Write a migration."""
    text = f'"""Tables.\n\nRevision: {revision}\n"""\n\nrevision = "{revision}"\ndown_revision = {previous!r}\n'
    (folder / name).write_text(text, "utf-8")


def test_our_migrations_form_one_line() -> None:
    """Numbers are unique and have no gap, and each migration follows the one before it."""
    assert list(VERSIONS.glob("*.py"))
    assert [] == find_faults(VERSIONS)


def test_a_number_that_exists_twice_is_noticed(tmp_path: Path) -> None:
    """Two migrations that were made side by side have the same number, and both follow the one before."""
    write(tmp_path, "0001_initial.py", "0001", None)
    write(tmp_path, "0002_mails.py", "0002", "0001")
    write(tmp_path, "0002_teams.py", "0002", "0001")

    assert ["0002_teams.py: the next number is 0003", "0002_teams.py: `down_revision` must be '0002'"] == find_faults(tmp_path)


def test_a_renamed_file_is_noticed(tmp_path: Path) -> None:
    """The number of a file is also in it, twice; a gap is named with the number that is missing."""
    write(tmp_path, "0001_initial.py", "0001", None)
    write(tmp_path, "0003_mails.py", "0002", "0001")

    assert [
        "0003_mails.py: the next number is 0002",
        "0003_mails.py: the file, `revision` and the docstring must have the same number",
    ] == find_faults(tmp_path)
