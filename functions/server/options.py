"""Options that several commands have, and the settings that they replace."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from common.config.setting_notices import notices
from common.config.settings import Settings
from common.core.errors import StartUpError

DATA_DEFAULT = ".stackhold here if it exists, else the user's data folder"
DataOption = Annotated[Path | None, typer.Option("--data", help="Data folder.", show_default=DATA_DEFAULT)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]
# Option → the setting that it replaces.
OPTIONS = {"STACKHOLD_HOST": "--host", "STACKHOLD_PORT": "--port", "STACKHOLD_DATA": "--data", "STACKHOLD_WORKERS": "--workers"}


def settings_of(chosen: Mapping[str, object]) -> Settings:
    """Return the settings of the environment with options in their place, after saying which of them have no effect."""
    from common.config.secret_references import resolved  # noqa: PLC0415 - as above

    for line in notices(os.environ):
        report_line(line)
    values = {name: str(value) for name, value in chosen.items() if value is not None}
    settings = Settings(resolved(os.environ), {Settings.data_folder.name: str(_default_data_folder())})
    try:
        return settings.replaced(**values)
    except StartUpError as error:
        name = str(error).partition(" ")[0]
        raise StartUpError(f"{OPTIONS[name]} ({name}){str(error).removeprefix(name)}" if name in values else str(error)) from None


def _default_data_folder() -> Path:
    """Return the data folder where none is named: `.stackhold` in a checkout or where there is one, else the user's own."""
    here = Path(".stackhold")
    if here.exists() or Path.cwd() == Path(__file__).resolve().parents[2]:
        return here
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "stackhold"


def report_line(line: str) -> int:
    """Print a line for the operator on standard error, and return the exit code of a failure."""
    print(f"stackhold: {line}", file=sys.stderr)
    return 1
