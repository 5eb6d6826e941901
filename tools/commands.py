"""Writes what docs/commands.md says of the command line, from the command line itself."""

from collections.abc import Iterator

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from functions.server.cli import app


def lines() -> Iterator[str]:
    """Yield the lines of docs/commands.md below its head."""
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)  # noqa: S101 - the application has several commands
    found = tuple(commands(root, "stackhold"))
    yield from ("| command | |", "|---|---|")
    for name, command in found:
        yield f"| [`{name}`](#{name.replace(' ', '-')}) | {_sentence(command)} |"
    for name, command in found:
        yield from ("", f"## {name}", "", _sentence(command), "", "```text", usage(name, command), "```")
        rows = [_row(parameter) for parameter in command.params if isinstance(parameter, TyperArgument | TyperOption)]
        if rows:
            yield from ("", "| | default | |", "|---|---|---|", *rows)


def commands(group: TyperGroup, prefix: str) -> Iterator[tuple[str, TyperCommand]]:
    """Yield every command that does something, with its whole name, in the order of the help."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{prefix} {name}")
        elif isinstance(command, TyperCommand) and not command.hidden:
            yield f"{prefix} {name}", command


def usage(name: str, command: TyperCommand) -> str:
    """Return how a command is called, in one line."""
    with command.make_context(name, [], resilient_parsing=True) as context:
        return " ".join((name, *command.collect_usage_pieces(context)))


def _sentence(command: TyperCommand) -> str:
    return _cell(command.help or "")


def _row(parameter: TyperArgument | TyperOption) -> str:
    names = parameter.opts if isinstance(parameter, TyperOption) else [parameter.name or ""]
    default = parameter.show_default if isinstance(parameter.show_default, str) else parameter.default
    is_said = default not in (None, "", False)
    shown = f"`{default}`" if is_said and default == parameter.default else str(default) if is_said else ""
    return f"| {', '.join(f'`{name}`' for name in names)} | {_cell(shown)} | {_cell(parameter.help or '')} |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
