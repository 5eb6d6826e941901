"""What would be sent to AWS: complete, small, compiled, and quick to start."""

import subprocess

from tests.aws.artifact import Artifact
from tools.package_aws import CHALICE_FILES, FOLDERS, LIMIT_BYTES, SERVICES, loaded_part, size_of

# What a start must not load: each costs a quarter of a second or more, and not every process needs it.
TOO_DEAR = ("alembic", "azure", "boto3", "botocore", "chalice", "fastapi", "opentelemetry.sdk", "sqlalchemy.orm", "uvicorn")


def run(packed: Artifact, program: str, **variables: str) -> str:
    """Runs a program in a fresh process that has nothing but the artifact, and returns what it prints."""
    # -S: nothing of the Python's own site-packages; -B: nothing is written; -P: nothing of the working folder.
    command = [str(packed.python), "-S", "-B", "-P", "-c", f"import sys; sys.path.insert(0, {str(packed.folder)!r}); {program}"]
    ended = subprocess.run(command, env={"PATH": "", **variables}, capture_output=True, text=True, check=False, timeout=60)
    assert 0 == ended.returncode, ended.stderr
    return ended.stdout


class TestContents:
    def test_is_small(self, packed: Artifact) -> None:
        """Everything together is at most 60 MiB: what is larger takes longer to start."""
        assert LIMIT_BYTES >= size_of(packed.folder)

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

        assert {"aws/lambda_api.py", "functions/hosting.py", "common/settings.py"} <= present
        assert [] == [
            name for name in present if name.startswith(("functions/server/", "functions/local", "tests/", "azure/", "tools/"))
        ]
        chalice = {path.relative_to(packed.folder).as_posix() for path in packed.folder.rglob("chalice/*")}
        assert {f"{name}c" for name in CHALICE_FILES} == chalice
        assert not (packed.folder / "bin").exists()

    def test_knows_the_services_that_are_called(self, packed: Artifact) -> None:
        """The SDK in the artifact makes a client of each service, though its descriptions of others are left out."""
        program = (
            "from botocore.session import Session; s = Session(); "
            f"print(*[s.create_client(name, region_name='eu-west-1', aws_access_key_id='x', aws_secret_access_key='x').meta.service_model.service_name for name in {SERVICES!r}])"
        )

        assert [*SERVICES] == run(packed, program).split()
        assert [*SERVICES] == sorted(path.name for path in (packed.folder / "botocore" / "data").iterdir() if path.is_dir())

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
