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
    ("pure core", "common/rights/caller.py", "from common.backend import Backend"),
    ("repository", "common/stacks/repository/stacks.py", "from common.ports.blobs import Bucket"),
    ("repository", "common/stacks/repository/page.py", "from common.stacks import service"),
    ("foreign repository", "common/people/teams/steps.py", "from common.people.orgs import repository"),
    ("foreign repository", "common/stacks/updates/service.py", "from common.people.orgs import repository"),
    ("foreign repository", "functions/api/stacks.py", "from common.stacks.repository.stacks import find_stack"),
    ("front door", "common/stacks/updates/service.py", "from common.stacks import service as stacks"),
    ("front door", "common/stacks/updates/service.py", "from common.people.tokens.service import machines"),
    ("driver", "common/ports/blobs/s3.py", "from common.config.settings import Settings"),
    ("driver", "common/ports/keys/aws_kms.py", "from common.ports.blobs.s3 import Bucket"),
    ("statements in repositories", "common/stacks/service.py", "from sqlalchemy import select"),
    ("no ORM", "common/db/engine.py", "from sqlalchemy import orm"),
    ("no SQL as text", "common/stacks/repository/stacks.py", "from sqlalchemy import select, text"),
    ("SDK when first used", "common/ports/blobs/s3.py", "import boto3"),
    ("thin handlers", "functions/api/stacks.py", "from common.db import tables"),
    ("entry point", "aws/lambda_api.py", "from common.stacks import service"),
]
ALLOWED = [
    (
        "common/stacks/engine/journal.py",
        "import msgspec\nfrom common.core.errors import BadRequest\nfrom common.stacks.engine import delta",
    ),
    (
        "common/stacks/repository/stacks.py",
        "from sqlalchemy import select\nfrom common.db import tables\nfrom common.stacks import model",
    ),
    ("common/stacks/updates/service.py", "from sqlalchemy import Connection\nfrom common.stacks import steps as stacks"),
    ("common/people/cleanup.py", "from common.people.orgs import repository"),
    ("common/people/tokens/service/own.py", "from common.people.tokens.service import machines"),
    ("common/ports/blobs/s3.py", "from common.ports.blobs import BlobNotFound\ndef f():\n    import boto3"),
    ("common/ports/blobs/s3.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import boto3"),
    ("common/ports/blobs/s3.py", "from common.ports import aws"),
    ("common/ports/blobs/__init__.py", "def f():\n    from common.ports.blobs import s3"),
    ("functions/api/stacks.py", "from fastapi import APIRouter\nfrom common.stacks import service as stacks"),
    ("aws/lambda_api.py", "import mangum\nfrom common.backend import open_backend\nfrom functions.http.app import create_app"),
]
# Enough of the tree for the samples above to refer to.
NEIGHBOURS = [
    "common/backend.py",
    "common/config/settings.py",
    "common/core/errors.py",
    "common/db/tables/stacks.py",
    "common/people/orgs/repository.py",
    "common/people/tokens/service/machines.py",
    "common/ports/aws.py",
    "common/ports/blobs/__init__.py",
    "common/ports/blobs/s3.py",
    "common/stacks/engine/delta.py",
    "common/stacks/model.py",
    "common/stacks/repository/stacks.py",
    "common/stacks/service.py",
    "common/stacks/steps.py",
    "common/stacks/updates/service.py",
    "functions/http/app.py",
]


def sample_tree(folder: Path, file: str, source: str) -> imports.Tree:
    """Make a small source tree with one file of interest."""
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

    def test_keeps_the_order_of_the_strata(self) -> None:
        """The contracts in pyproject.toml hold: strata, no circles, nothing of the web in common/, one way out, SDKs in drivers."""
        command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
        linted = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)

        assert linted.returncode == 0, linted.stdout

    def test_has_few_loose_modules(self) -> None:
        """Modules lie in folders, which say what they may import: two are loose in common/, one in functions/."""
        loose = {
            folder: [path.stem for path in (ROOT / folder).glob("*.py") if path.stem != "__init__"] for folder in PACKAGES[:2]
        }

        assert (len(loose["common"]) <= 2, len(loose["functions"]) <= 1) == (True, True), loose

    def test_keeps_areas_small(self) -> None:
        """An area has at most twelve modules besides its statements: a larger one is split by noun."""
        areas = {path.parent for path in (ROOT / "common").rglob("service.py")}
        sizes = {area: len([path for path in area.glob("*.py") if path.stem not in ("__init__", "repository")]) for area in areas}

        assert len(areas) > 10
        assert {area.relative_to(ROOT).as_posix(): size for area, size in sizes.items() if size > 12} == {}

    def test_writes_each_table_in_one_area(self) -> None:
        """A table is written by one area, so that what can be in it is read in one place."""
        areas = architecture.writers(imports.read_tree(ROOT, "common"))

        assert len(areas) > 20
        assert {table: found for table, found in areas.items() if len(found) > 1} == {}


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

    def test_yield_to_an_escape_with_a_reason(self, tmp_path: Path) -> None:
        """An escape comment excuses its own line, and one that excuses nothing is reported."""
        needed = sample_tree(tmp_path / "a", "common/stacks/service.py", "from sqlalchemy import select  # arch: tried out")
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
        drivers = [name for name in tree.modules if imports.is_in(name, "common.ports")]

        assert drivers
        for name in drivers:
            importlib.import_module(name)


class TestImportBudget:
    @pytest.mark.parametrize(
        "imports_of_start",
        [
            "import functions.http.app",
            "from functions.http.groups import GROUPS; [import_module(group.path) for group in GROUPS]",
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
