"""The wheel, installed with its own dependencies and nothing else, serves."""

import re
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.server.server_process import LIMIT_SECONDS, environment

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `stackhold` program of a fresh environment that has the wheel and its dependencies, without a cloud's extra."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, ROOT], check=True, timeout=300)
    (wheel,) = folder.glob("stackhold-*.whl")
    venv.create(folder / "env", with_pip=False)
    program = folder / "env" / "bin"
    subprocess.run([*pip, "--python", program / "python", "install", "--no-deps", "--no-index", wheel], check=True, timeout=300)
    (packages,) = (folder / "env" / "lib").glob("python*/site-packages")
    (metadata,) = packages.glob("stackhold-*.dist-info")
    for found in _closure(Distribution.at(metadata)):
        _link(found, packages)
    return program / "stackhold"


class TestWheel:
    def test_serves(self, installed: Path, tmp_path: Path) -> None:
        """`pip install stackhold` and `stackhold serve` answer the health check, make tables and show a page."""
        log = tmp_path / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [installed, "serve", "--port", "0"],
                cwd=tmp_path,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        try:
            deadline = time.monotonic() + LIMIT_SECONDS
            while not (found := re.search(r"serving (http://[^,]+),", log.read_text())):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            for path in ("/api/status", "/signin"):
                with urllib.request.urlopen(found[1] + path, timeout=LIMIT_SECONDS) as reply:
                    assert 200 == reply.status
        finally:
            process.terminate()
            process.wait(LIMIT_SECONDS)

    @pytest.mark.parametrize(
        ("settings", "extra"),
        [
            ({"PULUMI_KMS_KEY": "alias/stackhold"}, "aws"),
            ({"PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT": "s3://states"}, "aws"),
            ({"PULUMI_AZURE_KV_URI": "https://acme.vault.azure.net", "PULUMI_AZURE_KV_KEY_NAME": "master"}, "azure"),
            ({"PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT": "azblob://states", "AZURE_STORAGE_ACCOUNT": "acme"}, "azure"),
        ],
    )
    def test_names_the_extra_for_a_cloud(self, installed: Path, tmp_path: Path, settings: dict[str, str], extra: str) -> None:
        """What a cloud's setting needs is an extra of the package, not a file of a checkout."""
        ended = subprocess.run(
            [installed, "serve", "--port", "0"],
            cwd=tmp_path,
            env=environment(**settings),
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_SECONDS,
        )

        assert 1 == ended.returncode
        assert f"needs a package that is not installed: pip install 'stackhold[{extra}]'" in ended.stderr
        assert 1 == len(ended.stderr.splitlines())


def _closure(start: Distribution) -> Iterator[Distribution]:
    """Yield the distributions that an installation without extras would bring, from those of this environment."""
    pending, seen = [(start, "")], {("stackhold", "")}
    while pending:
        current, extra = pending.pop()
        for line in current.requires or ():
            requirement = Requirement(line)
            if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
                continue
            name = canonicalize_name(requirement.name)
            found = distribution(name)
            for wanted in ("", *requirement.extras):
                if (name, wanted) not in seen:
                    seen.add((name, wanted))
                    pending.append((found, wanted))
            yield found


def _link(found: Distribution, packages: Path) -> None:
    for file in found.files or ():
        top = file.parts[0]
        if top not in ("..", "__pycache__") and not (packages / top).exists():
            (packages / top).symlink_to(Path(str(found.locate_file(top))))
