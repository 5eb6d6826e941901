"""Imports are loaded with the rights of the caller, and audit records name them."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.environments.evaluation import InvalidDefinition
from common.environments.model import EnvironmentPath
from common.environments.service import definitions, opening
from common.environments.service.opening import Document
from common.rights.caller import Caller
from common.rights.permissions import Permission
from tests.counting import Counter
from tests.factories.environments import ENVIRONMENTS, make_environment
from tests.factories.roles import make_holder

P = Permission
SECRET = "values: {s: {fn::secret: hunter2}}\n"
IMPORTS = b"imports: [app/base, app/more@2]\n"


@pytest.fixture
def dev(backend: Backend, admin: Caller) -> EnvironmentPath:
    """An environment that imports the latest revision of one environment, and a revision of another."""
    make_environment(backend, admin, "app/base", SECRET)
    make_environment(backend, admin, "app/more", SECRET)
    return make_environment(backend, admin, "app/dev", IMPORTS.decode())


class TestRights:
    @pytest.mark.parametrize(
        ("use", "latest", "revision"),
        [
            (opening.check, P.ENVIRONMENT_READ, P.ENVIRONMENT_VERSION_READ),
            (opening.open_environment, P.ENVIRONMENT_OPEN, P.ENVIRONMENT_VERSION_OPEN),
        ],
    )
    def test_on_a_revision_are_those_of_reading_it(
        self, backend: Backend, dev: EnvironmentPath, use: Callable[..., object], latest: Permission, revision: Permission
    ) -> None:
        """An import of a revision by its number needs the permission on revisions, one of the latest does not."""
        with pytest.raises(InvalidDefinition) as refused:
            use(backend, make_holder(backend, "alice", P.ENVIRONMENT_READ, latest), dev)

        assert [f"environment 'app/more@2' cannot be imported: you lack the permission {revision}"] == [
            problem.summary for problem in refused.value.diagnostics
        ]
        use(backend, make_holder(backend, "bob", P.ENVIRONMENT_READ, latest, revision), dev)

    def test_to_open_are_needed_to_save_an_import(self, backend: Backend, dev: EnvironmentPath) -> None:
        """A user who may write an environment but not open another one cannot save an import of it, which others would open."""
        writer = make_holder(backend, "alice", P.ENVIRONMENT_READ, P.ENVIRONMENT_WRITE)

        with pytest.raises(InvalidDefinition) as refused:
            definitions.update(backend, writer, dev, b"imports: [app/base]\n")

        assert P.ENVIRONMENT_OPEN in refused.value.diagnostics[0].summary
        definitions.update(backend, writer, dev, b"values: {a: 1}\n")


class TestRecords:
    @pytest.mark.parametrize(
        ("call", "event", "subject"),
        [
            ("app/dev/check?showSecrets=true", "environment-decrypted", "Decrypted revision 2 of environment acme/app/dev"),
            ("app/dev/open", "environment-open", "Opened revision 2 of environment acme/app/dev"),
            ("yaml/check?showSecrets=true", "environment-decrypted", "Decrypted a definition in organization acme"),
            ("yaml/open", "environment-open", "Opened a definition in organization acme"),
        ],
    )
    def test_name_what_was_imported(self, client: TestClient, dev: EnvironmentPath, call: str, event: str, subject: str) -> None:
        """One record has the document and every import that was decrypted, with its revision."""
        assert 200 == client.post(f"{ENVIRONMENTS}/{call}", content=IMPORTS).status_code
        newest, before = client.get("/api/orgs/acme/auditlogs/v2").json()["auditLogEvents"][:2]

        assert (event, f"{subject}, with its imports app/base@2, app/more@2") == (newest["event"], newest["description"])
        assert "environment-updated" == before["event"]

    def test_are_not_made_of_checks_without_secrets(
        self, backend: Backend, admin: Caller, dev: EnvironmentPath, counter: Counter
    ) -> None:
        """A check that shows no secrets costs one statement for an import, and nothing is recorded."""
        counter.reset()
        opening.check_yaml(backend, admin, "acme", Document(IMPORTS))

        assert counter.statements == 2
