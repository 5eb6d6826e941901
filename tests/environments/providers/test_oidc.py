"""The providers oidc and debug-oidc-claims."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.environments.language.interfaces import ANONYMOUS, Context, WorldError
from common.environments.providers.base import SIGNATURES_LIMIT, Access, Stopwatch
from common.oidc_issuer.model import Issuer
from common.rights.caller import Caller
from tests.environments.providers.opening import CONTEXT, claims_of, opened, opened_with, revealed, shown
from tests.factories.environments import make_environment, opened_values
from tests.factories.people import ORG

INPUTS = {"audience": "https://registry.example.com", "identityToken": {"version": "v2"}}
TIMES = {"iat", "nbf", "exp", "jti"}


@pytest.fixture
def environment(backend: Backend, admin: Caller) -> None:
    """The environments of the context."""
    make_environment(backend, admin, "shop/logins")
    make_environment(backend, admin, "shop/dev")


@pytest.mark.usefixtures("environment")
class TestOidc:
    def test_signs_a_token_for_the_declaring_environment(self, backend: Backend, admin: Caller) -> None:
        """The subject has the ids of the organization and of the environment that has the call in it."""
        found = opened(backend, admin, "oidc", {**INPUTS, "duration": "15m"})

        claims = claims_of(backend, revealed(found), Issuer.AUDIENCE)
        org_id = claims["https://pulumi.com/org_id"]
        assert claims["sub"] == f"pulumi:org:{org_id}:env:{claims['https://pulumi.com/current_env_id']}"
        assert claims["aud"] == "https://registry.example.com"
        assert claims["exp"] - claims["iat"] == 900
        assert claims["https://pulumi.com/current_env_id"] != claims["https://pulumi.com/root_env_id"]
        assert claims["https://pulumi.com/actor"] == "admin"
        assert shown(found) == "[secret]"

    def test_is_in_the_audit_log(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """Each token leaves a record with its audience and subject, and without itself."""
        token = revealed(opened(backend, admin, "oidc", INPUTS))

        record = client.get("/api/orgs/acme/auditlogs").json()["auditLogEvents"][0]
        assert record["event"] == "environment-oidc-token-signed"
        assert "'https://registry.example.com'" in record["description"]
        assert token not in record["description"]

    def test_has_the_claims_that_are_shown_before(self, backend: Backend, admin: Caller) -> None:
        """The preview has all claims but the times and the id."""
        token = claims_of(backend, revealed(opened(backend, admin, "oidc", INPUTS)), Issuer.AUDIENCE)

        assert shown(opened(backend, admin, "debug-oidc-claims", INPUTS)) == {
            name: value for name, value in token.items() if name not in TIMES
        }

    def test_has_the_subject_of_the_metadata(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """The metadata of an environment has the subject, so that a trust can be set up before a token is signed."""
        subject = client.get("/api/esc/environments/acme/shop/logins/metadata").json()["oidcSubjectV2"]

        assert shown(opened(backend, admin, "debug-oidc-claims", INPUTS))["sub"] == subject

    def test_needs_a_saved_environment(self, backend: Backend, admin: Caller) -> None:
        """A document that is not saved has no id."""
        with pytest.raises(WorldError, match="fn::open::oidc cannot run in an unsaved environment document"):
            opened(backend, admin, "oidc", INPUTS, Context(CONTEXT.values, ANONYMOUS, ANONYMOUS))

    @pytest.mark.parametrize("name", ["oidc", "debug-oidc-claims"])
    def test_does_not_run_with_overrides(self, backend: Backend, admin: Caller, name: str) -> None:
        """A caller who chooses what is imported does not choose the audience of an environment's token."""
        access = Access(backend, admin, "acme", has_overrides=True)
        with pytest.raises(WorldError, match=f"fn::open::{name} cannot run while environmentOverrides"):
            opened_with(access, name, INPUTS)

    def test_signs_a_limited_number(self, backend: Backend, admin: Caller) -> None:
        """One evaluation signs a hundred tokens with a key that is loaded once, and no more."""
        access = Access(backend, admin, "acme", Stopwatch(600))
        inputs = {"oidc": {"account": "acme", "user": "ci"}}
        for _ in range(SIGNATURES_LIMIT):
            opened_with(access, "snowflake-login", inputs)

        assert len(access.signatures.keys) == 1
        with pytest.raises(WorldError, match="more than 100 signed tokens"):
            opened_with(access, "snowflake-login", inputs)

    def test_signs_in_time(self, backend: Backend, admin: Caller) -> None:
        """Nothing is signed, or recorded as signed, after the time of the evaluation is over."""
        access = Access(backend, admin, "acme", Stopwatch(seconds=0))
        with pytest.raises(WorldError, match="took too long together"):
            opened_with(access, "oidc", INPUTS)

    @pytest.mark.parametrize(
        ("more", "message"),
        [
            ({"subjectAttributes": []}, "fn::open::oidc does not accept subjectAttributes"),
            ({"other": 1}, "does not accept an input named 'other'"),
            ({"duration": "2h"}, "duration must be between 1m0s and 1h0m0s"),
            ({"duration": "59s"}, "duration must be between 1m0s and 1h0m0s"),
            ({"audience": " "}, "must not be blank"),
            ({"audience": "é" * 257}, "1 to 512 bytes"),
        ],
    )
    def test_refuses_other_inputs(self, backend: Backend, admin: Caller, more: dict[str, Any], message: str) -> None:
        """Inputs that other providers have are refused by name."""
        with pytest.raises(WorldError, match=message):
            opened(backend, admin, "oidc", {**INPUTS, **more})

    def test_shows_the_claims_of_a_login(self, backend: Backend, admin: Caller) -> None:
        """Without a version of the token, the claims are those that a vendor gets."""
        inputs = {"audiencePrefix": "aws", "subjectAttributes": ["pulumi.token.team"]}
        found = shown(opened(backend, admin, "debug-oidc-claims", inputs))

        assert found["iss"].endswith("/oidc")
        assert (found["aud"], found["org"]) == ("aws:acme", "acme")
        assert found["sub"] == "pulumi:environments:pulumi.organization.login:acme:pulumi.token.team:ops"
        for more in ({"duration": "1h"}, {"audience": "x"}):
            with pytest.raises(WorldError, match="does not accept"):
                opened(backend, admin, "debug-oidc-claims", {**inputs, **more})
        with pytest.raises(WorldError, match="needs either"):
            opened(backend, admin, "debug-oidc-claims", {})


class TestThroughADefinition:
    def test_opens_what_it_imports(self, backend: Backend, admin: Caller) -> None:
        """The subject of a login names the environment that is opened, in the default project without it."""
        text = "values:\n  claims:\n    fn::open::debug-oidc-claims:\n      audiencePrefix: aws\n"
        make_environment(backend, admin, "shop/logins", text)
        path = make_environment(backend, admin, "default/dev", "imports: [shop/logins]\nvalues: {}\n")

        claims = opened_values(backend, admin, path)["claims"]
        assert isinstance(claims, dict)
        assert claims["sub"] == f"pulumi:environments:org:{ORG}:env:dev"
        assert (claims["root_env"], claims["current_env"], claims["trigger_user"]) == ("dev", "shop/logins", "admin")
