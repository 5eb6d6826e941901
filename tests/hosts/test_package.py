"""The packed Azure function app, run by the platform's own library."""

import json
import re
import resource
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.cli import Server
from tests.hosts.azure_app import ROOT, AzureApp, platform_python
from tests.hosts.fixtures import AzureServices
from tests.packed import OPTIONAL, imports, missing
from tools import package_azure
from tools.packaging import loaded_part, size_of

TOO_DEAR = (
    "boto3",
    "botocore",
    "azure.core",
    "azure.identity",
    "azure.keyvault.keys",
    "azure.storage.blob",
    "alembic",
    "sqlalchemy.orm",
    "requests",
    "opentelemetry.sdk",
    "httpx",
    "functions.jobs",
    "cryptography.x509",
)
SETTINGS = {
    "PYTHONDONTWRITEBYTECODE": "1",
    "PULUMI_DATABASE_ENDPOINT": "127.0.0.1:3306",
    "PULUMI_DATABASE_USER_NAME": "stackhold",
    "DATABASE_MIN_TLS_VERSION": "1.2",
    "STACKHOLD_DATABASE_LOGIN": "entra",
    "PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT": "azblob://checkpoints",
    "AZURE_STORAGE_ACCOUNT": "acme",
    "PULUMI_AZURE_KV_URI": "https://acme.vault.azure.net",
    "PULUMI_AZURE_KV_KEY_NAME": "master",
}


@pytest.fixture
def app(
    azure_package: Path, new_azure_services: Callable[[], AzureServices], tmp_path: Path
) -> Iterator[tuple[AzureApp, AzureServices]]:
    """A started app on empty services; no timer has fired."""
    services = new_azure_services()
    started = AzureApp(azure_package, services.settings, tmp_path / "app.log")
    started.start()
    yield started, services
    started.stop()


def get(url: str, token: str = "", method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of an answer."""
    headers = {"Authorization": f"token {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers, method=method), timeout=60) as reply:
            return reply.status, dict(reply.headers), reply.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


class TestFunctions:
    def test_are_indexed_by_the_platform(self, app: tuple[AzureApp, AzureServices]) -> None:
        """The platform finds one HTTP function for every address and method, open to all, and one timer."""
        found = {function["name"]: function["bindings"] for function in app[0].functions()}
        (http, _), (timer,) = found["api"], found["jobs"]

        assert {"api", "jobs"} == set(found)
        assert ("httpTrigger", "ANONYMOUS", "{*path}", None) == (
            http["type"],
            http["authLevel"],
            http["route"],
            http.get("methods"),
        )
        assert ("timerTrigger", "0 * * * * *") == (timer["type"], timer["schedule"])
        assert (False, False) == (timer["runOnStartup"], timer["useMonitor"])


class TestPreparing:
    def test_is_done_by_the_timer(self, app: tuple[AzureApp, AzureServices]) -> None:
        """Before the first tick requests are told to come back; it makes tables and the administrator, and is repeatable."""
        started, services = app
        token = services.settings["STACKHOLD_BOOTSTRAP_TOKEN"]
        before = get(f"{started.url}/api/user", token)

        assert (503, 503) == (before[0], json.loads(before[2])["code"])
        assert [(202, "")] * 2 == [started.fire("jobs") for _ in range(2)]
        after = get(f"{started.url}/api/user", token)
        assert (200, "admin") == (after[0], json.loads(after[2])["githubLogin"])
        assert "requests cannot be served: the database is without tables" in started.log
        assert token not in started.log

    def test_asks_with_the_identity_of_the_app(self, app: tuple[AzureApp, AzureServices]) -> None:
        """Blob Storage and Key Vault are used with tokens of the managed identity: the app holds no key of theirs."""
        started, services = app
        started.fire("jobs")

        assert {"https://storage.azure.com", services.vault.resource} == set(services.identity.issued)
        assert "AZURE_STORAGE_KEY" not in services.settings

    def test_fails_loudly(self, azure_package: Path, new_azure_services: Callable[[], AzureServices], tmp_path: Path) -> None:
        """A wrong setting fails the timer with its name, and requests get our 503 and not the platform's page."""
        services = new_azure_services()
        broken = {**services.settings, "PULUMI_AZURE_KV_KEY_NAME": "absent"}
        started = AzureApp(azure_package, broken, tmp_path / "app.log")
        started.start()
        try:
            status, said = started.fire("jobs")
            reply = get(f"{started.url}/api/user")
        finally:
            started.stop()

        assert 500 == status
        assert "Key Vault key absent in " in said
        assert "does not exist" in said
        assert (503, 503) == (reply[0], json.loads(reply[2])["code"])


class TestRequests:
    def test_head_has_no_body(self, azure_server: Server) -> None:
        """A HEAD reaches the application, and its answer has headers alone."""
        status, headers, body = get(f"{azure_server.url}/api/user", azure_server.token, "HEAD")

        assert (200, b"", "application/json") == (status, body, headers["content-type"])
        assert 0 < int(headers["content-length"])

    def test_root_is_ours(self, azure_server: Server) -> None:
        """No address is left to the platform's own pages."""
        for path in ("/nope", "/favicon.ico", "/api/nope"):
            status, _, body = get(azure_server.url + path, azure_server.token)
            assert (404, 404) == (status, json.loads(body)["code"])
        # The start page leads to the sign-in page: templates and the stylesheet are in the package.
        status, headers, body = get(f"{azure_server.url}/")
        sheet = re.search(rb'href="(/assets/[a-z0-9-]+\.css)"', body)
        assert sheet is not None, body
        assert (200, "DENY") == (status, headers["x-frame-options"])
        assert 200 == get(azure_server.url + sheet[1].decode())[0]


class TestStart:
    def test_loads_no_sdk(self, azure_package: Path) -> None:
        """Indexing the app, with all settings there, loads neither an SDK nor what only jobs and migrations need."""
        program = "import sys, function_app; print(*[name for name in sys.argv[1:] if name in sys.modules])"
        loaded = subprocess.run(
            [*_python(azure_package), program, *TOO_DEAR],
            cwd=azure_package,
            env=SETTINGS,
            capture_output=True,
            text=True,
            check=True,
        )

        assert [] == loaded.stdout.split(), loaded.stderr

    def test_is_cheap(self, azure_package: Path) -> None:
        """With byte code the app costs little beyond the platform's own library: a budget as a ratio, for machines differ."""
        alone = min(_cpu_seconds(azure_package, "import azure.functions") for _ in range(4))
        whole = min(_cpu_seconds(azure_package, "import function_app") for _ in range(4))

        assert 3.6 * alone > whole, f"{alone * 1000:.0f} ms for azure.functions alone, {whole * 1000:.0f} ms for the app"


class TestPackage:
    def test_is_what_funcignore_leaves(self) -> None:
        """`func azure functionapp publish` sends the same files of ours as the package holds."""
        listed = ["git", "ls-files", "--cached", "--others", "-z"]
        everything = _git(*listed, "--exclude-standard")
        ignored = _git(*listed, "--ignored", "--exclude-from=.funcignore")

        assert everything - ignored == {path.as_posix() for path in package_azure.own_files()}

    def test_has_byte_code_for_the_platform(self, azure_package: Path) -> None:
        """Every module is compiled, independent of file times, with paths of the platform; libraries have no sources."""
        libraries = azure_package / package_azure.PACKAGES
        sources = [path for path in azure_package.rglob("*.py") if "__pycache__" not in path.parts]
        compiled = [path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc" for path in sources]
        of_libraries = list(libraries.rglob("*.pyc"))
        head = compiled[0].read_bytes()

        assert 250 < len(sources)
        assert [] == [path for path in sources if path.is_relative_to(libraries)]
        assert [] == [path for path in compiled if not path.exists()]
        assert 700 < len(of_libraries)
        assert {1} == {int.from_bytes(path.read_bytes()[4:8], "little") for path in (*compiled, *of_libraries)}
        assert str(azure_package).encode() not in head

    def test_is_small(self, azure_package: Path, tmp_path: Path) -> None:
        """The zip stays under 30 MiB, holds nothing of tests or other clouds, and is the same each time."""
        one, other = tmp_path / "one.zip", tmp_path / "other.zip"
        package_azure.pack(azure_package, one)
        package_azure.pack(azure_package, other)
        packages = {path.name for path in (azure_package / package_azure.PACKAGES).iterdir()}

        assert 30 << 20 > one.stat().st_size
        assert package_azure.LIMIT_BYTES > size_of(azure_package)
        assert one.read_bytes() == other.read_bytes()
        assert set() == packages & {"boto3", "botocore", "pytest", "uvicorn", "mangum", "cffi", "pycparser", "bin", ".lock"}
        assert {"function_app.py", "host.json"} < {path.name for path in azure_package.iterdir()}
        assert not (azure_package / "azure").exists()

    def test_has_everything_that_is_imported(self, azure_package: Path) -> None:
        """What our code imports, also when it is first used, was not left out."""
        names = imports(path for folder in package_azure.FOLDERS for path in (azure_package / folder).rglob("*.py"))
        wanted = {name for name in names if name.split(".")[0] not in ("botocore", *OPTIONAL)}

        assert "azure.storage.blob" in wanted
        assert [] == missing(platform_python(), [azure_package, azure_package / package_azure.PACKAGES], wanted)

    def test_has_nothing_that_is_never_loaded(self, azure_package: Path) -> None:
        """Tables for debuggers are taken off the compiled libraries, and files of compilers and installers are not there."""
        libraries = list(azure_package.rglob("*.so"))
        odd = [
            path
            for path in azure_package.rglob("*")
            if path.suffix in (".pyi", ".c", ".h", ".pxd") or path.name in ("RECORD", ".lock")
        ]

        assert libraries
        assert [] == [path for path in libraries if loaded_part(path.read_bytes()) != path.read_bytes()]
        assert [] == odd


def _python(package: Path) -> list[str]:
    """The platform's Python with the package's modules; a program text is to follow."""
    folders = [str(package / package_azure.PACKAGES), str(package)]
    return [str(platform_python()), "-c", f"import sys; sys.path[:1] = {folders!r}; sys.argv[1:2] = []; exec(sys.orig_argv[3])"]


def _cpu_seconds(package: Path, program: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*_python(package), program], cwd=package, env=SETTINGS, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _git(*command: str) -> set[str]:
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {name for name in said.split("\0") if name and (ROOT / name).exists()}
