"""Several people in one organization: members, roles, teams and machines, and what each of them is told.

The command line has commands for members and roles; teams and tokens it reaches with `pulumi api`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import matrix
from tests.e2e.cli import Cli, Result, Server
from tests.e2e.matrix import Feature
from tests.e2e.project import REFRESH, UP, Project, ProjectFactory, secret, stash
from tests.e2e.server import ServerProcess, running_server

COMMAND_SECONDS = 60.0
READ, WRITE = 101, 102
# What CLIs say whose token is refused: the server's words, or since 3.274 their own if it was good before.
SIGNED_OUT = ("No credentials provided or are invalid", "this command requires logging in")
VAULT = {"vault": stash(secret("1234"))}, {"code": "${vault.output}"}


@dataclass(frozen=True, slots=True)
class Company:
    """An organization of one test; the operator makes its people, beside the running server."""

    server: Server
    data: Path
    admin: Cli
    make_cli: Callable[[Server], Cli]

    @property
    def org(self) -> str:
        """The organization's name."""
        return self.server.org

    def person(self, login: str, *options: str) -> Cli:
        """Make a person; their name is what `login` says and something that no other test has."""
        name = unique(login)
        line = operate(self.data, "add-user", name, "--name", login.title(), *options)
        cli = self.make_cli(Server(self.server.url, line.split()[0].removeprefix("PULUMI_ACCESS_TOKEN="), self.org))
        cli.login()
        return cli

    def member(self, login: str, role: str = "member") -> Cli:
        """Make a person who belongs to the organization."""
        return self.person(login, "--org", self.org, "--role", role)

    def call(self, method: str, path: str = "", **body: Any) -> Any:
        """Call the API below the organization's address as its administrator, and return the JSON that comes back."""
        args = ["api", "-X", method, f"/api/orgs/{self.org}{path}"]
        shown = self.admin.run([*args, "--body", json.dumps(body)] if body else args, self.admin.home).stdout
        return json.loads(shown) if shown.strip() else None

    def team(self, *members: Cli) -> str:
        """Make a team of people."""
        self.call("POST", "/teams/pulumi", name="platform", displayName="Platform", description="")
        for member in members:
            self.call("PATCH", "/teams/platform", memberAction="add", member=login_of(member))
        return "platform"

    def role(self, *permissions: str) -> str:
        """Make a role that allows something everywhere, and return its id."""
        details = {"__type": "PermissionDescriptorAllow", "permissions": list(permissions)}
        return str(self.call("POST", "/roles", name=unique("role"), uxPurpose="role", details=details)["id"])


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A server, and the folder of its data, where the operator works."""
    if running_server():
        pytest.skip("people are made on the server's own machine")
    data = tmp_path_factory.mktemp("people") / "data"
    started = ServerProcess(data)
    started.start()
    yield started.server, data
    started.stop()


@pytest.fixture
def company(process: tuple[Server, Path], make_cli: Callable[[Server], Cli]) -> Company:
    """An organization with the administrator alone, who has signed in."""
    (server, data), org = process, unique("acme")
    operate(data, "add-organization", org)
    own = Server(server.url, server.token, org)
    admin = make_cli(own)
    matrix.require(admin, Feature.PEOPLE)
    admin.login()
    return Company(own, data, admin, make_cli)


@pytest.fixture
def private(company: Company) -> Company:
    """The same, where members reach only what they are given."""
    company.call("PATCH", setDefaultStackPermission=0)
    return company


def operate(data: Path, *args: str) -> str:
    """Run a command of the operator's."""
    command = [str(Path(sys.executable).with_name("stackhold")), *args, "--data", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def unique(word: str) -> str:
    """A name that nothing else has."""
    return f"{word}-{uuid.uuid4().hex[:8]}"


def login_of(cli: Cli) -> str:
    """Who is signed in."""
    return cli.run(["whoami"], cli.home).stdout.strip()


def org(cli: Cli, *args: str, ok: bool = True) -> Result:
    """Run a command about the organization."""
    return cli.run(["org", *args, "--org", cli.server.org], cli.home, ok=ok)


def rows(result: Result) -> list[list[str]]:
    """The cells of a printed table, without its head."""
    lines = [line for line in result.stdout.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines[1:]]


def details(cli: Cli, *permissions: str) -> str:
    """A file that says what a role allows."""
    path = cli.home / "details.json"
    path.write_text(json.dumps({"__type": "PermissionDescriptorAllow", "permissions": list(permissions)}), encoding="utf-8")
    return str(path)


def colleague(project: Project, cli: Cli, folder: Path) -> Project:
    """The same program in the hands of another user."""
    own = Project(cli, folder / unique("checkout"), project.name)
    own.write(*VAULT)
    return own


@pytest.fixture
def shop(company: Company, make_project: ProjectFactory) -> Project:
    """The administrator's project, with one update of one stack, whose output is secret."""
    project = make_project(company.admin)
    project.write(*VAULT)
    project.init()
    project.run(*UP)
    return project


def test_members(company: Company) -> None:
    """Members are listed with name, role and date of joining, get another role, and are removed."""
    bob, admin = login_of(company.member("bob", "billing-manager")), company.admin

    before = rows(org(admin, "member", "list"))
    edited = org(admin, "member", "edit", bob, "--role", "admin")
    one = rows(org(admin, "member", "list", "--count", "1"))
    removed = org(admin, "member", "remove", bob, "--yes")
    after = json.loads(org(admin, "member", "list", "--output", "json").stdout)

    assert [["admin", "Administrator", "Admin"], [bob, "Bob", "Billing Manager"]] == [row[:3] for row in before]
    assert ["20", "20"] == [row[3][:2] for row in before]
    assert "Role:            admin" in edited.stdout
    assert len(one) == 1
    assert f"Removed member {bob} from organization {company.org}." in removed.stdout
    assert ["admin"] == [member["user"]["githubLogin"] for member in after["members"]]


def test_refused_changes_of_members(company: Company) -> None:
    """Who may not, who is not there and who is needed: each refusal says so."""
    alice, admin, lost = company.member("alice"), company.admin, "removing organization member"
    name = login_of(alice)

    assert f"{name}, member of organization " in org(alice, "member", "edit", "admin", "--role", "member", ok=False).stderr
    assert "lacks the permission org_member:delete" in org(alice, "member", "remove", "admin", "--yes", ok=False).stderr
    assert "[404] Not Found: User 'zoe' not found" in org(admin, "member", "remove", "zoe", "--yes", ok=False).stderr
    assert "the role must be one of admin, member, billing-manager" in (
        org(admin, "member", "edit", name, "--role", "boss", ok=False).stderr
    )
    assert "last admin" in org(admin, "member", "edit", "admin", "--role", "member", ok=False).stderr
    assert f"{lost}: [400] Bad Request: you cannot remove yourself" in (
        org(admin, "member", "remove", "admin", "--yes", ok=False).stderr
    )
    assert {"admin": "Admin", name: "Member"} == {row[0]: row[2] for row in rows(org(admin, "member", "list"))}


def test_roles(company: Company) -> None:
    """A role is made from a file, listed, changed, given to a member by name, and removed by force while it is held."""
    bob, admin = login_of(company.member("bob")), company.admin
    org(admin, "role", "new", "reader", details(admin, "stack:read"), "--description", "Reads")

    made = {row[1]: row for row in rows(org(admin, "role", "list"))}
    role_id = made["reader"][0]
    edited = org(
        admin, "role", "edit", role_id, "--name", "auditor", "--details-file", details(admin, "stack:list", "stack:read")
    )
    given = org(admin, "member", "edit", bob, "--fga-role-name", "auditor")
    held = org(admin, "role", "remove", role_id, "--yes", ok=False)
    org(admin, "role", "remove", role_id, "--yes", "--force")
    left = [row[1] for row in rows(org(admin, "role", "list"))]

    assert ["Admin", "Member", "Billing Manager", "reader"] == list(made)
    assert "yes" == made["Member"][5]
    assert [role_id, "reader", "Reads", "role", "1", ""] == made["reader"]
    assert 'Updated role "auditor"' in edited.stdout
    assert "version: 2" in edited.stdout
    assert "FGA role:        auditor" in given.stdout
    assert "role 'auditor' is in use: 1 member" in held.stderr
    assert ["Admin", "Member", "Billing Manager"] == left
    assert {"admin": "Admin", bob: "Member"} == {row[0]: row[2] for row in rows(org(admin, "member", "list"))}


def test_refused_changes_of_roles(company: Company) -> None:
    """A role with an unknown permission, a second one of a name, and changes of built-in roles are refused in words."""
    admin, alice = company.admin, company.member("alice")
    org(admin, "role", "new", "reader", details(admin, "stack:read"))
    built_in = {row[1]: row[0] for row in rows(org(admin, "role", "list"))}["Member"]

    assert "'reader' already exists" in org(admin, "role", "new", "reader", details(admin, "stack:read"), ok=False).stderr
    assert "'stack:fly'" in org(admin, "role", "new", "pilot", details(admin, "stack:fly"), ok=False).stderr
    assert "built in" in org(admin, "role", "edit", built_in, "--name", "boss", ok=False).stderr
    assert "built in" in org(admin, "role", "remove", built_in, "--yes", "--force", ok=False).stderr
    assert "role 'nope' not found" in org(admin, "role", "remove", "nope", "--yes", ok=False).stderr
    assert "lacks the permission role:read" in org(alice, "role", "list", ok=False).stderr
    assert "lacks the permission role:create" in org(alice, "role", "new", "x", details(alice, "stack:read"), ok=False).stderr


def test_a_team_is_given_a_stack(private: Company, shop: Project, tmp_path: Path) -> None:
    """Without a grant the stack is not there; readers see all and change nothing; writers update it."""
    alice = private.member("alice")
    team, own = private.team(alice), colleague(shop, alice, tmp_path)
    stack = {"projectName": shop.name, "stackName": "dev"}

    hidden = own.run("stack", "select", shop.stack(), ok=False)
    listed = own.run("stack", "ls", "--all", "--json").json()
    private.call("PATCH", f"/teams/{team}", addStackPermission={**stack, "permission": READ})
    own.run("stack", "select", shop.stack())
    read = own.run("stack", "output", "code", "--show-secrets")
    refused = [own.run(*args, ok=False) for args in (UP, ("stack", "rm", "--yes"), ("stack", "tag", "set", "owner", "alice"))]
    private.call("PATCH", f"/teams/{team}", editStackPermission={**stack, "permission": WRITE})
    written = own.run(*UP)
    private.call("PATCH", f"/teams/{team}", removeStack=stack)
    gone = own.run("stack", "select", shop.stack(), ok=False)

    assert "no stack named" in hidden.stderr
    assert [] == listed
    assert "1234" == read.stdout.strip()
    assert ["stack:write", "stack:delete", "stack_tags:update"] == [
        one.stderr.partition("lacks the permission ")[2].split()[0] for one in refused
    ]
    assert written.changes() == {"unchanged": 2}
    assert "no stack named" in gone.stderr


def test_a_role_without_secrets(private: Company, shop: Project, tmp_path: Path) -> None:
    """A team's role that leaves out `stack:decrypt` shows the stack and not its secrets."""
    alice, role = private.member("alice"), private.role("stack:list", "stack:read", "stack:export")
    team, own = private.team(alice), colleague(shop, alice, tmp_path)

    assigned = org(private.admin, "role", "assign", role, team)
    own.run("stack", "select", shop.stack())
    masked = own.run("stack", "output")
    exported = own.run("stack", "export")
    refused = [own.run("stack", *args, "--show-secrets", ok=False) for args in (("output", "code"), ("export",))]

    assert f'Assigned role "{role}" to team "{team}"' in assigned.stdout
    assert "[secret]" in masked.stdout
    assert "1234" not in exported.text
    assert ["stack:decrypt"] * 2 == [one.stderr.partition("lacks the permission ")[2].split()[0] for one in refused]
    assert "1234" not in "".join(one.text for one in refused)


def test_machines(private: Company, shop: Project, tmp_path: Path) -> None:
    """An organization's and a team's token are told apart from people, do what they were given, and end when revoked."""
    role = private.role("stack:list", "stack:read", "stack:write", "stack:export", "stack:encrypt", "stack:decrypt")
    team = private.team()
    made = [
        private.call("POST", "/tokens", name=unique("ci"), description="", expires=0, admin=False, roleID=role),
        private.call("POST", f"/teams/{team}/tokens", name=unique("ci"), description="", expires=0),
    ]
    ci, bot = (private.make_cli(Server(private.server.url, token["tokenValue"], private.org)) for token in made)
    for machine in (ci, bot):
        machine.login()

    told = [machine.run(["whoami", "-v"], machine.home).stdout for machine in (ci, bot)]
    own = colleague(shop, ci, tmp_path)
    own.run("stack", "select", shop.stack())
    updated = own.run(*REFRESH)
    hidden = colleague(shop, bot, tmp_path).run("stack", "select", shop.stack(), ok=False)
    refused = own.run("stack", "rm", "--yes", ok=False)
    private.call("DELETE", f"/tokens/{made[0]['id']}")
    out = own.run("stack", "output", ok=False)

    assert f"Token type: organization: {private.org}" in told[0]
    assert f"Token type: team: {team}" in told[1]
    assert updated.changes() == {"unchanged": 2}
    assert "no stack named" in hidden.stderr
    assert "lacks the permission stack:delete" in refused.stderr
    assert any(text in out.stderr for text in SIGNED_OUT)


def test_strangers(company: Company, shop: Project, tmp_path: Path) -> None:
    """Who is in no organization but their own finds nothing of another one, by whatever name they ask."""
    carol = company.person("carol")
    own = colleague(shop, carol, tmp_path)

    asked = [own.run("stack", "select", shop.stack(name), ok=False).stderr for name in ("dev", "nope")]
    listed = org(carol, "member", "list", ok=False)
    made = own.run("stack", "init", shop.stack("mine"), ok=False)

    assert [error.replace("nope", "dev") for error in asked] == [asked[0]] * 2
    assert "no stack named" in asked[0]
    assert f"is not a member of organization {company.org}" in listed.stderr
    assert company.org in made.stderr
    assert shop.name not in carol.run(["stack", "ls", "--all"], carol.home).text


def test_default_organization_of_an_account(company: Company) -> None:
    """What a person has chosen in their account is where stacks go, unless this machine has chosen otherwise."""
    alice = company.member("alice")
    home = login_of(alice)

    first = alice.run(["org", "get-default"], alice.home).stdout.strip()
    alice.run(["api", "-X", "POST", f"/api/user/organizations/{home}/default"], alice.home)
    chosen = alice.run(["org", "get-default"], alice.home).stdout.strip()
    alice.run(["org", "set-default", company.org], alice.home)
    local = alice.run(["org", "get-default"], alice.home).stdout.strip()

    assert [company.org, home, company.org] == [first, chosen, local]


def test_audit_log(company: Company) -> None:
    """What happened to the organization is listed and exported, whole or narrowed, for those who may see it."""
    bob = company.member("bob")
    company.call("POST", "/tokens", name="ci", description="", admin=False, expires=0)
    company.team(bob)

    listed = json.loads(org(company.admin, "audit-log", "list", "--all", "--output", "json").stdout)
    shown = org(company.admin, "audit-log", "list", "--event-type", "organization-token-created")
    exported = org(company.admin, "audit-log", "export", "--user", "admin")
    refused = org(bob, "audit-log", "list", ok=False)

    assert {"organization-token-created", "team-created"} <= {event["event"] for event in listed["events"]}
    assert "Made token 'ci' of the organization" in shown.stdout
    assert "team-created" not in shown.stdout
    assert exported.stdout.startswith("Timestamp,Name,Login,Event")
    assert "lacks the permission audit_logs:read" in refused.stderr
