"""Events of environments reach the webhooks of the environment and of its organization."""

from typing import Any

import pytest

from common.backend import Backend
from common.environments.cleanup import delete_expired as purge
from common.environments.model import LATEST, EnvironmentPath
from common.environments.repository import listing
from common.environments.service import cloning, definitions, revisions, rotation, tags
from common.environments.service.cloning import CloneRequest
from common.rights.caller import Caller
from common.webhooks import cleanup, service
from common.webhooks.model import Address, Format
from tests.clocks import FrozenClock
from tests.factories.environments import make_environment
from tests.factories.orgs import org_id_of
from tests.factories.people import ORG
from tests.factories.webhooks import ACME, deliver_all, make_webhook
from tests.peers.webhook_receiver import Received, WebhookReceiver

DEV = Address(ORG, "shop", environment="dev")
PASSWORD = "values: {pw: {fn::rotate::password: {inputs: {}}}}\n"


def told(receiver: WebhookReceiver) -> list[tuple[str, ...]]:
    """Return kind, environment and action of what was received, in any order of its environments."""
    return [_short(request) for request in receiver.take()]


def _short(request: Received) -> tuple[str, ...]:
    sent = request.json
    return (request.kind, sent["environmentName"], sent.get("action", ""))


@pytest.fixture
def path(server: Backend, admin: Caller) -> EnvironmentPath:
    """The environment shop/dev, with nothing left to deliver."""
    environment = make_environment(server, admin, "shop/dev", PASSWORD)
    deliver_all(server)
    return environment


class TestEvents:
    def test_of_one_environment(self, server: Backend, admin: Caller, path: EnvironmentPath, receiver: WebhookReceiver) -> None:
        """Every change of an environment is told to its webhook in their order, and to that of no other."""
        make_environment(server, admin, "shop/other", "values: {}\n")
        deliver_all(server)
        make_webhook(server, admin, receiver.url, address=DEV)
        make_webhook(server, admin, receiver.url, address=Address(ORG, "shop", environment="other"))
        definitions.update(server, admin, path, b"values: {b: 1}\n")
        revisions.create_tag(server, admin, path, "stable", 2)
        revisions.update_tag(server, admin, path, "stable", 3)
        revisions.delete_tag(server, admin, path, "stable")
        revisions.retract(server, admin, path, "2", None, "")
        tags.create_tag(server, admin, path, "team", "web")
        tags.update_tag(server, admin, path, "team", None, "", "api")
        tags.delete_tag(server, admin, path, "team")
        definitions.delete(server, admin, path)
        deliver_all(server)

        tag, revision_tag, revision = "environment_tag", "environment_revision_tag", "environment_revision"
        assert told(receiver) == [
            (revision, "dev", "created"),
            (revision_tag, "dev", "created"),
            (revision_tag, "dev", "updated"),
            (revision_tag, "dev", "deleted"),
            (revision, "dev", "retracted"),
            (tag, "dev", "created"),
            (tag, "dev", "updated"),
            (tag, "dev", "deleted"),
        ]

    def test_of_the_organization(self, server: Backend, admin: Caller, path: EnvironmentPath, receiver: WebhookReceiver) -> None:
        """The organization's webhook is told as well that environments come and go."""
        make_webhook(server, admin, receiver.url, groups=("environments",))
        cloning.clone(server, admin, path, CloneRequest("", "copy"))
        definitions.delete(server, admin, path)
        deliver_all(server)

        assert sorted(told(receiver)) == [("environment", "copy", "created"), ("environment", "dev", "deleted")]

    def test_have_the_documented_members(
        self, server: Backend, admin: Caller, path: EnvironmentPath, receiver: WebhookReceiver
    ) -> None:
        """The payload names people, environment, action, revision and tag."""
        make_webhook(server, admin, receiver.url, address=DEV)
        revisions.create_tag(server, admin, path, "stable", 1)
        deliver_all(server)

        (request,) = receiver.take()
        people = {"name": "Admin", "githubLogin": "admin", "avatarUrl": ""}
        sent: dict[str, Any] = request.json
        assert sent.pop("user")["githubLogin"] == people["githubLogin"]
        assert sent.pop("organization")["githubLogin"] == ORG
        assert sent == {
            "projectName": "shop",
            "environmentName": "dev",
            "action": "created",
            "tagName": "stable",
            "revision": 1,
        }

    def test_of_rotations(self, server: Backend, admin: Caller, path: EnvironmentPath, receiver: WebhookReceiver) -> None:
        """A rotation saves a revision, and tells how it ended."""
        make_webhook(server, admin, receiver.url, address=DEV, filters=("environment_rotation_succeeded",))
        rotation.rotate(server, admin, path, [])
        deliver_all(server)

        assert told(receiver) == [("environment_rotation", "dev", "succeeded")]

    @pytest.mark.parametrize("form", [Format.SLACK, Format.TEAMS])
    def test_are_told_to_people(
        self, server: Backend, admin: Caller, path: EnvironmentPath, receiver: WebhookReceiver, form: Format
    ) -> None:
        """Messages for people name the environment, what happened, and who did it."""
        make_webhook(server, admin, receiver.url, address=DEV, format=form)
        tags.create_tag(server, admin, path, "team", "web")
        deliver_all(server)

        assert "Tag team of environment acme/shop/dev was created, by admin" in receiver.take()[0].body.decode()


class TestImports:
    def test_are_told_to_who_imports(
        self, server: Backend, admin: Caller, path: EnvironmentPath, receiver: WebhookReceiver
    ) -> None:
        """Who imports the newest revision is told of another one; who imports a tag, when that moves."""
        make_environment(server, admin, "shop/newest", "imports: [shop/dev]\n")
        make_environment(server, admin, "shop/tagged", "values: {}\n")
        tagged = EnvironmentPath(ORG, "shop", "tagged")
        revisions.create_tag(server, admin, path, "stable", 1)
        definitions.update(server, admin, tagged, b"imports: [shop/dev@stable]\n")
        deliver_all(server)
        make_webhook(server, admin, receiver.url, filters=("imported_environment_changed",))
        make_webhook(
            server,
            admin,
            receiver.url,
            address=Address(ORG, "shop", environment="tagged"),
            filters=("imported_environment_changed",),
        )
        definitions.update(server, admin, path, b"values: {b: 1}\n")
        deliver_all(server)
        (of_newest,) = receiver.take()
        revisions.update_tag(server, admin, path, "stable", 3)
        deliver_all(server)
        of_tagged = receiver.take()

        assert of_newest.kind == "imported_environment_changed"
        assert (of_newest.json["environmentName"], of_newest.json["affectedRevisions"]) == ("newest", [2])
        reference = {"projectName": "shop", "environmentName": "dev", "revision": 3}
        assert of_newest.json["importedEnvironmentReference"] == reference
        assert [(one.json["environmentName"], one.json["affectedRevisions"]) for one in of_tagged] == [("tagged", [3])] * 2


class TestLife:
    def test_webhooks_go_with_their_environment(
        self, server: Backend, admin: Caller, path: EnvironmentPath, clock: FrozenClock
    ) -> None:
        """While the environment can be restored its webhooks are kept, and deleted after that."""
        make_webhook(server, admin, "https://hooks.example.com/x", address=DEV)
        make_webhook(server, admin, "https://hooks.example.com/x", address=ACME)
        definitions.delete(server, admin, path)
        kept = cleanup.delete_expired(server)
        clock.pass_seconds(86_400 * (server.settings.deleted_stack_days + 1))
        purge(server)

        assert (kept, cleanup.delete_expired(server)) == (0, 1)
        assert len(service.list_webhooks(server, admin, ACME)) == 1


def test_an_importer_with_many_revisions_hides_no_other(server: Backend, admin: Caller, path: EnvironmentPath) -> None:
    """The limit is one of environments: each counts once, however many of its revisions have the import."""
    for name in ("a", "b", "c"):
        make_environment(server, admin, f"shop/{name}", "imports: [shop/dev]\n")
    definitions.update(server, admin, EnvironmentPath(ORG, "shop", "a"), b"imports: [shop/dev]\nvalues: {x: 1}\n")
    with server.db.connect() as connection:
        importers = listing.list_importers(connection, org_id_of(connection, ORG), path.project, path.name, LATEST, 2)

    assert [("a", 2), ("b", 1)] == [(importer.name, len(importer.revisions)) for importer in importers]
