"""Environments over HTTP: how they are created, saved, read and deleted."""

import json
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.errors import BadRequest, Forbidden
from common.core.paging import make_token, seal
from common.environments import steps
from common.environments.model import EnvironmentPath
from common.environments.service import definitions, listing
from common.environments.service.cloning import CloneRequest, clone
from common.rights.caller import Caller
from common.rights.permissions import Permission
from tests.clocks import FrozenClock
from tests.factories.environments import ENVIRONMENTS, make_environment
from tests.factories.people import make_user
from tests.factories.roles import make_holder
from tests.factories.tokens import signed
from tests.wire import begin, create_stack

E = f"{ENVIRONMENTS}/app/dev"
SECRET = b"values:\n  pw:\n    fn::secret: hunter2\n"
# Mixed line ends, blank lines, comments, flow style, quoted secrets, no final newline.
ODD_BYTES = (
    b"# head\r\nvalues:\r\n  a:   1    # keep\r\n\r\n\r\n  list: [ x,  y ]\r\n  \"q\":  'it''s'\r\n  s:\r\n"
    b'    fn::secret:    "  pad \\u00e9 "\r\n  t: {fn::secret: "00123"}\r\n  last: ${a}'
)


@pytest.fixture
def dev(backend: Backend, admin: Caller) -> EnvironmentPath:
    """An environment without a definition."""
    return make_environment(backend, admin, "app/dev")


def save(client: TestClient, text: bytes, **headers: str) -> Any:
    """Return the reply to a new definition."""
    return client.patch(E, content=text, headers=headers)


class TestCreate:
    def test_makes_an_empty_first_revision(self, client: TestClient) -> None:
        """A new environment has revision 1 with an empty definition, tagged latest."""
        assert 200 == client.post(ENVIRONMENTS, json={"project": "app", "name": "dev"}).status_code

        found = client.get(E)
        assert (200, b"", "1") == (found.status_code, found.content, found.headers["pulumi-esc-revision"])
        assert found.headers["content-type"].startswith("application/x-yaml")

    def test_refuses_a_name_that_is_taken(self, client: TestClient, dev: EnvironmentPath) -> None:
        """A second environment of one name is a conflict; the same name in another project is not."""
        assert 409 == client.post(ENVIRONMENTS, json={"project": dev.project, "name": dev.name}).status_code
        assert 200 == client.post(ENVIRONMENTS, json={"project": "other", "name": dev.name}).status_code

    @pytest.mark.parametrize("name", ["", "open", "yaml", ".", "..", "a/b", "a b", "x" * 101, "ü"])
    def test_refuses_bad_names(self, client: TestClient, name: str) -> None:
        """Names that other addresses use, and names that cannot be addressed, are refused."""
        assert 400 == client.post(ENVIRONMENTS, json={"project": "app", "name": name}).status_code

    def test_stops_at_a_limit(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """An organization has room for so many environments, those that were deleted recently among them."""
        few = replace(backend, settings=backend.settings.replaced(STACKHOLD_STACKS_PER_ORGANIZATION="1"))
        for number in range(10):
            make_environment(few, admin, f"app/e{number}")

        with pytest.raises(BadRequest, match="STACKHOLD_STACKS_PER_ORGANIZATION"):
            make_environment(few, admin, "app/more")

    def test_uses_the_default_project(self, client: TestClient) -> None:
        """Without a project the environment is in `default`."""
        client.post(ENVIRONMENTS, json={"name": "plain"})

        assert 200 == client.head(f"{ENVIRONMENTS}/default/plain").status_code


class TestUpdate:
    def test_encrypts_secrets_in_place(self, client: TestClient, dev: EnvironmentPath) -> None:
        """What is read has no plaintext, what is decrypted is what was sent."""
        assert 200 == save(client, SECRET).status_code

        stored, clear = client.get(E), client.get(f"{E}/decrypt")
        assert b"hunter2" not in stored.content
        assert b"ciphertext: " in stored.content
        assert clear.content == SECRET
        assert stored.headers["etag"] == clear.headers["etag"]

    def test_keeps_every_other_byte(self, client: TestClient, dev: EnvironmentPath) -> None:
        """Comments, blank lines, line ends and quotes stay, and what was read can be sent back for ever."""
        assert 200 == save(client, ODD_BYTES).status_code
        stored = client.get(E).content
        for _ in range(3):
            assert 200 == save(client, stored).status_code
            assert stored == client.get(E).content
        clear = client.get(f"{E}/decrypt").content

        assert clear.count(b"\r\n") == ODD_BYTES.count(b"\r\n")
        assert [line for line in clear.split(b"\r\n") if b"fn::secret" not in line and line] == [
            line for line in ODD_BYTES.split(b"\r\n") if b"fn::secret" not in line and line
        ]
        assert b'"00123"' in clear or b"'00123'" in clear
        assert not clear.endswith(b"\n")

    @pytest.mark.parametrize("header", ["If-Match", "ETag"])
    def test_checks_the_revision_that_was_changed(self, client: TestClient, dev: EnvironmentPath, header: str) -> None:
        """A write of an older revision is a conflict, by the header of either generation of clients."""
        old = client.get(E).headers["etag"]
        first = save(client, b"values: {a: 1}\n", **{header: old})
        second = save(client, b"values: {a: 2}\n", **{header: old})

        assert (200, 409) == (first.status_code, second.status_code)
        assert {"code": 409, "message": "the environment has changed since it was read"} == second.json()
        assert b"values: {a: 1}\n" == client.get(E).content
        assert first.headers["etag"] == client.get(E).headers["etag"] != old

    @pytest.mark.parametrize("spelling", ['W/"{}"', "{}", '"{}"', "*", ""])
    def test_reads_entity_tags_in_every_spelling(self, client: TestClient, dev: EnvironmentPath, spelling: str) -> None:
        """Gateways add a weak prefix or drop quotes; without a tag the last writer wins."""
        tag = client.get(E).headers["etag"].strip('"')

        assert 200 == save(client, b"values: {}\n", **{"If-Match": spelling.format(tag)}).status_code

    def test_returns_errors_with_their_places(self, client: TestClient, dev: EnvironmentPath) -> None:
        """A definition with errors is not saved; ranges name the environment as the command line spells it."""
        found = save(client, b"values:\n  a: ${nope}\n")

        assert 400 == found.status_code == found.json()["code"]
        (problem,) = found.json()["diagnostics"]
        assert ('unknown property "nope"', "values.a") == (problem["summary"], problem["path"])
        assert {
            "environment": "app/dev",
            "begin": {"line": 2, "column": 8, "byte": 15},
            "end": {"line": 2, "column": 12, "byte": 19},
        } == problem["range"]
        assert "1" == client.get(E).headers["pulumi-esc-revision"]

    def test_saves_despite_warnings(self, client: TestClient, dev: EnvironmentPath) -> None:
        """Warnings are returned with the new revision."""
        found = save(client, b"vales: {}\nvalues: {a: 1}\n")

        assert (200, "2") == (found.status_code, found.headers["pulumi-esc-revision"])
        assert ["warning"] == [problem["severity"] for problem in found.json()["diagnostics"]]

    def test_unwraps_a_json_string(self, client: TestClient, dev: EnvironmentPath) -> None:
        """The vendor's SDK sends a definition as a JSON string."""
        assert 200 == save(client, b'"values:\\n  a: 1\\n"').status_code
        assert b"values:\n  a: 1\n" == client.get(E).content

    def test_refuses_a_body_over_its_limit(self, client: TestClient, dev: EnvironmentPath) -> None:
        """A body over two megabytes is too large, a definition over one is a problem of the document."""
        assert 413 == save(client, b"#" * (3 << 20)).status_code
        assert 400 == save(client, b"#" * ((1 << 20) + 1)).status_code

    def test_loses_no_revision_when_two_write_at_once(self, backend: Backend, admin: Caller, dev: EnvironmentPath) -> None:
        """Without a precondition the last writer wins, and both revisions are kept."""
        numbers = [definitions.update(backend, admin, dev, b"values: {a: %d}\n" % value).number for value in (1, 2)]

        assert [2, 3] == numbers


class TestSecrets:
    KEYS = ("x-", "x-api-key", '"a.b"', '"a b"', '"with \\"quote\\""', '"[0]"', '"---"', '"null"', '"8080"', '"ключ"', '"🔑"')

    def test_can_have_any_key(self, client: TestClient, dev: EnvironmentPath) -> None:
        """Secrets under keys that are no identifiers are encrypted, decrypted and opened as others are."""
        block = "".join(f"  {key}:\n    fn::secret: v{number}\n" for number, key in enumerate(self.KEYS))
        flow = "  flow: [{" + ", ".join(f"{key}: {{fn::secret: f{number}}}" for number, key in enumerate(self.KEYS)) + "}]\n"
        text = f"values:\n{block}{flow}".encode()

        assert 200 == save(client, text).status_code
        stored = client.get(E).text
        assert not [
            number for number in range(len(self.KEYS)) if f"secret: v{number}\n" in stored or f"secret: f{number}}}" in stored
        ]
        assert text == client.get(f"{E}/decrypt").content
        session = client.post(f"{E}/open").json()["id"]
        for path, value in (("x-api-key", "v1"), ('["a.b"]', "v2"), ('["with \\"quote\\""]', "v4"), ('flow[0]["🔑"]', "f10")):
            found = client.get(f"{E}/open/{session}", params={"property": path}).json()
            assert (value, True) == (found["value"], found["secret"])

    def test_do_not_open_in_another_environment(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """A ciphertext that is pasted elsewhere is a problem at its place."""
        make_environment(backend, admin, "app/dev", SECRET.decode())
        make_environment(backend, admin, "app/thief")
        pasted = client.get(E).content

        assert 200 == client.patch(f"{ENVIRONMENTS}/app/thief", content=pasted).status_code
        assert 400 == client.get(f"{ENVIRONMENTS}/app/thief/decrypt").status_code
        found = client.post(f"{ENVIRONMENTS}/app/thief/open")
        assert (400, "values.pw") == (found.status_code, found.json()["diagnostics"][0]["path"].partition("[")[0])
        assert "hunter2" not in found.text

    def test_are_encrypted_and_decrypted_one_by_one(self, client: TestClient, dev: EnvironmentPath) -> None:
        """The calls for single values are each other's reverse, in this environment alone."""
        ciphertexts = client.post(f"{E}/encrypt-secrets", json={"plaintexts": ["aGk=", ""]}).json()["ciphertexts"]

        assert {"plaintexts": ["aGk=", ""]} == client.post(f"{E}/decrypt-secrets", json={"ciphertexts": ciphertexts}).json()
        client.post(ENVIRONMENTS, json={"project": "app", "name": "other"})
        foreign = client.post(f"{ENVIRONMENTS}/app/other/decrypt-secrets", json={"ciphertexts": ciphertexts})
        assert 400 == foreign.status_code
        assert 400 == client.post(f"{E}/encrypt-secrets", json={"plaintexts": ["not base64!"]}).status_code
        assert 413 == client.post(f"{E}/encrypt-secrets", json={"plaintexts": [""] * 1001}).status_code


class TestDelete:
    def test_frees_the_name(self, client: TestClient, dev: EnvironmentPath) -> None:
        """A deleted environment is gone, and another one may have its name."""
        assert 200 == client.delete(E).status_code
        assert 404 == client.get(E).status_code == client.get(E).json()["code"]
        assert 404 == client.delete(E).status_code
        assert 200 == client.post(ENVIRONMENTS, json={"project": "app", "name": "dev"}).status_code

    def test_refuses_a_protected_one(self, client: TestClient, dev: EnvironmentPath) -> None:
        """The command line looks for the word in the message."""
        client.patch(f"{E}/settings", json={"deletionProtected": True})
        found = client.delete(E)

        assert (409, True) == (found.status_code, "protect" in found.json()["message"])
        assert {"deletionProtected": True} == client.get(f"{E}/settings").json()
        client.patch(f"{E}/settings", json={"deletionProtected": False})
        assert 200 == client.delete(E).status_code

    def test_can_be_undone(self, client: TestClient, dev: EnvironmentPath, clock: FrozenClock) -> None:
        """The environment that was deleted last comes back with its definition and secrets, if its name is free."""
        save(client, SECRET)
        client.delete(E)
        listed = client.get(f"{ENVIRONMENTS}/restore").json()["environments"]
        clock.pass_seconds(60)
        client.post(ENVIRONMENTS, json={"project": "app", "name": "dev"})

        assert ["dev"] == [entry["name"] for entry in listed]
        restored = {"project": "app", "name": "dev", "deletionTimestamp": listed[0]["deletedAt"]}
        assert 409 == client.put(f"{ENVIRONMENTS}/restore", json=restored).status_code
        client.delete(E)
        assert 204 == client.put(f"{ENVIRONMENTS}/restore", json=restored).status_code
        assert SECRET == client.get(f"{E}/decrypt").content
        assert 404 == client.put(f"{ENVIRONMENTS}/restore", json={"project": "app", "name": "none"}).status_code


class TestClone:
    def test_encrypts_again(self, client: TestClient, dev: EnvironmentPath) -> None:
        """The copy has other ciphertexts of the same secrets, and one revision."""
        save(client, SECRET)
        assert 204 == client.post(f"{E}/clone", json={"project": "web", "name": "copy"}).status_code
        copy = f"{ENVIRONMENTS}/web/copy"

        assert SECRET == client.get(f"{copy}/decrypt").content
        assert client.get(copy).content != client.get(E).content
        assert [1] == [entry["number"] for entry in client.get(f"{copy}/versions").json()]
        assert 409 == client.post(f"{E}/clone", json={"project": "web", "name": "copy"}).status_code

    def test_keeps_what_is_asked_for(self, client: TestClient, dev: EnvironmentPath) -> None:
        """History, environment tags and revision tags are copied when the request says so."""
        save(client, SECRET)
        save(client, b"values: {a: 1}\n")
        client.post(f"{E}/tags", json={"name": "team", "value": "web"})
        client.post(f"{E}/versions/tags", json={"name": "stable", "revision": 2})
        keep = {"preserveHistory": True, "preserveEnvironmentTags": True, "preserveRevisionTags": True}
        assert 204 == client.post(f"{E}/clone", json={"name": "copy", **keep}).status_code
        copy = f"{ENVIRONMENTS}/app/copy"

        assert [3, 2, 1] == [entry["number"] for entry in client.get(f"{copy}/versions").json()]
        assert SECRET == client.get(f"{copy}/versions/stable/decrypt").content
        assert {"team"} == set(client.get(f"{copy}/tags").json()["tags"])

    def test_of_an_older_revision(self, client: TestClient, dev: EnvironmentPath) -> None:
        """A number selects the revision to copy."""
        save(client, b"values: {a: 1}\n")
        save(client, b"values: {a: 2}\n")
        client.post(f"{E}/clone", json={"name": "copy", "version": 2})

        assert b"values: {a: 1}\n" == client.get(f"{ENVIRONMENTS}/app/copy").content

    def test_keeps_retractions(self, client: TestClient, dev: EnvironmentPath) -> None:
        """A retracted revision cannot be read in the copy either, and its retraction is shown there."""
        save(client, SECRET)
        save(client, b"values: {a: 1}\n")
        client.post(f"{E}/versions/2/retract", json={"reason": "leaked"})
        client.post(f"{E}/clone", json={"name": "copy", "preserveHistory": True})
        copy = f"{ENVIRONMENTS}/app/copy"

        assert 404 == client.get(f"{copy}/versions/2/decrypt").status_code
        assert client.get(f"{E}/versions").json()[1]["retracted"] == client.get(f"{copy}/versions").json()[1]["retracted"]

    @pytest.mark.parametrize("changes", [{}, {"version": 2}, {"keeps_history": True}])
    def test_needs_the_right_to_open(self, backend: Backend, dev: EnvironmentPath, changes: dict[str, Any]) -> None:
        """The owner of a copy can open it: they must be able to open what is copied."""
        needed = [Permission.ENVIRONMENT_READ, Permission.ENVIRONMENT_CLONE, Permission.ENVIRONMENT_CREATE]
        opening = [Permission.ENVIRONMENT_OPEN] if changes else []

        with pytest.raises(Forbidden):
            clone(backend, make_holder(backend, "alice", *needed, *opening), dev, CloneRequest("app", "copy", **changes))


class TestList:
    @pytest.mark.parametrize("number", ["x", "", "-1", "9" * 19, "\u0663"])
    def test_refuses_tokens_of_other_numbers(self, backend: Backend, admin: Caller, dev: EnvironmentPath, number: str) -> None:
        """A token with a text in place of a number, or a number that no row has, is a bad request."""
        deleted = make_token(seal(admin.user_id, "deleted environments", "acme"), number, "x")
        with pytest.raises(BadRequest, match="the continuation token is not valid"):
            listing.page_deleted(backend, admin, "acme", deleted)
        environment_id = steps.get(backend, admin, dev).id
        referrers = make_token(
            seal(admin.user_id, "referrers", environment_id, None, "True", "True"), "stacks", "app", "dev", number, "1"
        )
        with pytest.raises(BadRequest, match="the continuation token is not valid"):
            listing.page_referrers(backend, admin, dev, referrers)

    def test_pages_stay_stable(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """Pages follow each other by project and name, also if environments are added before them."""
        for name in ("b/2", "a/1", "b/1", "c/1"):
            make_environment(backend, admin, name)
        first = client.get(ENVIRONMENTS, params={"maxResults": 2}).json()
        make_environment(backend, admin, "a/0")
        second = client.get(ENVIRONMENTS, params={"maxResults": 2, "continuationToken": first["nextToken"]}).json()
        names = [f"{entry['project']}/{entry['name']}" for page in (first, second) for entry in page["environments"]]

        assert ["a/1", "b/1", "b/2", "c/1"] == names
        assert "" == second["nextToken"]
        everywhere = client.get("/api/esc/environments").json()["environments"]
        assert 5 == len(everywhere)
        assert 400 == client.get(ENVIRONMENTS, params={"continuationToken": "x"}).status_code

    def test_shows_only_what_the_caller_may_see(self, client: TestClient, backend: Backend, dev: EnvironmentPath) -> None:
        """A member without rights sees their own environments alone."""
        member = signed(make_user(backend, "alice", org="acme"))
        client.post(ENVIRONMENTS, json={"project": "app", "name": "own"}, headers=member)

        assert ["own"] == [entry["name"] for entry in client.get(ENVIRONMENTS, headers=member).json()["environments"]]
        assert 404 == client.get(E, headers=member).status_code

    def test_collects_tags(self, client: TestClient, backend: Backend, admin: Caller, dev: EnvironmentPath) -> None:
        """The tags of an organization's environments are listed with their values."""
        make_environment(backend, admin, "app/prod")
        for name, value in (("dev", "web"), ("prod", "api")):
            client.post(f"{ENVIRONMENTS}/app/{name}/tags", json={"name": "team", "value": value})

        assert {"team": ["api", "web"]} == client.get(f"{ENVIRONMENTS}/tags").json()


def run_with(client: TestClient, stack: str, *names: str, dry_run: bool = False) -> None:
    """Run an update of a stack of the project shop with environments, as the command line tells of them."""
    environment = {"stack.environments": json.dumps([{"id": name} for name in names])} if names else {}
    metadata = {"message": "", "environment": environment}
    update = begin(client, f"/api/stacks/acme/shop/{stack}", dry_run=dry_run, metadata=metadata)
    assert update.complete().status_code == 204


def listed_by(client: TestClient, **query: Any) -> list[Any]:
    """Return the referrers of app/base, from all pages."""
    found: list[Any] = []
    token: str | None = ""
    while token is not None:
        more = {"continuationToken": token} if token else {}
        page = client.get(f"{ENVIRONMENTS}/app/base/referrers", params={**query, **more}).json()
        found += [entry for entries in page["referrers"].values() for entry in entries]
        token = page.get("continuationToken")
    return found


class TestReferrers:
    def test_are_the_environments_that_import_it(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """Imports and references count, by the version that they name; those of older revisions on request."""
        make_environment(backend, admin, "app/base", "values: {a: 1}\n")
        make_environment(backend, admin, "app/one", "imports: [app/base]\nvalues: {}\n")
        make_environment(backend, admin, "app/two", "values: {b: '${environments.app[\"base@2\"].a}'}\n")
        old = make_environment(backend, admin, "app/old", "imports: [app/base@latest]\n")
        definitions.update(backend, admin, old, b"values: {}\n")
        found = client.get(f"{ENVIRONMENTS}/app/base/referrers").json()["referrers"]

        assert {"latest", "2"} == set(found)
        assert [{"environment": {"project": "app", "name": "one", "revision": 2}}] == found["latest"]
        everything = client.get(f"{ENVIRONMENTS}/app/base/referrers", params={"allRevisions": "true"}).json()["referrers"]
        assert ["old", "one"] == sorted(entry["environment"]["name"] for entry in everything["latest"])
        assert {"2"} == set(client.get(f"{ENVIRONMENTS}/app/base/versions/2/referrers").json()["referrers"])

    def test_are_the_stacks_that_were_updated_with_it(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """A stack counts by its newest update, by the version that its file names, after the environments and in pages."""
        make_environment(backend, admin, "app/base", "values: {a: 1}\n")
        make_environment(backend, admin, "app/one", "imports: [app/base]\nvalues: {}\n")
        for name in ("dev", "prod"):
            create_stack(client, name)
        run_with(client, "dev", "app/base@2")
        run_with(client, "dev", "app/base", "other", "not a name")
        run_with(client, "prod", "app/base")
        run_with(client, "prod")
        run_with(client, "prod", "app/base", dry_run=True)
        found = client.get(f"{ENVIRONMENTS}/app/base/referrers").json()["referrers"]
        pages = listed_by(client, count=1)

        dev = {"stack": {"project": "shop", "stack": "dev", "version": 2}}
        assert found == {"latest": [{"environment": {"project": "app", "name": "one", "revision": 2}}, dev]}
        assert pages == [entry for entries in found.values() for entry in entries]
        versions = [entry["stack"]["version"] for entry in listed_by(client, allRevisions="true") if "stack" in entry]
        assert sorted(versions) == [1, 1, 2]
        newest = listed_by(client, allRevisions="true", latestStackVersionOnly="true")
        assert [entry for entry in newest if "stack" in entry] == [dev]

    def test_are_counted_in_lists(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """A list counts them if it is asked to."""
        make_environment(backend, admin, "app/base", "values: {a: 1}\n")
        make_environment(backend, admin, "app/one", "imports: [app/base]\nvalues: {}\n")
        create_stack(client, "dev")
        run_with(client, "dev", "app/base")
        listed = client.get(ENVIRONMENTS, params={"includeReferrerMetadata": "true"}).json()["environments"]

        assert [1, 0] == [entry["referrerMetadata"]["stackReferrerCount"] for entry in listed]
        assert [1, 0] == [entry["referrerMetadata"]["environmentReferrerCount"] for entry in listed]


class TestOwnership:
    def test_can_be_handed_over(self, client: TestClient, backend: Backend, dev: EnvironmentPath) -> None:
        """The new owner administers the environment, and the reply names the former one."""
        alice = signed(make_user(backend, "alice", org="acme"))
        before = client.post(f"{E}/ownership", json={"githubLogin": "alice", "name": "", "avatarUrl": ""})

        assert (200, "admin") == (before.status_code, before.json()["githubLogin"])
        assert "alice" == client.get(f"{E}/metadata").json()["ownedBy"]["githubLogin"]
        assert 200 == client.patch(E, content=b"values: {}\n", headers=alice).status_code
        assert 404 == client.post(f"{E}/ownership", json={"githubLogin": "nobody-here"}).status_code


class TestPreview:
    def test_leads_to_the_default_project(self, client: TestClient) -> None:
        """The addresses from before projects reach the same environments."""
        old, new = "/api/preview/environments/acme/legacy", f"{ENVIRONMENTS}/default/legacy"
        assert 200 == client.post(old).status_code
        assert 200 == client.patch(old, content=b"values: {a: 1}\n").status_code
        assert b"values: {a: 1}\n" == client.get(new).content
        assert 204 == client.post(f"{old}/versions/tags/stable", json={}).status_code
        assert 2 == client.get(f"{new}/versions/tags/stable").json()["revision"]
        session = client.post(f"{old}/open").json()["id"]
        assert 1 == client.get(f"{old}/open/{session}", params={"property": "a"}).json()["value"]
        assert "pulumi-stacks" in client.get("/api/preview/environments/providers").json()["providers"]
