"""No one learns from an answer whether another tenant's thing exists.

Wherever a call names something, a real thing that the caller may not know of and one that never was are answered alike, at
the same cost, and nothing of it is in any reply.

SQLite only, for the reason of test_matrix.py.
"""

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.ids import is_id, new_id
from common.db.tables.people import invites
from common.rights.permissions import Permission
from functions.http.app import create_loaded_app
from tests.authorization import neighbour
from tests.authorization.needs import LEASE, On, Row, org, stack
from tests.authorization.positions import OF_UPDATES, Position, filled, positions
from tests.authorization.requests import O, row
from tests.authorization.rewinding import Rewinder
from tests.authorization.rows.roles import NOTHING, OF_DEV, R
from tests.authorization.table import ROWS
from tests.authorization.world import World, build, mark_used, start_updates
from tests.counting import Counter, counted
from tests.factories.roles import make_role
from tests.stacks.engine.builders import urn

HOME = "home"
# As much as a look-up under a former name costs.
STATEMENTS_MORE_OR_LESS = 1
COMPOSED = {"__type": "PermissionDescriptorCompose", "permissionDescriptors": ["<set custom>"]}
ON_DEV = {
    "__type": "PermissionDescriptorCondition",
    "subNode": NOTHING,
    "condition": {
        "__type": "PermissionExpressionEqual",
        "left": {"__type": "PermissionExpressionStack"},
        "right": {"__type": "PermissionLiteralExpressionStack", "identity": "<stack dev>"},
    },
}
# Places in bodies that the table's rows do not have.
MORE_ROWS = (
    row("POST", f"{O}/roles", org(Permission.ROLE_CREATE), body={"name": "fresh", "details": COMPOSED}, case="composed"),
    row("POST", f"{O}/roles", org(Permission.ROLE_CREATE), body={"name": "fresh", "details": ON_DEV}, case="on a stack"),
    row("PATCH", R, org(Permission.ROLE_UPDATE), body={"details": COMPOSED}, case="composed"),
    row(
        "POST",
        f"{O}/assignments/update",
        stack(Permission.STACK_ACCESS_UPDATE),
        body={**OF_DEV, "userId": "uma", "permissionSetId": "<set custom>"},
        case="a custom set",
    ),
)
# Anyone who has a signed address may use it, and no one can guess another: such a call names nothing that could be tested for.
# Nor do the public documents of the issuer, whose keys are made anew after each rewinding.
ALL_ROWS = tuple(one for one in (*ROWS, *MORE_ROWS) if "{signed}" not in one.path and not one.path.startswith("/oidc/"))
# Places that name a user. Users are known to all: clients look for "User 'x' not found", and for another text when the user
# exists and is not in the organization, so anyone who may add members to some organization can tell the two apart.
NAMES_USERS = {("at", "login"), ("body", "githubLogin"), ("body", "member"), ("body", "userId")}
# Members know their organization.
NAMES_OWN_ORG = {("at", "org"), ("body", "orgLogin")}
ABOUT_STACKS = (On.STACK, On.EVERY_STACK, On.LISTED, On.ENVIRONMENT)
NAMES_STACKS = OF_UPDATES | {"shop", "dev", "<stack dev>"}
MADE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}|pul-[0-9a-f]{40}|[0-9a-f]{32}|[A-Za-z0-9_-]{80,}\.[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller can see of a call: its outcome, with what was sent left out, and how much work it was."""

    status: int
    text: str
    statements: int

    def is_like(self, other: "Answer") -> bool:
        """Whether no one could tell the two apart."""
        near = abs(self.statements - other.statements) <= STATEMENTS_MORE_OR_LESS
        return near and (self.status, self.text) == (other.status, other.text)


@dataclass
class Scene:
    """Acme with all that is in it, the neighbour's organization, and the application."""

    world: World
    own: dict[str, str]
    client: TestClient
    counter: Counter
    rewinder: Rewinder
    missing: dict[str, str]
    leaks: list[str]
    calls: int = 0

    def ask(self, asked: Row, authorization: str, hidden: list[str]) -> Answer:
        """Make a call; what is hidden from the caller and was not sent may not come back."""
        path = asked.path
        for name, value in asked.at.items():
            path = path.replace(f"{{{name}}}", self.of_acme(value))
        commits = self.rewinder.commits()
        self.counter.reset()
        self.calls += 1
        body = {} if asked.body is None else {"json": self.world.filled(asked.body)}
        found = self.client.request(asked.method, path, params=asked.query, headers={"Authorization": authorization}, **body)
        statements = self.counter.statements
        if self.rewinder.commits() != commits:
            self.rewinder.rewind(HOME)
        sent = f"{path} {asked.body}"
        self.leaks += [f"{asked.name} tells {secret}" for secret in hidden if secret in found.text and secret not in sent]
        return Answer(found.status_code, self._without_names(found.text), statements)

    def compare(self, what: str, answers: list[Answer]) -> None:
        """Note a leak unless all answers are alike."""
        if not all(answers[0].is_like(answer) for answer in answers):
            self.leaks.append(f"{what}: {answers}")

    def of_acme(self, text: str) -> str:
        """Return what a name in a row stands for in acme."""
        return str(self.world.filled(text))

    def of_globex(self, text: str) -> str:
        """Return what the neighbour has in its stead."""
        return self.own[text[1:-1]] if text.startswith("<") else neighbour.NAMES[text]

    def of_nobody(self, text: str) -> str:
        """Return the name of a thing of that form that does not exist."""
        real = self.of_acme(text)
        return self.missing.setdefault(real, _never_was(real))

    def _without_names(self, text: str) -> str:
        for name in sorted({*self.missing, *self.missing.values()}, key=len, reverse=True):
            text = text.replace(name, "…")
        return MADE.sub("…", text)


def _never_was(real: str) -> str:
    if is_id(real):
        return new_id()
    if re.fullmatch("[0-9a-f]+", real):
        return secrets.token_hex(len(real) // 2)
    if real.startswith("urn:"):
        return urn("none")
    return real[:-8] + "AAAAAAA=" if real.endswith("=") else f"no-{real}"


@pytest.fixture(scope="module")
def built_scene(shared_backend: Backend) -> Iterator[Scene]:
    """Acme and its neighbour, with updates running in both; the invitation is for an address that none of the callers has."""
    world = build(shared_backend, ROWS)
    world.names["set custom"] = make_role(shared_backend, name="custom", purpose="set")
    start_updates(world)
    with shared_backend.db.begin() as tx:
        tx.execute(update(invites).values(email="other@example.com"))
    own = neighbour.build(shared_backend, world.texts["gina"])
    mark_used(world)
    rewinder = Rewinder(shared_backend)
    rewinder.remember(HOME)
    app = create_loaded_app(shared_backend)
    with TestClient(app, raise_server_exceptions=False) as client, counted(shared_backend) as counter:
        yield Scene(world, own, client, counter, rewinder, {}, [])
    rewinder.close()


@pytest.fixture
def scene(built_scene: Scene) -> Scene:
    """The scene as it was built."""
    built_scene.rewinder.rewind(HOME)
    built_scene.leaks.clear()
    built_scene.calls = 0
    return built_scene


def of_stacks(world: World) -> list[str]:
    """Return what only those may see who may see acme's stacks."""
    ids = [value for name, value in world.names.items() if name.partition(" ")[0] in ("stack", "new", "live", "plain")]
    return [*ids, "secret-of-acme", "value-of-acme", "update-live", "secret-of-environment"]


def of_people(world: World) -> list[str]:
    """Return what only those may see who belong to acme."""
    things = [
        value
        for name, value in world.names.items()
        if name.startswith(("role ", "team ", "token ", "invite", "set custom", "scim "))
    ]
    public = world.names["role admin"]
    return [*(value for value in things if value != public), "uma@example.com", "librarian", "member-ci", *world.leases.values()]


def changed(place: Position | None, other: Callable[[str], str], usual: Callable[[str], str]) -> Callable[[Position, str], str]:
    """Return a choice that puts something else in one place."""
    return lambda at, text: other(text) if at == place else usual(text)


class TestNeighbour:
    def test_cannot_tell_anything_of_another_organization(self, scene: Scene) -> None:
        """For the admin of another organization everything of acme is as if it did not exist, in every place of every call."""
        hidden = of_stacks(scene.world) + of_people(scene.world)
        lease = f"update-token {scene.own['lease']}"
        for one in ALL_ROWS:
            authorization = lease if LEASE in one.needs else f"token {scene.world.texts['gina']}"

            def ask(choose: Callable[[Position, str], str], one: Row = one, who: str = authorization) -> Answer:
                return scene.ask(filled(one, choose), who, hidden)

            def theirs(text: str) -> str:
                return "acme" if text == "annex" else scene.of_acme(text)

            for place in positions(one):
                if place in NAMES_USERS:
                    continue
                real, none = changed(place, theirs, scene.of_globex), changed(place, scene.of_nobody, scene.of_globex)
                scene.compare(f"{one.name} at {place}", [ask(none), ask(real)])
            whole = [
                ask(lambda _, text: scene.of_nobody(text)),
                ask(lambda _, text: theirs(text)),
                ask(changed(("at", "org"), theirs, scene.of_nobody)),
            ]
            scene.compare(f"{one.name} as a whole", whole)
        report(scene)


class TestMemberWithoutRights:
    @pytest.mark.parametrize("caller", ["a clerk", "a token"])
    def test_cannot_tell_anything_that_no_permission_shows(self, scene: Scene, caller: str) -> None:
        """Anyone who belongs to acme and holds nothing there is refused for what exists as for what does not."""
        clerk, _ = scene.world.clerks[frozenset()]
        bare = next(who.authorization for who in scene.world.whos if who.name == "a team's token, given nothing")
        authorization = f"token {clerk}" if caller == "a clerk" else bare
        for one in ALL_ROWS:
            if LEASE not in one.needs:
                compare_from_inside(scene, one, authorization, lambda at, _: at not in NAMES_OWN_ORG)
        report(scene)

    @pytest.mark.parametrize("login", ["mia", "tara"])
    def test_cannot_tell_that_there_are_stacks(self, scene: Scene, login: str) -> None:
        """A member whom the organization gives no stack, also one who administers a team, learns of none, by no call."""
        for one in ALL_ROWS:
            named = NAMES_STACKS if any(check.on in ABOUT_STACKS for check in one.needs) else frozenset()
            compare_from_inside(scene, one, f"token {scene.world.texts[login]}", named_in(named))
        report(scene)


def named_in(names: frozenset[str]) -> Callable[[Position, str], bool]:
    """Return the choice of the places in which one of these is named."""
    return lambda _, text: text in names


def compare_from_inside(scene: Scene, one: Row, authorization: str, counts: Callable[[Position, str], bool]) -> None:
    """Compare the real call with those in which one thing is missing."""
    hidden = of_stacks(scene.world)
    texts: dict[Position, str] = {}
    filled(one, texts.setdefault)
    for text in texts.values():
        scene.of_nobody(text)
    real = scene.ask(filled(one, lambda _, text: scene.of_acme(text)), authorization, hidden)
    for place in (at for at, text in texts.items() if counts(at, text)):
        none = scene.ask(filled(one, changed(place, scene.of_nobody, scene.of_acme)), authorization, hidden)
        scene.compare(f"{one.name} at {place}", [real, none])


def report(scene: Scene) -> None:
    """Print how much was tried, and fail for any leak."""
    print(f"leaks: {scene.calls} calls of {len(ALL_ROWS)} rows, {len(scene.leaks)} leaks")
    assert not scene.leaks, "\n".join(leak[:300] for leak in scene.leaks)
