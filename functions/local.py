"""The command line: `stackhold serve`, `migrate`, `doctor`, `add-user`, `add-organization` and `version`.

A problem is one line on standard error and an exit code other than 0. Options win over environment variables.
"""

import os
import sys
from collections.abc import Mapping
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Annotated

import typer

from common.errors import StartUpError
from common.setting_notices import notices
from common.settings import Settings

app = typer.Typer(
    help="Open-source, self-hosted backend for Pulumi.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
DataOption = Annotated[Path | None, typer.Option("--data", help="Data folder.  [default: .stackhold]", show_default=False)]
INTERRUPTED = 130


def main() -> None:
    """Run the command line; the console script calls this."""
    os.umask(0o077)
    try:
        app()
    except StartUpError as error:
        sys.exit(_report(str(error)))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


@app.command()
def serve(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.  [default: 127.0.0.1]", show_default=False)] = None,
    port: Annotated[
        str | None, typer.Option(help="Port to listen on.  [default: 8080; 8443 with TLS]", show_default=False)
    ] = None,
    data: DataOption = None,
    workers: Annotated[str | None, typer.Option(help="Server processes.  [default: 1]", show_default=False)] = None,
) -> None:
    """Start the server; the first start prints how to sign in."""
    from functions.server.serving import serve as run  # noqa: PLC0415 - `stackhold version` needs none of it

    given = {"STACKHOLD_HOST": host, "STACKHOLD_PORT": port, "STACKHOLD_DATA": data, "STACKHOLD_WORKERS": workers}
    raise typer.Exit(run(_settings(given)))


@app.command()
def migrate(*, data: DataOption = None) -> None:
    """Bring the database to this release's tables."""
    from functions.server import starting  # noqa: PLC0415 - as above

    changed = starting.migrate(_settings({"STACKHOLD_DATA": data}))
    print("The database is at this release's tables now." if changed else "The database is up to date.")


@app.command()
def doctor(*, data: DataOption = None) -> None:
    """Show the settings in force, the drivers in use and what is wrong; changes nothing."""
    from functions.server.doctor import examine  # noqa: PLC0415 - as above

    finding = examine(_settings({"STACKHOLD_DATA": data}), package_version("stackhold"))
    print("\n".join(finding.lines))
    raise typer.Exit(0 if finding.is_well else 1)


@app.command()
def verify(
    *,
    all_versions: Annotated[bool, typer.Option("--all-versions", help="Every version, not the newest of each stack.")] = False,
    data: DataOption = None,
) -> None:
    """Read the stored states and say which of them are missing or damaged; changes nothing, the server may be running."""
    from functions.server.verify import verify as run  # noqa: PLC0415 - as above

    is_well = run(_settings({"STACKHOLD_DATA": data}), all_versions=all_versions, report=print)
    raise typer.Exit(0 if is_well else 1)


@app.command()
def add_user(
    *,
    login: Annotated[str, typer.Argument(help="How the person is called: 3 to 40 letters, digits, hyphens, underscores.")],
    org: Annotated[str | None, typer.Option(help="An organization to join.", show_default=False)] = None,
    role: Annotated[str, typer.Option(help="The role there: member, admin or billing-manager.")] = "member",
    name: Annotated[str, typer.Option(help="The person's name.")] = "",
    email: Annotated[str, typer.Option(help="The person's address.")] = "",
    data: DataOption = None,
) -> None:
    """Make a person and print the token they sign in with, once; the server may be running."""
    from functions.server.people import add_user as run  # noqa: PLC0415 - as above

    print(run(_settings({"STACKHOLD_DATA": data}), login, name=name, email=email, org=org, role=role))


@app.command()
def add_organization(
    *,
    login: Annotated[str, typer.Argument(help="How the organization is called.")],
    admin: Annotated[str, typer.Option(help="Who administers it.")] = "admin",
    data: DataOption = None,
) -> None:
    """Make an organization; the server may be running."""
    from functions.server.people import add_organization as run  # noqa: PLC0415 - as above

    print(run(_settings({"STACKHOLD_DATA": data}), login, admin=admin))


@app.command()
def stop_requiring_saml(
    *, org: Annotated[str, typer.Argument(help="The organization whose members cannot get in.")], data: DataOption = None,
) -> None:  # fmt: skip
    """Let an organization's members in without its SAML provider, when nobody can mend that; the server may be running."""
    from functions.server.people import stop_requiring_saml as run  # noqa: PLC0415 - as above

    print(run(_settings({"STACKHOLD_DATA": data}), org))


@app.command()
def version() -> None:
    """Show the version."""
    print(package_version("stackhold"))


def _settings(given: Mapping[str, object]) -> Settings:
    """Return the settings of the environment with options in their place, after saying which of them have no effect."""
    for line in notices(os.environ):
        _report(line)
    from common.secret_references import resolved  # noqa: PLC0415 - as above

    return Settings(resolved(os.environ)).replaced(**{name: str(value) for name, value in given.items() if value is not None})


def _report(line: str) -> int:
    print(f"stackhold: {line}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    main()
