"""Configuration files of stacks that were moved."""

from pathlib import Path

from common.installation.moving.model import ConfigFile, StackName
from functions.server.config_files import write_config_files
from functions.server.moving_commands import shown

FILES = [ConfigFile(StackName("shop", "dev"), "config: {}\n")]


def test_are_for_their_owner_alone(tmp_path: Path) -> None:
    """The files, and the folders that are made for them."""
    write_config_files(tmp_path / "new", FILES)
    path = tmp_path / "new" / "shop" / "Pulumi.dev.yaml"

    assert "config: {}\n" == path.read_text()
    assert (0o600, 0o700) == (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777)


def test_replace_no_file(tmp_path: Path) -> None:
    """A file of the name may be a project's own: the new one is written beside it, and the report names it."""
    path = tmp_path / "shop" / "Pulumi.dev.yaml"
    path.parent.mkdir()
    path.write_text("mine")
    for number in (1, 2):
        (_count, line) = write_config_files(tmp_path, FILES)
        assert line.endswith(f"Pulumi.dev.yaml.{number}")

    assert "mine" == path.read_text()


def test_a_name_of_a_source_controls_no_terminal() -> None:
    """Neither its colours nor its lines."""
    assert "a\\u001b[31m\\u000a+ b: é" == shown("a\x1b[31m\n+ b: é")
