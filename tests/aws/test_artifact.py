"""What would be sent to AWS: complete, small, compiled, and quick to start."""

import subprocess
from pathlib import Path

import pytest

from tests.aws.artifact import Artifact
from tests.hosts.certificate import Certificate
from tests.packed import OPTIONAL, imports, missing
from tools import package_aws
from tools.package_aws import CHALICE_FILES, FOLDERS, LIMIT_BYTES, SERVICES
from tools.packaging import loaded_part, size_of

# What a start must not load: each costs a quarter of a second or more, and not every process needs it.
TOO_DEAR = ("alembic", "azure", "boto3", "botocore", "chalice", "fastapi", "opentelemetry.sdk", "sqlalchemy.orm", "uvicorn")


def run(packed: Artifact, program: str, **variables: str) -> str:
    """Run a program in a fresh process that has nothing but the artifact, and return what it prints."""
    # -S: nothing of the Python's own site-packages; -B: nothing is written; -P: nothing of the working folder.
    command = [str(packed.python), "-S", "-B", "-P", "-c", f"import sys; sys.path.insert(0, {str(packed.folder)!r}); {program}"]
    ended = subprocess.run(command, env={"PATH": "", **variables}, capture_output=True, text=True, check=False, timeout=60)
    assert 0 == ended.returncode, ended.stderr
    return ended.stdout


class TestContents:
    def test_is_small(self, packed: Artifact) -> None:
        """Everything together is at most 66 MiB, with some room: what is larger takes longer to start."""
        assert LIMIT_BYTES - (1 << 20) >= size_of(packed.folder)

    def test_has_nothing_that_is_never_loaded(self, packed: Artifact) -> None:
        """Leftovers of the installer, tests of libraries, and files for type checkers or compilers stay at home."""
        odd = [
            path
            for path in packed.folder.rglob("*")
            if path.suffix in (".pyi", ".c", ".h", ".pxd") or path.name in ("RECORD", ".lock")
        ]

        assert [] == odd

    def test_has_byte_code_for_every_module(self, packed: Artifact) -> None:
        """Each module is compiled for exactly the function's Python, by content and not by time; libraries have no sources."""
        tag = f"cpython-{packed.version.replace('.', '')}"
        modules = list(packed.folder.rglob("*.py"))
        compiled = set(packed.folder.rglob("*.pyc"))
        ours = {path for path in compiled if path.relative_to(packed.folder).parts[0] in FOLDERS}

        assert len(modules) > 250
        assert len(compiled - ours) > 500
        assert [] == [path for path in modules if path.parent / "__pycache__" / f"{path.stem}.{tag}.pyc" not in ours]
        assert set() == {path for path in modules if path.relative_to(packed.folder).parts[0] not in FOLDERS}
        assert [] == [path for path in ours if tag not in path.name]
        # Bit 0: checked by hash; bit 1 would mean that the source is read at every import all the same.
        assert {1} == {int.from_bytes(path.read_bytes()[4:8], "little") for path in compiled}

    def test_has_nothing_of_other_targets(self, packed: Artifact) -> None:
        """Server, Azure's bridge, tools, tests and the other parts of Chalice stay at home."""
        present = {path.relative_to(packed.folder).as_posix() for path in packed.folder.rglob("*.py")}

        assert {"aws/lambda_api.py", "functions/hosts/function_host.py", "common/config/settings.py"} <= present
        assert [] == [name for name in present if name.startswith(("functions/server/", "tests/", "azure/", "tools/"))]
        chalice = {path.relative_to(packed.folder).as_posix() for path in packed.folder.rglob("chalice/*")}
        assert {f"{name}c" for name in CHALICE_FILES} == chalice
        assert not (packed.folder / "bin").exists()

    def test_has_everything_that_is_imported(self, packed: Artifact) -> None:
        """What our code imports, also when it is first used, was not left out; the platform brings one module itself."""
        names = imports(path for folder in FOLDERS for path in (packed.folder / folder).rglob("*.py"))
        wanted = {name for name in names if name.split(".")[0] not in ("azure", "snapshot_restore_py", *OPTIONAL)}

        assert {"onelogin.saml2.response", "alembic.migration", "botocore.session"} & wanted
        assert [] == missing(packed.python, [packed.folder], wanted)

    def test_knows_the_services_that_are_called(self, packed: Artifact) -> None:
        """The SDK in the artifact makes a client of each service, though its descriptions of others are left out."""
        program = (
            "from botocore.session import Session; s = Session(); "
            f"print(*[s.create_client(name, region_name='eu-west-1', aws_access_key_id='x', aws_secret_access_key='x').meta.service_model.service_name for name in {SERVICES!r}])"
        )

        assert [*SERVICES] == run(packed, program).split()
        assert [*SERVICES] == sorted(path.name for path in (packed.folder / "botocore" / "data").iterdir() if path.is_dir())

    @pytest.mark.parametrize("region", ["eu-west-1", "us-gov-west-1", "cn-north-1"])
    def test_knows_where_the_services_are(self, packed: Artifact, region: str) -> None:
        """The addresses are those that the whole SDK knows, and the authorities that it trusts are there."""
        import botocore.session

        program = (
            "import os; from botocore.session import Session; from botocore.httpsession import where; assert os.path.exists(where()); s = Session(); "
            f"print(*[s.create_client(name, region_name={region!r}, aws_access_key_id='x', aws_secret_access_key='x').meta.endpoint_url for name in {SERVICES!r}])"
        )
        whole = [botocore.session.Session().create_client(name, region_name=region).meta.endpoint_url for name in SERVICES]

        assert whole == run(packed, program).split()

    def test_has_trimmed_libraries_that_work(self, packed: Artifact) -> None:
        """A library without its tables for debuggers is loaded as before."""
        libraries = list(packed.folder.rglob("*.so"))

        assert libraries
        assert [] == [path for path in libraries if loaded_part(path.read_bytes()) != path.read_bytes()]
        modules = (
            "sqlalchemy.engine.result, sqlalchemy.util, pydantic_core, msgspec, isal.igzip, cryptography.hazmat.bindings._rust"
        )
        assert (
            "good"
            == run(
                packed, f"import {modules}; import sqlalchemy; assert sqlalchemy.util.has_compiled_ext(); print('good')"
            ).strip()
        )


class TestDatabaseAuthorities:
    """Without them a deployment fails a quarter of an hour later, when the database is there and cannot be reached."""

    def build(self, tmp_path: Path, *more: str) -> int:
        """Return the exit code of a build that would fail for want of a Python, were it to begin."""
        return package_aws.main(["--folder", str(tmp_path / "out"), "--python-version", "2.0", *more])

    def test_absent_end_the_build_at_once(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """The message says what to fetch, and how to go on without."""
        code = self.build(tmp_path, "--database-ca", str(tmp_path / "database-ca.pem"))
        said = capsys.readouterr().err

        assert 1 == code
        assert "database-ca.pem is absent" in said
        assert "docs/deploy-aws.md" in said
        assert "--without-database-ca" in said
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize(
        "text", ["", "<Error>AccessDenied</Error>", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
    )
    def test_that_are_none_end_it_too(self, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
        """What a failed download left behind is no certificate."""
        path = tmp_path / "database-ca.pem"
        path.write_text(text)

        assert 1 == self.build(tmp_path, "--database-ca", str(path))
        assert "has no certificates of authorities in PEM form" in capsys.readouterr().err

    def test_present_or_not_wanted_let_it_begin(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], certificate: Certificate
    ) -> None:
        """With certificates, or for another kind of database, the build begins."""
        for more in (["--database-ca", str(certificate.certificate)], ["--without-database-ca"]):
            assert 1 == self.build(tmp_path, *more)
            assert "needs Python 2.0" in capsys.readouterr().err


class TestStart:
    def test_loads_nothing_dear(self, packed: Artifact) -> None:
        """A fresh process that has imported the API's entry has loaded no SDK, framework or migrations: they wait for their use."""
        program = f"import aws.lambda_api; print(*[name for name in {TOO_DEAR!r} if name in sys.modules])"

        assert [] == run(packed, program).split()

    def test_of_the_other_functions_loads_no_sdk(self, packed: Artifact) -> None:
        """The same holds for the jobs and the migration, but for Chalice."""
        dear = tuple(name for name in TOO_DEAR if name != "chalice")
        program = f"import aws.lambda_jobs, aws.lambda_migrate; print(*[name for name in {dear!r} if name in sys.modules])"

        assert [] == run(packed, program).split()

    def test_compiles_nothing(self, packed: Artifact) -> None:
        """No module is compiled while the API starts: the platform's disk is read-only, so it would be at every start."""
        before = set(packed.folder.rglob("*.pyc"))
        said = run(packed, "import aws.lambda_api", PYTHONVERBOSE="1", PYTHONDONTWRITEBYTECODE="1")

        assert "" == said
        assert before == set(packed.folder.rglob("*.pyc"))
