"""Writes the configuration files of stacks that were moved."""

import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from common.core.errors import StartUpError
from common.installation.moving.model import ConfigFile


def write_config_files(folder: Path, files: Sequence[ConfigFile]) -> list[str]:
    """Write `<project>/Pulumi.<stack>.yaml` for each stack, and return lines for the report; raises StartUpError.

    A file that is there already stays as it is: the new one gets a number at its end.
    """
    lines = [f"{len(files):,} configuration files in {folder}: copy them into their projects"]
    for file in files:
        project, name = folder / file.name.project, f"Pulumi.{file.name.name}.yaml"
        make_folder(project)
        path = _write_new(project, name, file.text)
        if path.name != name:
            lines.append(f"    {project / name} is there already and stays as it is: the new one is {path}")
    return lines


def make_folder(folder: Path) -> None:
    """Make a folder that only its owner can read, unless it is there; raises StartUpError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StartUpError(f"folder {folder} cannot be made: {error.strerror}") from error


def _write_new(folder: Path, name: str, text: str) -> Path:
    """Write a file that only its owner reads, under the first of `name`, `name.1`, `name.2` and so on that is free."""
    for number in count():
        path = folder / (f"{name}.{number}" if number else name)
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            continue
        except OSError as error:
            raise StartUpError(f"{path} cannot be written: {error.strerror}") from error
        return path
    raise AssertionError
