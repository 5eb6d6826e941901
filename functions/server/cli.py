"""The command line: `stackhold serve`, `migrate`, `doctor`, `verify`, `backup`, `restore`, `import`, `export` and others.

A problem is one line on standard error and an exit code other than 0. Options win over environment variables.
"""

import os
import sys
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from common.core.errors import BackendError, StartUpError
from functions.server.moving_app import export_app, import_app
from functions.server.options import DataOption, JsonOption, report_line, settings_of

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
audit_app = typer.Typer(no_args_is_help=True, help="Verify and export audit logs.")
app.add_typer(audit_app, name="audit")
keys_app = typer.Typer(no_args_is_help=True, help="List and replace master keys.")
app.add_typer(keys_app, name="keys")
state_app = typer.Typer(
    no_args_is_help=True, help="Compare and restore versions of states, on the installation you are signed in to."
)
app.add_typer(state_app, name="state")
app.add_typer(import_app, name="import")
app.add_typer(export_app, name="export")
INTERRUPTED = 130


def main() -> None:
    """Run the command line; the console script calls this."""
    os.umask(0o077)
    try:
        app()
    except StartUpError as error:
        sys.exit(report_line(str(error)))
    except BackendError as error:  # A service that stopped answering between two checks.
        sys.exit(report_line(error.detail))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _print_version(is_asked: bool) -> None:  # noqa: FBT001 - typer calls it with the option's value
    if is_asked:
        print(package_version("stackhold"))
        raise typer.Exit


@app.callback()
def options(
    *,
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Open-source, self-hosted backend for Pulumi."""


@app.command()
def serve(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[str | None, typer.Option(help="Port to listen on.", show_default="8080, or 8443 with TLS")] = None,
    data: DataOption = None,
    workers: Annotated[str | None, typer.Option(help="Number of server processes.", show_default="1")] = None,
) -> None:
    """Start the server; the first start prints how to sign in."""
    from functions.server.serve import serve as run  # noqa: PLC0415 - `stackhold version` needs none of it

    chosen = {"STACKHOLD_HOST": host, "STACKHOLD_PORT": port, "STACKHOLD_DATA": data, "STACKHOLD_WORKERS": workers}
    raise typer.Exit(run(settings_of(chosen)))


@app.command()
def migrate(*, data: DataOption = None) -> None:
    """Create or update the database's tables for this release."""
    from functions.server import startup  # noqa: PLC0415 - as above

    changed = startup.migrate(settings_of({"STACKHOLD_DATA": data}))
    print("The database was updated to this release." if changed else "The database is up to date.")


@app.command()
def doctor(*, as_json: JsonOption = False, data: DataOption = None) -> None:
    """Show the settings and services in use and what is wrong with them; changes nothing."""
    from functions.server.doctor import examine  # noqa: PLC0415 - as above

    finding = examine(settings_of({"STACKHOLD_DATA": data}), package_version("stackhold"), os.environ)
    print(msgspec.json.encode(finding).decode() if as_json else "\n".join(finding.lines))
    raise typer.Exit(0 if finding.is_well else 1)


@app.command()
def verify(
    *,
    all_versions: Annotated[bool, typer.Option("--all-versions", help="Check all versions, not only the newest ones.")] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Say which stored states, documents and data keys are missing or damaged; changes nothing, the server may be running."""
    from functions.server.verify import verify as run  # noqa: PLC0415 - as above

    is_well = run(settings_of({"STACKHOLD_DATA": data}), all_versions=all_versions, as_json=as_json, report=print)
    raise typer.Exit(0 if is_well else 1)


@app.command()
def backup(
    *,
    place: Annotated[str, typer.Argument(help="Folder, s3://bucket/prefix?… or azblob://container/prefix.")],
    include_key: Annotated[
        bool, typer.Option("--include-key", help="Keep the local master key in the backup, in the clear.")
    ] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Back up database and documents. The server may be running; what the place has already is not copied again."""
    from functions.server.backup_commands import backup as run  # noqa: PLC0415 - as above

    release, settings = package_version("stackhold"), settings_of({"STACKHOLD_DATA": data})
    is_whole = run(settings, place, release=release, include_key=include_key, as_json=as_json, report=print)
    raise typer.Exit(0 if is_whole else 1)


@app.command()
def restore(
    *,
    place: Annotated[str, typer.Argument(help="Folder, s3://bucket/prefix?… or azblob://container/prefix.")],
    backup_id: Annotated[str | None, typer.Option("--backup", help="Backup to restore.", show_default="the newest")] = None,
    rehearsal: Annotated[
        bool, typer.Option("--rehearsal", help="Do not send what waits in the backup: the original installation does.")
    ] = False,
    allow_lost_keys: Annotated[
        bool, typer.Option("--allow-lost-keys", help="Restore although data keys do not open: what they encrypt is lost.")
    ] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Restore a backup into an empty installation, also of another database, object store or key service."""
    from functions.server.backup_commands import restore as run  # noqa: PLC0415 - as above

    is_whole = run(
        settings_of({"STACKHOLD_DATA": data}),
        place,
        backup_id,
        as_json=as_json,
        report=print,
        is_rehearsal=rehearsal,
        allows_lost_keys=allow_lost_keys,
    )
    raise typer.Exit(0 if is_whole else 1)


@app.command()
def cost(*, as_json: JsonOption = False, data: DataOption = None) -> None:
    """Show what this installation would cost a month on AWS and Azure, by its own counts and list prices; changes nothing."""
    from functions.server.cost_command import report_costs  # noqa: PLC0415 - as above

    report_costs(settings_of({"STACKHOLD_DATA": data}), as_json=as_json, report=print)


@keys_app.command("rotate")
def rotate_keys(
    *,
    stopped: Annotated[bool, typer.Option("--stopped", help="No server is running, so none has to be restarted first.")] = False,
    values: Annotated[bool, typer.Option("--values", help="Replace the data keys too, and encrypt stored values again.")] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Wrap all data keys again with the master key in the settings; STACKHOLD_UNWRAP_KEYS names the previous one."""
    from functions.server import key_commands  # noqa: PLC0415 - as above

    settings = settings_of({"STACKHOLD_DATA": data})
    is_well = key_commands.rotate(settings, is_stopped=stopped, with_values=values, as_json=as_json, report=print)
    raise typer.Exit(0 if is_well else 1)


@keys_app.command("list")
def list_keys(*, data: DataOption = None) -> None:
    """Show how many data keys each master key has wrapped; changes nothing."""
    from functions.server import key_commands  # noqa: PLC0415 - as above

    key_commands.list_keys(settings_of({"STACKHOLD_DATA": data}), report=print)


@audit_app.command("verify")
def verify_audit(
    *,
    organization: Annotated[str | None, typer.Option(help="Organization with the log to verify.", show_default="all")] = None,
    from_file: Annotated[Path | None, typer.Option("--from", help="Export to verify, without an installation.")] = None,
    data: DataOption = None,
) -> None:
    """Say which record of an audit log is the first that was changed, removed or inserted; changes nothing."""
    from functions.server import audit_commands  # noqa: PLC0415 - as above

    if from_file is not None:
        is_well = audit_commands.verify_export(from_file, report=print)
    else:
        is_well = audit_commands.verify(settings_of({"STACKHOLD_DATA": data}), organization, report=print)
    raise typer.Exit(0 if is_well else 1)


@audit_app.command("export")
def export_audit(
    *,
    organization: Annotated[str, typer.Option(help="Organization with the log to export.")],
    data: DataOption = None,
) -> None:
    """Write the whole audit log of an organization to standard output, one JSON record a line."""
    from functions.server import audit_commands  # noqa: PLC0415 - as above

    audit_commands.export(settings_of({"STACKHOLD_DATA": data}), organization, write=sys.stdout.buffer.write)


StackArgument = Annotated[str, typer.Argument(help="Stack: organization/project/stack.", show_default=False)]
VersionOption = Annotated[
    str, typer.Option("--version", help="Version: a number, an update's id, or a time such as 2030-01-31T12:00:00Z.")
]


@state_app.command("diff")
def diff_states(
    before: Annotated[str, typer.Argument(help="organization/project/stack@version, or a file with an exported state.")],
    after: Annotated[str, typer.Argument(help="The same for the other side.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Show what is different between two states: of two versions, two stacks, or files. Secrets stay hidden."""
    from functions.server import api_client, state_commands  # noqa: PLC0415 - as above

    state_commands.diff(api_client.signed_in, before, after, as_json=as_json, report=print)


@state_app.command("show")
def show_state(stack: StackArgument, *, version: VersionOption = "latest") -> None:
    """Write the state of a version to standard output, with its secrets encrypted."""
    from functions.server import api_client, state_commands  # noqa: PLC0415 - as above

    state_commands.show(api_client.signed_in(), stack, version, report=print)


@state_app.command("restore")
def restore_state(
    stack: StackArgument,
    *,
    version: VersionOption,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Make the state of an earlier version the newest one; no version is lost. What is in the cloud is not touched."""
    from functions.server import api_client, state_commands  # noqa: PLC0415 - as above

    is_done = state_commands.restore(
        api_client.signed_in(), stack, version, confirm=lambda question: yes or typer.confirm(question), report=print
    )
    raise typer.Exit(0 if is_done else 1)


@state_app.command("check")
def check_state(stack: StackArgument, *, version: VersionOption = "latest") -> None:
    """Say whether the state of a version is one that Pulumi accepts, and how it would be repaired."""
    from functions.server import api_client, state_commands  # noqa: PLC0415 - as above

    raise typer.Exit(0 if state_commands.check(api_client.signed_in(), stack, version, report=print) else 1)


@state_app.command("repair")
def repair_state(
    stack: StackArgument,
    *,
    preview: Annotated[bool, typer.Option("--preview", help="Only show the steps.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Repair the newest state: its order, references to what does not exist, repeated entries. It becomes a new version."""
    from functions.server import api_client, state_commands  # noqa: PLC0415 - as above

    def confirm(question: str) -> bool:
        return not preview and (yes or typer.confirm(question))

    raise typer.Exit(0 if state_commands.repair(api_client.signed_in(), stack, confirm=confirm, report=print) else 1)


@app.command()
def add_user(
    *,
    login: Annotated[str, typer.Argument(help="Login: 3 to 40 letters, digits, hyphens and underscores.")],
    org: Annotated[str | None, typer.Option(help="Organization to add the user to.", show_default=False)] = None,
    role: Annotated[str, typer.Option(help="Role in that organization: member, admin or billing-manager.")] = "member",
    name: Annotated[str, typer.Option(help="Full name.")] = "",
    email: Annotated[str, typer.Option(help="E-mail address.")] = "",
    data: DataOption = None,
) -> None:
    """Add a user and print their access token, once. The server may be running."""
    from functions.server.admin_commands import add_user as run  # noqa: PLC0415 - as above

    print(run(settings_of({"STACKHOLD_DATA": data}), login, name=name, email=email, org=org, role=role))


@app.command()
def add_organization(
    *,
    login: Annotated[str, typer.Argument(help="Name of the organization.")],
    admin: Annotated[str, typer.Option(help="Login of its administrator.")] = "admin",
    data: DataOption = None,
) -> None:
    """Add an organization. The server may be running."""
    from functions.server.admin_commands import add_organization as run  # noqa: PLC0415 - as above

    print(run(settings_of({"STACKHOLD_DATA": data}), login, admin=admin))


@app.command()
def sign_in_link(
    *,
    login: Annotated[str, typer.Argument(help="Login of the user.")] = "admin",
    data: DataOption = None,
) -> None:
    """Print a link that signs a user in once, in a browser. The server may be running."""
    from functions.server.admin_commands import sign_in_link as run  # noqa: PLC0415 - as above

    print(run(settings_of({"STACKHOLD_DATA": data}), login))


@app.command()
def stop_requiring_saml(
    *,
    org: Annotated[str, typer.Argument(help="Organization whose members cannot sign in.")],
    data: DataOption = None,
) -> None:
    """Stop requiring SAML sign-in for an organization whose provider does not work. The server may be running."""
    from functions.server.admin_commands import stop_requiring_saml as run  # noqa: PLC0415 - as above

    print(run(settings_of({"STACKHOLD_DATA": data}), org))


@app.command()
def version() -> None:
    """Show the version."""
    print(package_version("stackhold"))


if __name__ == "__main__":
    main()
