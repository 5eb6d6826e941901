"""Stacks of another backend become stacks of an organization, whole or not at all."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.compression import unpack
from common.core.errors import NotFound
from common.db.tables.audit import audit_events
from common.installation.moving import moves
from common.installation.moving.api_source import ApiSource
from common.installation.moving.model import MovedStack, MovedTeam, Outcome, Result, StackName, TeamResult
from common.installation.moving.service import InstallationTarget, find_owner
from common.installation.moving.teams import import_team
from common.rights.caller import Caller
from common.stacks.model import StackPath
from common.stacks.service import listing, secrets
from common.stacks.state import service as state
from common.stacks.updates.service import history
from tests.factories.moving import (
    NAME,
    SALT,
    SECRET_CONFIG,
    SERVICE,
    FakeApi,
    FakeSource,
    make_moved,
    make_update,
    sealed,
    state_with,
)
from tests.factories.people import ORG, make_org, make_user, reloaded
from tests.interleaving import interleaved

PATH = StackPath(ORG, "shop", "dev")
URL = "https://stackhold.example.com"
FIRST, SECOND = state_with("v1:x:y", SALT), state_with("v1:x:y", SALT, size=2)


@pytest.fixture
def target(backend: Backend, admin: Caller) -> InstallationTarget:
    """Organization acme."""
    return InstallationTarget(backend, find_owner(backend, ORG, "admin"), URL)


@pytest.fixture
def source() -> FakeSource:
    """A source of one stack with two updates, in which the client encrypts."""
    source = FakeSource(has_service=False)
    updates = (make_update(1, message="first", author="alice"), make_update(2, config=SECRET_CONFIG, author="eve"))
    source.add(make_moved(*updates), FIRST, SECOND)
    return source


def move(source: FakeSource | ApiSource, target: InstallationTarget, *, is_dry_run: bool = False) -> list[Result]:
    """Move all stacks of a source."""
    return moves.move(source, target, source.list_names(), is_dry_run=is_dry_run, parallel=2, show=lambda _text: None)


def export(backend: Backend, admin: Caller, version: int) -> bytes:
    """Return the state of a version."""
    return unpack(state.export_version(backend, admin, PATH, version))


def test_a_stack_is_imported_with_its_history(
    backend: Backend, admin: Caller, client: TestClient, source: FakeSource, target: InstallationTarget
) -> None:
    """States byte for byte, dates, messages, tags, and authors who have an account here; the audit log has one event."""
    make_user(backend, "alice", org=ORG)
    results = move(source, target)
    updates = FakeApi(client).get("/api/stacks/acme/shop/dev/updates", **{"output-type": "service"})["updates"]

    assert [Result(NAME, Outcome.MOVED, 2)] == results
    assert {"group": "web"} == listing.get_stack(backend, admin, PATH).tags
    assert [FIRST, SECOND, SECOND] == [
        *(export(backend, admin, version) for version in (1, 2)),
        unpack(state.export(backend, admin, PATH)),
    ]
    assert [(2, "", "admin"), (1, "first", "alice")] == [
        (update["version"], update["info"]["message"], update["requestedBy"]["githubLogin"]) for update in updates
    ]
    assert [(1_700_000_002, 1_700_000_062), (1_700_000_001, 1_700_000_061)] == [
        (update["info"]["startTime"], update["info"]["endTime"]) for update in updates
    ]
    assert sealed("4711") == updates[0]["info"]["config"]["shop:pin"]["string"]
    with backend.db.connect() as connection:
        events = connection.scalars(select(audit_events.c.description).where(audit_events.c.description.like("Imported%")))
        assert ["Imported stack acme/shop/dev with 2 updates from another backend"] == events.all()


def test_a_dry_run_changes_nothing(backend: Backend, source: FakeSource, target: InstallationTarget, admin: Caller) -> None:
    """It says what would be done."""
    assert [Result(NAME, Outcome.NEW, 2)] == move(source, target, is_dry_run=True)
    with pytest.raises(NotFound):
        listing.get_stack(backend, admin, PATH)


def test_a_second_run_finds_what_is_there(
    backend: Backend, admin: Caller, source: FakeSource, target: InstallationTarget
) -> None:
    """By content: later updates here change nothing about it, later ones in the source are not passed over in silence."""
    move(source, target)
    state.import_state(backend, admin, state.require_import(backend, admin, PATH), SECOND)
    again = move(source, target)
    source.add(make_moved(*source.stacks[NAME].updates, make_update(3)), FIRST, SECOND, FIRST)
    later = move(source, target)

    assert [Outcome.UNCHANGED] == [result.outcome for result in again]
    assert [Outcome.FAILED] == [result.outcome for result in later]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            lambda stack: replace(stack, updates=[replace(stack.updates[0], ended_at=9), *stack.updates[1:]]), id="a date"
        ),
        pytest.param(lambda stack: replace(stack, updates=stack.updates[:1]), id="fewer updates with another state"),
    ],
)
def test_another_stack_of_the_name_stays(
    source: FakeSource, target: InstallationTarget, change: Callable[[MovedStack], MovedStack]
) -> None:
    """It is named and left alone."""
    move(source, target)
    source.stacks[NAME] = change(source.stacks[NAME])
    source.states[NAME, 1] = SECOND

    assert [Outcome.FAILED] == [result.outcome for result in move(source, target)]


def test_nothing_of_a_stack_that_fails_is_there(
    backend: Backend, admin: Caller, source: FakeSource, target: InstallationTarget
) -> None:
    """The others are imported; the next run imports it once its state can be read."""
    broken, whole = source.stacks[NAME], StackName("shop", "whole")
    source.add(make_moved(name=whole))
    source.states[NAME, 2] = b'{"version":99,"deployment":{}}'
    results = move(source, target)
    with pytest.raises(NotFound):
        listing.get_stack(backend, admin, PATH)
    source.states[NAME, 2] = SECOND
    again = move(source, target)

    assert [(NAME, Outcome.FAILED), (whole, Outcome.MOVED)] == [(result.name, result.outcome) for result in results]
    assert "must be a number from 1 to 4" in results[0].problem
    assert [Outcome.MOVED, Outcome.UNCHANGED] == [result.outcome for result in again]
    assert len(broken.updates) == again[0].updates


def test_a_lost_state_of_the_past_is_noted(
    backend: Backend, admin: Caller, source: FakeSource, target: InstallationTarget
) -> None:
    """The update is kept, with the state before it, and the newest state is right."""
    source.add(make_moved(*map(make_update, (1, 2, 3))), FIRST, FIRST, SECOND)
    del source.states[NAME, 2]
    (result,) = move(source, target)

    assert ("version 2 has no state of its own: lost",) == result.notes
    assert [FIRST, FIRST, SECOND] == [export(backend, admin, version) for version in (1, 2, 3)]


def test_two_imports_at_once_make_one_stack(source: FakeSource, target: InstallationTarget, backend: Backend) -> None:
    """The later one fails with the reason, and its next run finds the stack there."""
    first: list[Result] = []
    with interleaved(backend, "BEGIN", lambda: first.extend(move(source, target))):
        late = move(source, target)
    again = move(source, target)

    assert [Outcome.MOVED, Outcome.FAILED, Outcome.UNCHANGED] == [result.outcome for result in (*first, *late, *again)]
    assert "already exists" in late[0].problem


def test_versions_from_before_a_rename_have_the_present_name(
    backend: Backend, admin: Caller, source: FakeSource, target: InstallationTarget
) -> None:
    """As those of a stack that was renamed here."""
    old = FIRST.replace(b"urn:pulumi:dev::", b"urn:pulumi:old::")
    source.add(make_moved(*map(make_update, (1, 2))), old, SECOND)
    move(source, target)

    assert b"urn:pulumi:old::" not in export(backend, admin, 1)
    assert b"urn:pulumi:dev::shop" in export(backend, admin, 1)


def test_the_secrets_of_a_service_are_encrypted_anew(
    backend: Backend, admin: Caller, client: TestClient, target: InstallationTarget
) -> None:
    """Through the API of another organization: its secrets open in the new one, whose address the state names."""
    make_org(backend, "old", admin)
    owner = reloaded(backend, admin)
    old = InstallationTarget(backend, find_owner(backend, "old", "admin"), "https://api.example.com")
    first = FakeSource()
    first.add(make_moved(make_update(1, config=SECRET_CONFIG)), state_with(sealed('"pw"'), SERVICE))
    move(first, old)
    source = ApiSource(FakeApi(client), "old")
    results = move(source, target)
    deployment = json.loads(export(backend, admin, 1))["deployment"]
    entries = history.page_updates(backend, owner, PATH, history.Page(None, 0))[1]
    pin = json.loads(entries[0].program)["config"]["shop:pin"]["string"]
    password = deployment["resources"][0]["inputs"]["password"]["ciphertext"]

    assert [Result(NAME, Outcome.MOVED, 1)] == results
    assert {"url": URL, "owner": ORG, "project": "shop", "stack": "dev"} == deployment["secrets_providers"]["state"]
    assert {pin: b"4711", password: b'"pw"'} == secrets.batch_decrypt(backend, admin, PATH, [pin, password])
    assert [NAME] == [file.name for file in target.config_files]
    assert pin in target.config_files[0].text
    assert [Outcome.UNCHANGED] == [result.outcome for result in move(source, target)]


def test_who_imports_must_exist(backend: Backend, admin: Caller) -> None:
    """Organization and user are looked up before anything is read."""
    for org, login in (("unknown", "admin"), (ORG, "unknown")):
        with pytest.raises(NotFound, match="unknown"):
            find_owner(backend, org, login)


def test_teams_come_along(backend: Backend, admin: Caller, client: TestClient, target: InstallationTarget) -> None:
    """With members and stacks that are here; a team of the name stays as it is, and a dry run changes nothing."""
    make_org(backend, "old", admin)
    for login in ("alice", "eve"):
        make_user(backend, login, org="old")
    make_user(backend, "bob", org=ORG)
    source = FakeSource(has_service=False)
    source.add(make_moved(make_update(1)), FIRST)
    old = find_owner(backend, "old", "admin")
    move(source, InstallationTarget(backend, old, URL))
    api = FakeApi(client)
    api.post("/api/orgs/old/teams/pulumi", {"name": "web", "description": "The web team"})
    team = MovedTeam(
        "web", "Web", "", {"alice": "admin", "eve": "member", "bob": "member"}, {NAME: 102, StackName("shop", "x"): 103}
    )

    (listed,) = ApiSource(api, "old").list_teams()
    unchanged = import_team(backend, old, listed, {NAME}, is_dry_run=False)
    owner = find_owner(backend, ORG, "admin")
    move(source, target)
    planned, imported, again = (
        import_team(backend, owner, team, {NAME}, is_dry_run=is_dry_run) for is_dry_run in (True, False, False)
    )
    details = api.get("/api/orgs/acme/teams/web")

    assert MovedTeam("web", "", "The web team", {"admin": "admin"}, {}) == listed
    notes = ("alice is not a member here", "eve is not a member here", "stack shop/x was not imported")
    assert TeamResult("web", Outcome.UNCHANGED) == unchanged == again
    assert [TeamResult("web", outcome, notes=notes) for outcome in (Outcome.NEW, Outcome.MOVED)] == [planned, imported]
    assert [("bob", "member")] == [(member["githubLogin"], member["role"]) for member in details["members"]]
    assert [("shop", "dev", 102)] == [(one["projectName"], one["stackName"], one["permission"]) for one in details["stacks"]]


def test_a_team_gets_no_rights_on_a_stack_that_was_not_imported(
    backend: Backend, admin: Caller, client: TestClient, source: FakeSource, target: InstallationTarget
) -> None:
    """Another stack may have the name of one in the source."""
    move(source, target)
    owner = find_owner(backend, ORG, "admin")
    result = import_team(backend, owner, MovedTeam("web", "", "", {}, {NAME: 103}), set(), is_dry_run=False)

    assert ("stack shop/dev was not imported",) == result.notes
    assert [] == FakeApi(client).get("/api/orgs/acme/teams/web")["stacks"]
