import json
from pathlib import Path

import pytest

from tests.server.server_process import Served, run

TOKEN = "pul-" + "0123456789" * 4


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
            (["admin"], "stackhold: Conflict: the name 'admin' is taken, by a user or an organization"),
            (["acme"], "stackhold: Conflict: the name 'acme' is taken, by a user or an organization"),
            (["ACME"], "stackhold: Conflict: the name 'ACME' is taken, by a user or an organization"),
            (["bob", "--email", "notmail"], "stackhold: Bad Request: 'notmail' is not an e-mail address"),
            (
                ["bob", "--email", "Taken@example.com"],
                "stackhold: Conflict: the address taken@example.com is already used by another user",
            ),
            (
                ["settings"],
                "stackhold: Bad Request: the name 'settings' is reserved for this server's own addresses; choose another one",
            ),
            (["bob", "--org", "globex"], "stackhold: Not Found: there is no organization 'globex'"),
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
        """Without a database there is nobody to add to, and none is made."""
        done = run(tmp_path, "add-user", "alice")

        assert 1 == done.returncode
        assert f"no installation in {tmp_path}/.stackhold; name its data folder with --data" in done.stderr
        assert [] == list(tmp_path.rglob("*.db"))


class TestAddOrganization:
    def test_makes_it_with_an_admin(self, data: Path) -> None:
        """The named person administers the new organization."""
        done = run(data, "add-organization", "globex", "--admin", "admin")
        with Served(data) as served:
            user = json.loads(served.call("/api/user", token=TOKEN)[1])

        assert "Added organization globex; admin is its administrator.\n" == done.stdout
        assert "admin" == {org["githubLogin"]: org["role"] for org in user["organizations"]}["globex"]
