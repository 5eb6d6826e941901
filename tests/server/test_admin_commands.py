import json
from pathlib import Path

import pytest
from httpx2 import Client

from common.config.settings import Settings
from functions.server.listener import login_address
from tests.server.server_process import Served, run

TOKEN = "pul-" + "0123456789" * 4
# The login of a new user, and the address that the server listens on meanwhile.
LISTENING = {"dave": "127.0.0.1", "erin": "0.0.0.0"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an installation that has organization acme."""
    folder = tmp_path_factory.mktemp("people")
    with Served(folder, STACKHOLD_BOOTSTRAP_TOKEN=TOKEN, STACKHOLD_BOOTSTRAP_ORG="acme"):
        pass
    assert 0 == run(folder, "add-user", "carol", "--email", "taken@example.com").returncode
    return folder


class TestAddUser:
    def test_prints_a_token_that_signs_in(self, data: Path) -> None:
        """The printed token is the new person's, who is in the organization, while the server runs."""
        with Served(data) as served:
            done = run(data, "add-user", "alice", "--org", "acme", "--email", "alice@example.com")
            token = done.stdout.split()[0].removeprefix("PULUMI_ACCESS_TOKEN=")
            user = json.loads(served.call("/api/user", token=token)[1])

        assert (0, "") == (done.returncode, done.stderr)
        assert "alice" == user["githubLogin"]
        assert {"acme": "member", "alice": "admin"} == {org["githubLogin"]: org["role"] for org in user["organizations"]}

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (["admin"], "stackhold: the name 'admin' is taken, by a user or an organization"),
            (["acme"], "stackhold: the name 'acme' is taken, by a user or an organization"),
            (["ACME"], "stackhold: the name 'ACME' is taken, by a user or an organization"),
            (["bob", "--email", "notmail"], "stackhold: 'notmail' is not an e-mail address"),
            (
                ["bob", "--email", "Taken@example.com"],
                "stackhold: the address taken@example.com is already used by another user",
            ),
            (
                ["settings"],
                "stackhold: the name 'settings' is reserved for this server's own addresses; choose another one",
            ),
            (["bob", "--org", "globex"], "stackhold: there is no organization 'globex'"),
            (["bob", "--org", "acme", "--role", "king"], "stackhold: --role must be one of admin, member, billing-manager"),
        ],
    )
    def test_says_what_is_wrong_and_makes_nobody(self, data: Path, arguments: list[str], expected: str) -> None:
        """A refusal is one line and leaves nothing behind, so that the next try can use the same login."""
        done = run(data, "add-user", *arguments)

        assert (1, expected, "") == (done.returncode, done.stderr.strip(), done.stdout)
        if arguments[0] == "bob":
            assert "there is no user 'bob'" in run(data, "add-organization", "initech", "--admin", "bob").stderr

    def test_refuses_a_name_that_nobody_may_have(self, data: Path) -> None:
        """A login with a slash is a machine's, and no person's."""
        done = run(data, "add-user", "acme/ci")

        assert 1 == done.returncode
        assert "invalid owner name 'acme/ci'" in done.stderr

    def test_needs_an_installation(self, tmp_path: Path) -> None:
        """Without a database there is no one to add to, and none is made."""
        done = run(tmp_path, "add-user", "alice")

        assert 1 == done.returncode
        assert f"no installation in {tmp_path}/.stackhold; pass its data folder with --data" in done.stderr
        assert [] == list(tmp_path.rglob("*.db"))


class TestSignInLink:
    def test_signs_a_user_in(self, data: Path) -> None:
        """The printed address is that of a running server and leads in once, without a token."""
        assert 0 == run(data, "add-user", "frank").returncode
        with Served(data) as served:
            port = served.url.rpartition(":")[2]
            done = run(data, "sign-in-link", "frank", STACKHOLD_PORT=port, STACKHOLD_BASE_PATH="/pulumi")
            link = done.stdout.splitlines()[0]
            with Client(base_url=served.url) as browser:
                path = link.removeprefix(f"{served.url}/pulumi")
                first = browser.get(path)
                page = browser.get("/settings").text
                second = browser.get(path)

        assert (0, "") == (done.returncode, done.stderr)
        assert "It works once, within an hour." in done.stdout
        assert (303, 404) == (first.status_code, second.status_code)
        assert "frank" in page

    @pytest.mark.parametrize("login", ["nobody", "acme", "acme/ci"])
    def test_is_for_people(self, data: Path, login: str) -> None:
        """Neither an unknown login nor an organization's or a machine's gets one."""
        done = run(data, "sign-in-link", login)

        assert (1, f"stackhold: there is no user '{login}'") == (done.returncode, done.stderr.strip())


class TestLoginAddress:
    @pytest.mark.parametrize(
        ("settings", "address"),
        [
            ({}, "http://localhost:8080"),
            ({"STACKHOLD_HOST": "0.0.0.0"}, "http://localhost:8080"),
            ({"STACKHOLD_HOST": "::", "STACKHOLD_PORT": "9000"}, "http://[::1]:9000"),
            ({"STACKHOLD_HOST": "10.0.0.5"}, "http://10.0.0.5:8080"),
            ({"API_TLS_CERTIFICATE": "x", "API_TLS_PRIVATE_KEY": "x"}, "https://127.0.0.1:8443"),
            ({"PULUMI_API_DOMAIN": "api.example.com", "STACKHOLD_BASE_PATH": "/pulumi"}, "https://api.example.com/pulumi"),
        ],
    )
    def test_is_the_public_one_where_it_is_known(self, settings: dict[str, str], address: str) -> None:
        """The line that a new person pastes has an address, never a placeholder."""
        assert address == login_address(Settings(settings))

    def test_says_what_to_set_where_it_is_not_known(self, data: Path) -> None:
        """A server that listens to other machines cannot know the name they reach it by."""
        local, remote = (run(data, "add-user", login, STACKHOLD_HOST=host) for login, host in LISTENING.items())

        assert local.stdout.endswith(" pulumi login http://localhost:8080\n")
        assert (
            "pulumi login http://localhost:8080\nThis address works on this machine only: set PULUMI_API_DOMAIN" in remote.stdout
        )


class TestAddOrganization:
    def test_makes_it_with_an_admin(self, data: Path) -> None:
        """The named person administers the new organization."""
        done = run(data, "add-organization", "globex", "--admin", "admin")
        with Served(data) as served:
            user = json.loads(served.call("/api/user", token=TOKEN)[1])

        assert "Added organization globex; admin is its administrator.\n" == done.stdout
        assert "admin" == {org["githubLogin"]: org["role"] for org in user["organizations"]}["globex"]
