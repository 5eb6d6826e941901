"""The commands that move stacks: `stackhold import diy`, `import service` and `export diy`."""

from pathlib import Path
from typing import Annotated

import typer

from functions.server.options import DataOption, JsonOption, settings_of

import_app = typer.Typer(no_args_is_help=True, help="Import stacks with their history from another backend.")
export_app = typer.Typer(no_args_is_help=True, help="Export stacks with their history to another backend.")

PlaceArgument = Annotated[str, typer.Argument(help="file://folder, s3://bucket/prefix?… or azblob://container/prefix.")]
OrgOption = Annotated[str, typer.Option("--org", help="Organization of this installation that the stacks go into.")]
OwnerOption = Annotated[str, typer.Option("--owner", help="User of this installation who owns the stacks.")]
StackOption = Annotated[
    list[str] | None, typer.Option("--stack", help="Stack to move: project/stack. May be repeated.", show_default="all")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would be done.")]
ParallelOption = Annotated[int, typer.Option("--parallel", min=1, max=32, help="Number of stacks that are moved at once.")]
ConfigFilesOption = Annotated[
    Path | None,
    typer.Option(
        "--config-files", help="Folder for Pulumi.<stack>.yaml files with the newest configuration.", show_default=False
    ),
]
UrlOption = Annotated[
    str | None, typer.Option("--this-url", help="Address of this installation for `pulumi login`.", show_default="by settings")
]


@import_app.command("diy")
def import_diy(
    place: PlaceArgument,
    *,
    org: OrgOption,
    owner: OwnerOption = "admin",
    project: Annotated[
        str, typer.Option("--project", help="Project of stacks in the old layout with an empty state.", show_default=False)
    ] = "",
    stack: StackOption = None,
    dry_run: DryRunOption = False,
    parallel: ParallelOption = 4,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Import the stacks of a DIY backend (a folder or a bucket), in either layout. The server may be running."""
    from functions.server import moving_commands  # noqa: PLC0415 - `stackhold version` needs none of it

    moving = moving_commands.Moving(stack or [], parallel=parallel, is_dry_run=dry_run, as_json=as_json, report=print)
    settings = settings_of({"STACKHOLD_DATA": data})
    raise typer.Exit(0 if moving.import_diy(settings, place, org=org, owner=owner, project=project) else 1)


@import_app.command("service")
def import_service(  # noqa: PLR0913 - one parameter for each option
    url: Annotated[str, typer.Argument(help="Address of the other service's API, such as https://api.pulumi.com.")],
    *,
    from_org: Annotated[str, typer.Option("--from-org", help="Organization of the other service.")],
    org: OrgOption,
    token_from_env: Annotated[
        str, typer.Option("--token-from-env", help="Environment variable with an access token of the other service.")
    ] = "PULUMI_ACCESS_TOKEN",  # noqa: S107 - the name of a variable
    owner: OwnerOption = "admin",
    this_url: UrlOption = None,
    teams: Annotated[
        bool, typer.Option("--teams", help="Import teams too, with members who are here and the imported stacks.")
    ] = False,
    stack: StackOption = None,
    dry_run: DryRunOption = False,
    parallel: ParallelOption = 4,
    config_files: ConfigFilesOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Import the stacks of Pulumi Cloud, or of another installation, through its API. The server may be running."""
    from functions.server import moving_commands  # noqa: PLC0415 - as above

    moving = moving_commands.Moving(
        stack or [], parallel=parallel, is_dry_run=dry_run, as_json=as_json, report=print, config_files=config_files
    )
    source = moving_commands.Service(url, token_from_env, from_org)
    settings = settings_of({"STACKHOLD_DATA": data})
    raise typer.Exit(0 if moving.import_service(settings, source, org=org, owner=owner, url=this_url, with_teams=teams) else 1)


@export_app.command("diy")
def export_diy(
    place: PlaceArgument,
    *,
    org: Annotated[str, typer.Option("--org", help="Organization to export.")],
    stack: StackOption = None,
    dry_run: DryRunOption = False,
    parallel: ParallelOption = 4,
    config_files: ConfigFilesOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Export stacks of the installation you are signed in to, so that `pulumi login file://…` works with them.

    Secrets that the service encrypted are encrypted with PULUMI_CONFIG_PASSPHRASE.
    """
    from functions.server import moving_commands  # noqa: PLC0415 - as above

    moving = moving_commands.Moving(
        stack or [], parallel=parallel, is_dry_run=dry_run, as_json=as_json, report=print, config_files=config_files
    )
    raise typer.Exit(0 if moving.export_diy(settings_of({"STACKHOLD_DATA": data}), place, org=org) else 1)
