"""Templates and the stylesheet go wherever the modules go: without them a deployed server has no pages."""

import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

from tools import package_aws, package_azure

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "functions" / "pages"
NEEDED = {path.relative_to(ROOT).as_posix() for path in PAGES.rglob("*") if path.is_file() and "__pycache__" not in path.parts}


def lacking(names: Iterable[str]) -> set[str]:
    """What the pages need and a package lacks."""
    return NEEDED - set(names)


def test_there_are_templates_and_a_stylesheet() -> None:
    """What the other tests look for is there."""
    assert {
        "functions/pages/templates/base.html",
        "functions/pages/assets/manifest.json",
        "functions/pages/sessions.py",
    } <= NEEDED


def test_wheel_has_them(tmp_path: Path) -> None:
    """The wheel, which container images and laptops install, holds them."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")

    with zipfile.ZipFile(wheel) as opened:
        assert set() == lacking(opened.namelist())


def test_aws_package_has_them() -> None:
    """The Lambda functions' package holds them."""
    assert set() == lacking(path.as_posix() for path in package_aws.own_files())


def test_azure_package_has_them() -> None:
    """The function app's package holds them."""
    assert set() == lacking(path.as_posix() for path in package_azure.own_files())
