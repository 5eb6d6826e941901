"""How MySQL answers a directory in an installation with many organizations: by indexes alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, insert
from starlette.testclient import TestClient

from common.backend import Backend, open_backend
from common.config.settings import Settings
from common.core.ids import new_id
from common.db.migrate import migrate
from common.db.tables.metadata import METADATA
from common.db.tables.people import members, team_members, teams, users
from common.db.tables.sign_in import identities, scim_groups, scim_users
from common.people.orgs import steps as orgs
from common.ports.keys.local import create_key
from functions.http.app import create_app
from tests.factories.people import caller_of, make_user
from tests.mysql.shared import SharedServer
from tests.sign_in.scim.directory_client import Directory

ORGS, PEOPLE, GROUPS = 12, 400, 40
# Tables of so few rows here that MySQL may well read them whole.
TINY = {"organizations", "roles", "scim_tokens", "team_roles"}
ONE = "person-7@example.com"
Calls = tuple[tuple[str, str, object], ...]


@pytest.fixture(scope="module")
def scene(mysql_server: SharedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Backend, Directory]]:
    """A dozen organizations, each with the same people and groups in its directory."""
    folder: Path = tmp_path_factory.mktemp("scim")
    (folder / "objects").mkdir()
    create_key(folder / "keys")
    with mysql_server.fresh() as name:
        backend = open_backend(Settings({"STACKHOLD_DATA": str(folder), **mysql_server.settings(name)}))
        migrate(backend.db)
        token = make_user(backend, "admin")
        for number in range(ORGS):
            _fill(backend, caller_of(backend, token).user_id, f"org-{number}")
        mysql_server.run(f"ANALYZE TABLE {', '.join(METADATA.tables)}", database=name)
        with TestClient(create_app(backend)) as client:
            yield backend, Directory.connect(backend, client, caller_of(backend, token), "org-3")
        backend.close()


def _fill(backend: Backend, admin_id: str, org: str) -> None:
    people = [(new_id(), new_id(), number) for number in range(PEOPLE)]
    groups = [(new_id(), number) for number in range(GROUPS)]
    with backend.db.begin() as tx:
        org_id = orgs.create_organization(tx, login=org, admin_user_id=admin_id, now=backend.clock.now())
        tx.execute(
            insert(users),
            [
                {
                    "id": user_id,
                    "login": f"{org}-{number}-person",
                    "is_machine": False,
                    "name": "P",
                    "email": "",
                    "avatar_url": "",
                    "site_admin": False,
                    "default_org_id": None,
                    "created_at": 1,
                }
                for _, user_id, number in people
            ],
        )
        tx.execute(
            insert(members),
            [
                {"org_id": org_id, "user_id": user_id, "role": "member", "suspended": False, "created_at": 1}
                for _, user_id, _ in people
            ],
        )
        _fill_directory(tx, org_id, people)
        _fill_groups(tx, org_id, groups, people)


def _fill_directory(tx: Connection, org_id: str, people: list[tuple[str, str, int]]) -> None:
    tx.execute(
        insert(scim_users),
        [
            {
                "id": scim_id,
                "org_id": org_id,
                "user_id": user_id,
                "user_name": f"person-{number}@example.com",
                "external_id": f"e{number}",
                "email": f"person-{number}@example.com",
                "active": True,
                "document": f'{{"userName":"person-{number}@example.com"}}',
                "version": 1,
                "created_at": 1,
                "modified_at": 1,
            }
            for scim_id, user_id, number in people
        ],
    )
    tx.execute(
        insert(identities),
        [
            {
                "provider": f"saml:{org_id}",
                "subject": f"person-{number}@example.com",
                "user_id": user_id,
                "login": "",
                "email": "",
                "created_at": 1,
                "used_at": 1,
            }
            for _, user_id, number in people
        ],
    )


def _fill_groups(tx: Connection, org_id: str, groups: list[tuple[str, int]], people: list[tuple[str, str, int]]) -> None:
    tx.execute(
        insert(teams),
        [
            {
                "id": team_id,
                "org_id": org_id,
                "kind": "scim",
                "name": f"g{number}",
                "display_name": f"G{number}",
                "description": "",
                "created_at": 1,
            }
            for team_id, number in groups
        ],
    )
    tx.execute(
        insert(scim_groups),
        [
            {
                "team_id": team_id,
                "org_id": org_id,
                "display_name": f"G{number}",
                "external_id": f"g{number}",
                "version": 1,
                "created_at": 1,
                "modified_at": 1,
            }
            for team_id, number in groups
        ],
    )
    tx.execute(
        insert(team_members),
        [
            {"team_id": team_id, "user_id": user_id, "org_id": org_id, "role": "member", "created_at": 1}
            for team_id, number in groups
            for _, user_id, other in people
            if other % GROUPS == number
        ],
    )


LISTS = (
    f'/Users?filter=userName eq "{ONE}"',
    '/Users?filter=externalId eq "e7"',
    f'/Users?filter=emails.value eq "{ONE}"',
    "/Users?startIndex=101&count=100",
    "/Users?filter=active eq true&count=10",
    '/Groups?filter=displayName eq "G7"',
    '/Groups?filter=externalId eq "g7"',
    "/Groups?startIndex=1&count=30",
    "/Groups?excludedAttributes=members",
)


@pytest.mark.parametrize("path", LISTS)
def test_answers_a_list_by_indexes(scene: tuple[Backend, Directory], path: str) -> None:
    """No statement of a list walks through a table, and a list takes five at most."""
    backend, directory = scene
    directory.get(path)

    sent = _noted(backend, directory, "GET", path)

    assert 5 >= len(sent) > 1
    assert [] == _walked(backend, sent)


def test_changes_by_indexes(scene: tuple[Backend, Directory]) -> None:
    """No look-up of a change walks through a table."""
    backend, directory = scene
    [person] = directory.find("Users", f'userName eq "{ONE}"')
    [group] = directory.find("Groups", 'displayName eq "G9"', excludedAttributes="members")
    add = {"Operations": [{"op": "add", "path": "members", "value": [{"value": person["id"]}]}]}
    calls: Calls = (
        ("PATCH", f"/Users/{person['id']}", {"Operations": [{"op": "replace", "value": {"userName": "p7@example.com"}}]}),
        ("PATCH", f"/Users/{person['id']}", {"Operations": [{"op": "replace", "value": {"active": False}}]}),
        ("PATCH", f"/Groups/{group['id']}", add),
        ("POST", "/Users", {"userName": "fresh@example.com"}),
        ("POST", "/Groups", {"displayName": "Fresh"}),
        ("DELETE", f"/Users/{person['id']}", None),
        ("DELETE", f"/Groups/{group['id']}", None),
    )
    for method, path, body in calls:
        sent = _noted(backend, directory, method, path, body)
        assert [] == _walked(backend, [one for one in sent if one[0].startswith("SELECT")]), (method, path)


def _noted(backend: Backend, directory: Directory, method: str, path: str, body: object = None) -> list[tuple[str, object]]:
    """Return the statements of a call that succeeds."""
    sent: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        sent.append((statement, parameters))

    event.listen(backend.db.engine, "before_cursor_execute", note)
    try:
        reply = directory.call(method, path, **({"json": body} if body is not None else {}))
    finally:
        event.remove(backend.db.engine, "before_cursor_execute", note)
    assert 2 == reply.status_code // 100, reply.text
    return sent


def _walked(backend: Backend, sent: list[tuple[str, object]]) -> list[str]:
    """Return the tables through which MySQL walks for some statements, with the statements."""
    found: list[str] = []
    with backend.db.connect() as connection:
        for statement, parameters in sent:
            plan = connection.exec_driver_sql(f"EXPLAIN FORMAT=TRADITIONAL {statement}", parameters)  # type: ignore[arg-type]
            rows = [dict(row) for row in plan.mappings()]
            found += [
                f"{row['table']}: {statement}"
                for row in rows
                if row["type"] in ("ALL", "index") and row["table"] not in TINY and not str(row["table"]).startswith("<")
            ]
    return found
