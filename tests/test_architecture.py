"""The dependency rule holds, and the rule itself notices what it is for."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests import architecture, imports

ROOT = Path(__file__).parents[1]
PACKAGES = ("common", "functions", "aws", "function_app")
# What a cold start must not load: measured at 250 to 300 ms each, and no request needs them at once.
TOO_DEAR = (
    "boto3",
    "botocore",
    "azure",
    "opentelemetry.sdk",
    "sqlalchemy.orm",
    "alembic",
    "pymysql",
    "httpx",
    "httpx2",
    "requests",
)

BREACHES = [
    ("pure core", "common/stacks/engine/journal.py", "import time"),
    ("pure core", "common/stacks/engine/checks.py", "from common.db import tables"),
    ("pure core", "common/stacks/model.py", "import sqlalchemy"),
    ("repository", "common/stacks/repository/stacks.py", "from common.ports.blobs import Bucket"),
    ("repository", "common/stacks/page_rows.py", "from common.stacks import service"),
    ("foreign repository", "common/stacks/updates/service.py", "from common.stacks import repository"),
    ("foreign repository", "functions/api/stacks.py", "from common.stacks.repository.stacks import find_stack"),
    ("order of areas", "common/stacks/service.py", "from common.stacks.updates import service as updates"),
    ("foundation", "common/ports/blobs/__init__.py", "from common.stacks.model import Stack"),
    ("driver", "common/ports/blobs/s3.py", "from common.config.settings import Settings"),
    ("driver", "common/ports/keys/aws_kms.py", "from common.ports.blobs import Bucket"),
    ("common is below", "common/stacks/service.py", "from fastapi import HTTPException"),
    ("common is below", "common/stacks/service.py", "def f():\n    from functions import app"),
    ("statements in repositories", "common/stacks/service.py", "from sqlalchemy import select"),
    ("no ORM", "common/db/engine.py", "from sqlalchemy import orm"),
    ("no SQL as text", "common/stacks/repository/stacks.py", "from sqlalchemy import select, text"),
    ("migrations apart", "functions/server/cli.py", "import alembic.command"),
    ("SDK in drivers", "common/stacks/service.py", "def f():\n    import boto3"),
    ("SDK in drivers", "functions/http/app.py", "import importlib\ndef f():\n    importlib.import_module('azure.identity')"),
    ("SDK when first used", "common/ports/blobs/s3.py", "import boto3"),
    ("one way out", "common/webhooks/service.py", "import httpx"),
    ("thin handlers", "functions/api/stacks.py", "from common.db import tables"),
    ("entry point", "aws/lambda_api.py", "from common.stacks import service"),
]
ALLOWED = [
    (
        "common/stacks/engine/journal.py",
        "import msgspec\nfrom common.core.errors import BadRequest\nfrom common.stacks.state import delta",
    ),
    (
        "common/stacks/repository/stacks.py",
        "from sqlalchemy import select\nfrom common.db import tables\nfrom common.stacks import model",
    ),
    ("common/stacks/updates/service.py", "from sqlalchemy import Connection\nfrom common.stacks import service as stacks"),
    ("common/ports/blobs/s3.py", "from common.ports.blobs import BlobNotFound\ndef f():\n    import boto3"),
    ("common/ports/blobs/s3.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import boto3"),
    ("common/ports/blobs/__init__.py", "def f():\n    from common.ports.blobs import s3"),
    ("functions/api/stacks.py", "from fastapi import APIRouter\nfrom common.stacks import service as stacks"),
    ("aws/lambda_api.py", "import mangum\nfrom common.backend import open_backend\nfrom functions.http.app import create_app"),
]
# Enough of the tree for the samples above to refer to.
NEIGHBOURS = [
    "common/backend.py",
    "common/ports/blobs/__init__.py",
    "common/db/tables/core_tables.py",
    "common/core/errors.py",
    "common/config/settings.py",
    "common/stacks/model.py",
    "common/stacks/repository/stacks.py",
    "common/stacks/service.py",
    "common/stacks/engine/delta.py",
    "common/stacks/updates/service.py",
    "functions/http/app.py",
]


def sample_tree(folder: Path, file: str, source: str) -> imports.Tree:
    """Makes a small source tree with one file of interest."""
    for name in [*NEIGHBOURS, file]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(source if name == file else "", "utf-8")
    return imports.read_tree(folder, *PACKAGES)


class TestTree:
    def test_keeps_the_rules(self) -> None:
        """No import breaks the dependency rule, and no chain of imports comes back to where it began."""
        tree = imports.read_tree(ROOT, *PACKAGES)

        assert len(tree.imports) > 50
        assert "\n".join(architecture.breaches(tree)) == ""

    def test_gives_a_reason_for_every_escape(self) -> None:
        """An escape comment says why, stands on an import, and is removed when it is needed no more."""
        tree = imports.read_tree(ROOT, *PACKAGES)
        used = {(ROOT / found.path, found.escape) for found in tree.imports}

        assert [place for place in imports.escapes(tree) if not place[2]] == []
        assert [place for place in imports.escapes(tree) if (place[0], place[2]) not in used] == []
        assert architecture.needless_escapes(tree) == []

    def test_knows_every_folder_of_common(self) -> None:
        """A folder of common/ is an area, which has its place in the order, or one of the few that are none."""
        folders = {path.name for path in (ROOT / "common").iterdir() if path.is_dir() and any(path.glob("*.py"))}

        assert (
            folders - {*architecture.AREAS, "wire", "db", "outbound", *(port.split(".")[1] for port in architecture.PORTS)}
            == set()
        )


class TestHandlers:
    def test_are_thin(self) -> None:
        """A handler declares, calls a service, shapes the reply: it has no loop, no try, no with and raises nothing."""
        assert list(architecture.thick_handlers(imports.read_tree(ROOT, "functions"))) == []

    def test_that_are_thick_are_noticed(self, tmp_path: Path) -> None:
        """A handler that loops is reported, a helper that does is not."""
        source = "@router.get('/x')\ndef x():\n    for y in z:\n        pass\n\n\ndef helper():\n    raise ValueError"
        found = list(architecture.thick_handlers(sample_tree(tmp_path, "functions/api/stacks.py", source)))

        assert [line.partition(": ")[2] for line in found] == ["handler x has For"]


class TestRules:
    @pytest.mark.parametrize(("rule", "file", "source"), BREACHES)
    def test_notice_a_breach(self, tmp_path: Path, rule: str, file: str, source: str) -> None:
        """Each rule is broken by what it is there to prevent."""
        found = architecture.breaches(sample_tree(tmp_path, file, source))

        assert any(f"breaks '{rule}'" in line for line in found), found

    @pytest.mark.parametrize(("file", "source"), ALLOWED)
    def test_allow_what_the_design_allows(self, tmp_path: Path, file: str, source: str) -> None:
        """What the design asks for breaks nothing."""
        assert architecture.breaches(sample_tree(tmp_path, file, source)) == []

    def test_are_all_shown_here(self) -> None:
        """Every rule has a sample, so that none can quietly stop working."""
        assert {rule.name for rule in architecture.RULES} == {rule for rule, _, _ in BREACHES}

    def test_notice_a_cycle_behind_a_deferred_import(self, tmp_path: Path) -> None:
        """An import inside a function does not hide a cycle."""
        (tmp_path / "common").mkdir()
        (tmp_path / "common" / "clock.py").write_text("from common import names", "utf-8")

        found = architecture.breaches(sample_tree(tmp_path, "common/core/names.py", "def f():\n    from common import clock"))

        assert [line.partition("\n")[0] for line in found] == ["cycle: common.core.clock → common.core.names → common.core.clock"]

    def test_yield_to_an_escape_with_a_reason(self, tmp_path: Path) -> None:
        """An escape comment excuses its own line, and one that excuses nothing is reported."""
        needed = sample_tree(tmp_path / "a", "common/stacks/service.py", "import httpx  # arch: tried out for a week")
        needless = sample_tree(tmp_path / "b", "common/stacks/service.py", "import json  # arch: just in case")

        assert architecture.breaches(needed) == []
        assert architecture.needless_escapes(needed) == []
        assert len(architecture.needless_escapes(needless)) == 1


class TestFolders:
    def test_azure_is_never_a_package(self) -> None:
        """The folder azure/ holds no Python: a package of that name would hide the namespace of Microsoft's SDKs."""
        assert [*(ROOT / "azure").rglob("*.py")] == []
        assert not (ROOT / "tests" / "azure").exists()
        assert not (ROOT / "tests" / "__init__.py").exists()

    def test_every_driver_can_be_imported_without_its_sdk(self) -> None:
        """A driver loads where its SDK is not installed, because it imports the SDK when it is first used."""
        tree = imports.read_tree(ROOT, "common")
        drivers = [name for name in tree.modules if imports.is_in(name, *architecture.PORTS)]

        assert drivers
        for name in drivers:
            importlib.import_module(name)


class TestImportBudget:
    @pytest.mark.parametrize(
        "imports_of_start",
        [
            "import functions.http.app",
            "from functions import api; [import_module(group.path) for group in api.GROUPS]",
        ],
        ids=["application", "all groups"],
    )
    def test_nothing_dear_is_loaded(self, imports_of_start: str) -> None:
        """A fresh process that has imported the application, and even all its groups, has loaded no SDK, ORM or migrations."""
        report = f"print(*[name for name in {TOO_DEAR!r} if name in sys.modules])"
        program = f"import sys; from importlib import import_module; {imports_of_start}; {report}"
        loaded = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
        )

        assert (loaded.returncode, loaded.stdout.split()) == (0, []), loaded.stderr
