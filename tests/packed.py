"""What a package must hold: everything that our code in it imports, at the start or when it is first used."""

import ast
import subprocess
from collections.abc import Iterable
from pathlib import Path

# Not in a package unless it is built with the extra; imported where a setting asks for it.
OPTIONAL = ("opentelemetry", "aws_xray_sdk", "pg8000", "scramp")
_PROGRAM = """
import importlib, sys
sys.path[:0] = sys.argv[1].split(":")
for name in sys.argv[2:]:
    try:
        importlib.import_module(name)
    except ImportError as error:
        print(name, error)
"""


def imports(code: Iterable[Path]) -> set[str]:
    """Return the modules that files import, those of functions' bodies too."""
    found: set[str] = set()
    for path in code:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module)
    return found


def missing(python: Path, folders: Iterable[Path], names: Iterable[str]) -> list[str]:
    """Return which modules cannot be imported from these folders alone, and why."""
    # -S: nothing of the Python's own site-packages; -B: nothing is written; -P: nothing of the working folder.
    command = [str(python), "-S", "-B", "-P", "-c", _PROGRAM, ":".join(map(str, folders)), *sorted(names)]
    ended = subprocess.run(command, env={"PATH": ""}, capture_output=True, text=True, check=True, timeout=120)
    return ended.stdout.splitlines()
