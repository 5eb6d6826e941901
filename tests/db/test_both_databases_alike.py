"""What SQLite and MySQL answer alike: row counts, exact names, every character."""

from contextlib import closing

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.errors import StartUpError
from common.db.engine import open_database
from common.db.migrate import check, migrate
from common.db.tables.stacks import stacks
from tests.mysql.shared import SharedServer
from tests.stacks.engine.builders import entry, make_resource
from tests.wire import begin, create_stack, error_of, export, resources_of

OWL, RABBIT, THUMB = "🦉 ünï", "🐰", "fix: 👍🏽 日本語 " + "x" * 5000


class TestRepeatWithinOneSecond:
    def test_is_renewed_each_time(self, client: TestClient) -> None:
        """A write of what is there already finds its row: no lease is lost because nothing changed."""
        update = begin(client, create_stack(client))

        assert [200] * 5 == [update.renew().status_code for _ in range(5)]
        assert all(update.renew().json()["token"] for _ in range(2))
        assert update.journal().status_code < 300

    def test_what_is_said_twice_is_answered_twice_alike(self, client: TestClient) -> None:
        """Tags, the end of an update and a cancellation may be repeated; a tag that was removed is not there any more."""
        stack = create_stack(client)
        tags = [client.patch(f"{stack}/tags", json={"a": "b"}).status_code for _ in range(2)]
        removed = [client.delete(f"{stack}/tags/a").status_code for _ in range(2)]
        update = begin(client, stack)
        ended = [update.complete().status_code for _ in range(2)]
        other = begin(client, stack)
        cancelled = [other.cancel().status_code for _ in range(2)]

        assert [204, 204, 204, 204] == [*tags, *ended]
        assert [204, 404] == removed
        assert 1 == len(set(cancelled))
        assert cancelled[0] < 300

    @pytest.mark.parametrize("call", [migrate, check])
    def test_fails_at_the_start_where_rows_are_not_counted_as_found(
        self, mysql_server: SharedServer, monkeypatch: pytest.MonkeyPatch, call: object
    ) -> None:
        """A connection without the flag is refused before the first request, in words that say why."""
        assert callable(call)
        with mysql_server.migrated() as name:
            monkeypatch.setattr("pymysql.constants.CLIENT.FOUND_ROWS", 0)
            with (
                closing(open_database(mysql_server.place(name), pool_size=1)) as database,
                pytest.raises(StartUpError, match="row count mode"),
            ):
                call(database)


class TestSnapshot:
    def test_stays_as_it_was_while_others_write(self, client: TestClient, backend: Backend) -> None:
        """A snapshot shows no row that was written after it began, and it does not hold up the writers."""
        create_stack(client, "before")
        names = select(stacks.c.name).order_by(stacks.c.name)
        with backend.db.snapshot() as connection:
            create_stack(client, "after")
            first, second = list(connection.scalars(names)), list(connection.scalars(names))

        assert ["before"] == first == second
        with backend.db.connect() as connection:
            assert ["after", "before"] == list(connection.scalars(names))


class TestNamesThatDifferByCaseOrSpace:
    def test_are_different_stacks(self, client: TestClient) -> None:
        """Stacks and projects are told apart byte by byte, and none reads or deletes another."""
        urls = {
            (project, name): create_stack(client, name, project=project, tags={"which": f"{project}/{name}"})
            for project, name in (("shop", "Dev"), ("shop", "dev"), ("Shop", "dev"))
        }
        read = {key: client.get(url).json()["tags"]["which"] for key, url in urls.items()}
        client.delete(urls["shop", "dev"])
        listed = client.get("/api/user/stacks").json()["stacks"]

        assert {key: "/".join(key) for key in urls} == read
        assert {("shop", "Dev"), ("Shop", "dev")} == {(one["projectName"], one["stackName"]) for one in listed}
        assert [200, 404, 200] == [client.get(url).status_code for url in urls.values()]

    @pytest.mark.parametrize(
        ("value", "found"),
        [("prod", ["a"]), ("Prod", ["b"]), ("PROD ", ["c"]), ("PROD", []), ("á", ["e"]), ("a", ["d"]), ("a ", [])],
    )
    def test_are_different_tag_values(self, client: TestClient, value: str, found: list[str]) -> None:
        """A filter finds exactly the value it names."""
        for name, tag in (("a", "prod"), ("b", "Prod"), ("c", "PROD "), ("d", "a"), ("e", "á")):
            create_stack(client, name, tags={"env": tag})
        listed = client.get("/api/user/stacks", params={"tagName": "env", "tagValue": value}).json()["stacks"]

        assert found == [one["stackName"] for one in listed]

    def test_no_longer_lead_to_each_other_after_a_rename(self, client: TestClient) -> None:
        """A name that differs from the old one by case alone is another name."""
        stack = create_stack(client, "dev")
        renamed = client.post(f"{stack}/rename", json={"newName": "Dev"})

        assert renamed.status_code < 300
        assert [404, 200] == [client.get(stack).status_code, client.get("/api/stacks/acme/shop/Dev").status_code]

    def test_are_different_tokens(self, client: TestClient) -> None:
        """A token matches in full or not at all."""
        authorization = client.headers["Authorization"]
        for other in (authorization.upper().replace("TOKEN PUL-", "token pul-"), f"{authorization}0"):
            assert other != authorization
            assert 401 == client.get("/api/user", headers={"Authorization": other}).status_code


class TestEmoji:
    def test_comes_back_as_it_was(self, client: TestClient) -> None:
        """Message, environment and configuration keep every character."""
        stack = create_stack(client, tags={"mood": "😀"})
        environment = {"git.head": "0", "git.author": "Ægir 🧊", "git.headName": "feature/日本"}
        config = {"shop:k": {"string": RABBIT, "secret": False, "object": False}}
        metadata = {"message": THUMB, "environment": environment}
        update = begin(client, stack, description=OWL, config=config, metadata=metadata)
        urn = "urn:pulumi:dev::shop::random:index/randomPet:RandomPet::😸"
        made = {**make_resource("x"), "urn": urn}
        created = update.journal(entry(1, 0, 1, operation={"resource": made, "type": "creating"}), entry(2, 1, 1, state=made))
        told = update.events({"sequence": 0, "timestamp": 1, "stdoutEvent": {"message": urn, "color": "never"}})
        ended = update.complete()
        (found,) = client.get(f"{stack}/updates", params={"pageSize": 1, "page": 1}).json()["updates"]
        events = client.get(f"{update.url}/events").json()["events"]

        assert {True} == {reply.status_code < 300 for reply in (created, told, ended)}
        assert (THUMB, environment, config) == (found["message"], found["environment"], found["config"])
        assert [urn] == [resource["urn"] for resource in resources_of(export(client, stack))]
        assert [urn] == [one["stdoutEvent"]["message"] for one in events if "stdoutEvent" in one]
        assert {"mood": "😀"} == {key: value for key, value in client.get(stack).json()["tags"].items() if key == "mood"}

    def test_finds_by_a_tag_value_of_it(self, client: TestClient) -> None:
        """Two symbols that some collations take for the same are not."""
        create_stack(client, "a", tags={"mood": "😀"})
        create_stack(client, "b", tags={"mood": "😁"})
        listed = client.get("/api/user/stacks", params={"tagName": "mood", "tagValue": "😁"}).json()["stacks"]

        assert ["b"] == [one["stackName"] for one in listed]

    @pytest.mark.parametrize(
        ("statement", "said"),
        [
            ("ALTER TABLE stacks CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "tables stacks are not in"),
            ("ALTER TABLE updates CONVERT TO CHARACTER SET latin1 COLLATE latin1_bin", "tables updates are not in"),
        ],
    )
    def test_fails_at_the_start_where_tables_would_fold_it(self, mysql_server: SharedServer, statement: str, said: str) -> None:
        """Tables that a user converted are found before a name is lost in them."""
        with mysql_server.migrated() as name:
            mysql_server.run(statement, database=name)
            with (
                closing(open_database(mysql_server.place(name), pool_size=1)) as database,
                pytest.raises(StartUpError, match=said),
            ):
                check(database)


def test_long_values_are_refused_and_not_cut(client: TestClient) -> None:
    """What is longer than its column is an error on both databases."""
    for body in (
        {"stackName": "dev", "tags": {"k": "v" * 257}},
        {"stackName": "d" * 101},
        {"stackName": "dev", "tags": {"k" * 41: "v"}},
    ):
        assert 400 == error_of(client.post("/api/stacks/acme/shop", json=body))[1]
