"""What the command line says of itself: options, defaults, and where an installation is."""

from pathlib import Path

import pytest

from common.config.settings import SETTINGS
from functions.server.options import OPTIONS
from tests.server.server_process import Served, run

DEFAULTS = {"--host": "127.0.0.1", "--port": "8080, or 8443 with TLS", "--workers": "1", "--data": "the user's data folder"}


class TestHelp:
    def test_shows_the_default_of_every_option(self, tmp_path: Path) -> None:
        """Defaults are printed and not taken for markup."""
        shown = " ".join(run(tmp_path, "serve", "--help", COLUMNS="200").stdout.replace("│", " ").split())

        assert set(DEFAULTS) == set(OPTIONS.values())
        for option, default in DEFAULTS.items():
            after = shown.partition(f" {option} ")[2]
            assert default in after.partition(" --")[0], option
            assert "[default: " in after.partition(" --")[0], option

    def test_names_every_command_in_one_sentence(self, tmp_path: Path) -> None:
        """The list of commands says what each is for."""
        shown = run(tmp_path, "--help", COLUMNS="200").stdout

        for command in ("serve", "migrate", "doctor", "add-user", "add-organization", "stop-requiring-saml", "version"):
            assert f" {command} " in shown


def test_version_is_an_option_too(tmp_path: Path) -> None:
    """`stackhold --version` prints what `stackhold version` does."""
    assert run(tmp_path, "version").stdout == run(tmp_path, "--version").stdout != ""


class TestOptions:
    @pytest.mark.parametrize(
        ("option", "value", "line"),
        [
            ("--port", "abc", "--port (STACKHOLD_PORT) must be a whole number from 0 to 65535"),
            ("--workers", "0", "--workers (STACKHOLD_WORKERS) must be a whole number from 1 to 256"),
        ],
    )
    def test_that_are_wrong_are_named_with_their_setting(self, tmp_path: Path, option: str, value: str, line: str) -> None:
        """An option is blamed by its own name, with the setting that it stands for."""
        assert f"stackhold: {line}\n" == run(tmp_path, "serve", option, value).stderr

    def test_a_wrong_setting_is_named_alone(self, tmp_path: Path) -> None:
        """A setting of the environment is not blamed on an option that was not given."""
        assert "stackhold: STACKHOLD_PORT must be" in run(tmp_path, "serve", STACKHOLD_PORT="abc").stderr

    def test_a_wrong_host_is_not_blamed_on_the_port(self, tmp_path: Path) -> None:
        """An address of another machine is named with the option for addresses."""
        said = run(tmp_path, "serve", "--host", "203.0.113.7", "--port", "0").stderr

        assert "stackhold: cannot listen on 203.0.113.7: not an address of this machine (STACKHOLD_HOST or --host)\n" == said

    def test_stand_for_settings_of_the_table(self) -> None:
        """An option replaces a setting that there is."""
        assert set(OPTIONS) <= {setting.name for setting in SETTINGS}


class TestDataFolder:
    def test_is_the_users_own_in_a_folder_without_one(self, tmp_path: Path) -> None:
        """Started anywhere, the server finds the one installation of its user, and makes no folder where it stands."""
        here, home = tmp_path / "here", tmp_path / "home"
        here.mkdir()
        settings = {"STACKHOLD_DATA": "", "XDG_DATA_HOME": str(home)}
        with Served(here, **settings) as server:
            assert f"new installation in {home}/stackhold" in server.log
        (tmp_path / "elsewhere").mkdir()
        added = run(tmp_path / "elsewhere", "add-user", "alice", **settings)

        assert {"stdout.log", "stderr.log"} == {path.name for path in here.iterdir()}
        assert 0 == added.returncode, added.stderr

    def test_is_the_one_here_where_there_is_one(self, tmp_path: Path) -> None:
        """A folder that has an installation keeps it."""
        (tmp_path / ".stackhold").mkdir()
        with Served(tmp_path, STACKHOLD_DATA="", XDG_DATA_HOME=str(tmp_path / "home")) as server:
            assert f"new installation in {tmp_path}/.stackhold" in server.log
