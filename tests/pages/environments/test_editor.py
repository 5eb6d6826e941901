"""The editor of an environment: it saves byte for byte, says what is wrong, and loses nothing that was written."""

import pytest
from httpx2 import Response

from common.backend import Backend
from common.environments.model import EnvironmentPath
from common.environments.service import definitions
from common.people.teams import service as teams
from common.people.teams.model import EnvironmentChange, MemberAction, MemberChange, TeamChange
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks.service import sharing
from tests.factories.environments import make_environment
from tests.factories.people import make_user
from tests.factories.roles import hold, make_role
from tests.pages.environment_pages import E, recorded
from tests.pages.visiting import HTML, Visit, location, shown, values

pytestmark = pytest.mark.dialects("sqlite")
EDIT = f"{E}/edit"
TEXT = b"# note\nvalues:\n  a: 1\n"


@pytest.fixture
def path(backend: Backend, admin: Caller) -> EnvironmentPath:
    """acme/shop/dev with a short definition."""
    return make_environment(backend, admin, "shop/dev", TEXT.decode())


def etag(visit: Visit) -> str:
    """The precondition that the editor's form has now."""
    return next(values(visit.open(EDIT), r'name="etag" value="([^"]*)"'))


def send(visit: Visit, text: str, tag: str = "", action: str = "save") -> Response:
    """Send the form of the editor as a browser does, with carriage returns."""
    text = text.replace("\n", "\r\n")
    return visit.submit(EDIT, on=EDIT, definition=text, etag=tag or etag(visit), action=action)


def stored(backend: Backend, admin: Caller, path: EnvironmentPath) -> bytes:
    """The newest definition."""
    return definitions.get(backend, admin, path).text


class TestSave:
    @pytest.mark.parametrize("text", ["values:\n  a: 2\n", "\n\nvalues: {a: 1}", "values:\r\n  a: 1\r\n  b: é\r\n"])
    def test_keeps_every_byte(self, backend: Backend, admin: Caller, member: Visit, path: EnvironmentPath, text: str) -> None:
        """What is loaded and saved again is the same, with the line ends that it had."""
        definitions.update(backend, admin, path, text.encode())
        page = member.open(EDIT)
        loaded = next(values(page, r"(?s)<textarea[^>]*>\n(.*?)</textarea>"))
        assert E + "?done=saved" == location(send(member, loaded.replace("\r\n", "\n")))

        assert text.encode() == stored(backend, admin, path)

    def test_encrypts_secrets(self, backend: Backend, admin: Caller, member: Visit, path: EnvironmentPath) -> None:
        """The plaintext of a secret is replaced, and shown again in clear when someone asks, which is recorded."""
        send(member, "values:\n  pw:\n    fn::secret: hunter2\n")
        assert b"hunter2" not in stored(backend, admin, path)
        assert "hunter2" not in member.open(EDIT).text

        page = member.submit(f"{EDIT}/decrypt", on=EDIT)
        assert "hunter2" in page.text
        assert "Secrets are shown in clear" in shown(page)
        assert "Decrypted revision 3 of environment acme/shop/dev" in recorded(backend, admin)

    def test_explains_mistakes(self, backend: Backend, admin: Caller, member: Visit, path: EnvironmentPath) -> None:
        """A definition with errors comes back with what was written, and where the errors are."""
        page = send(member, "values:\n  a: ${none}\n")

        assert 400 == page.status_code
        assert "Line 2: unknown property" in shown(page)
        assert "a: ${none}" in page.text
        assert TEXT == stored(backend, admin, path)

    def test_shows_both_after_a_conflict(self, backend: Backend, admin: Caller, member: Visit, path: EnvironmentPath) -> None:
        """Someone else's revision is shown beside what was written; saving again replaces it."""
        tag = etag(member)
        definitions.update(backend, admin, path, b"# note\nvalues:\n  a: theirs\n")
        page = send(member, "# note\nvalues:\n  a: mine\n", tag)

        assert 409 == page.status_code
        assert "Revision 3 was saved in the meantime" in shown(page)
        assert "removed: a: theirs added: a: mine" in shown(page)
        assert b"theirs" in stored(backend, admin, path)
        (newest,) = values(page, r'name="etag" value="([^"]*)"')
        send(member, "# note\nvalues:\n  a: mine\n", newest)
        assert b"mine" in stored(backend, admin, path)

    def test_records_who_reads_after_a_conflict(
        self, backend: Backend, admin: Caller, member: Visit, path: EnvironmentPath
    ) -> None:
        """The other revision that a conflict shows was read: the audit log has it."""
        tag = etag(member)
        definitions.update(backend, admin, path, b"values:\n  a: theirs\n")
        before = recorded(backend, admin).count("Read revision 3 of environment acme/shop/dev")
        assert (
            409
            == member.client.post(
                EDIT,
                data={
                    "form_key": member.form_key("/settings/account"),
                    "definition": "values: {}",
                    "etag": tag,
                    "action": "save",
                },
                headers=HTML,
            ).status_code
        )

        assert before + 1 == recorded(backend, admin).count("Read revision 3 of environment acme/shop/dev")

    def test_shows_no_other_text_to_those_who_may_not_read(
        self, backend: Backend, admin: Caller, member: Visit, path: EnvironmentPath
    ) -> None:
        """Someone who may save, but not read, is told of a conflict without the text of the other revision."""
        tag = etag(member)
        definitions.update(backend, admin, path, b"values:\n  a: theirs\n")
        clerk = Visit(backend)
        clerk.sign_in(make_user(backend, "uma", org="acme"))
        hold(backend, "uma", make_role(backend, Permission.ENVIRONMENT_WRITE))
        form = {"form_key": clerk.form_key("/settings/account"), "definition": "values: {}", "etag": tag, "action": "save"}
        page = clerk.client.post(EDIT, data=form, headers=HTML)

        assert (409, False) == (page.status_code, "theirs" in page.text)
        assert "values: {}" in page.text

    def test_takes_a_large_definition(self, backend: Backend, admin: Caller, member: Visit, path: EnvironmentPath) -> None:
        """A form may have a definition of the largest size, in which every letter is escaped."""
        text = "values:\n  a: " + "é" * 300_000 + "\n"
        assert 303 == send(member, text).status_code
        assert text.encode() == stored(backend, admin, path)


@pytest.mark.usefixtures("path")
class TestCheck:
    def test_stores_nothing(self, backend: Backend, admin: Caller, member: Visit, path: EnvironmentPath) -> None:
        """Without script a button checks what was written."""
        page = send(member, "values:\n  a: ${none}\n", action="check")
        assert (200, "1 problem") == (page.status_code, next(values(page, r"<h2>(1 problem)</h2>")))
        assert "The check found no problems" in shown(send(member, "values: {}\n", action="check"))
        assert TEXT == stored(backend, admin, path)

    def test_answers_the_script(self, member: Visit) -> None:
        """The script gets the summaries and places of problems."""
        reply = member.submit(f"{EDIT}/check", on=EDIT, definition="values:\n  é: ${none}\n")
        (problem,) = reply.json()

        assert ("unknown property", True) == (problem["summary"][:16], problem["is_error"])
        assert (2, 8) == (problem["line"], problem["column"])

    def test_knows_the_secrets_of_the_environment(self, member: Visit) -> None:
        """A ciphertext that was saved is no mistake."""
        send(member, "values:\n  pw:\n    fn::secret: hunter2\n")
        saved = next(values(member.open(EDIT), r"(?s)<textarea[^>]*>\n(.*?)</textarea>"))

        assert "ciphertext" in saved
        assert [] == member.submit(f"{EDIT}/check", on=EDIT, definition=saved).json()

    def test_offers_providers_and_environments(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """The script completes functions, providers by their schemas, and the names of other environments."""
        make_environment(backend, admin, "shop/base")
        catalogue = member.open(f"{EDIT}/completions").json()
        login = next(item for item in catalogue["providers"] if item["name"] == "aws-login")

        assert {"oidc", "static"} == login["inputs"]["properties"].keys()
        assert "fn::secret" in catalogue["functions"]
        assert ["shop/base"] == catalogue["environments"]


@pytest.mark.parametrize("address", [EDIT, f"{EDIT}/completions"])
def test_is_for_those_who_may_write(backend: Backend, admin: Caller, path: EnvironmentPath, address: str) -> None:
    """A member whose team may open the environment reads it, and finds no editor."""
    bob = Visit(backend)
    bob.sign_in(make_user(backend, "bob", org="acme"))
    teams.create_team(backend, admin, "acme", "readers", display_name="", description="")
    grant = EnvironmentChange(path.project, path.name, "open")
    change = TeamChange(member=MemberChange(MemberAction.ADD, "bob"), environments=(grant,))
    sharing.update_team(backend, admin, "acme", "readers", change)

    assert 200 == bob.open(E).status_code
    assert "/edit" not in bob.open(E).text
    assert 404 == bob.open(address).status_code
    key = bob.form_key("/settings/account")
    form = {"form_key": key, "definition": "values: {a: 9}", "etag": "*", "action": "save"}
    assert {404} == {bob.client.post(f"{EDIT}{part}", data=form, headers=HTML).status_code for part in ("", "/check", "/decrypt")}
    assert TEXT == definitions.get(backend, admin, path).text
