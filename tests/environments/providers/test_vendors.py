"""The providers of other vendors against stand-ins written from their published interfaces."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from common.backend import Backend
from common.environments.language.interfaces import WorldError
from common.oidc_issuer.model import Issuer
from common.rights.caller import Caller
from tests.environments.providers.opening import SECRET, StandIn, claims_of, encoded, opened, revealed, routed, shown
from tests.peers.http_peer import PeerReply, PeerRequest
from tests.peers.openid import rsa_key

LOGIN_SUBJECT = "pulumi:environments:org:acme:env:shop/dev"


def bearer(asked: PeerRequest) -> str:
    """Return the token of a request."""
    return asked.headers["Authorization"].partition(" ")[2]


def body(asked: PeerRequest) -> Any:
    """Return the JSON of a request."""
    return json.loads(asked.body)


class TestAzure:
    def test_logs_in_with_a_secret(self, backend: Backend, admin: Caller) -> None:
        """The secret is returned as one, and nothing is sent."""
        inputs = {"clientId": "c", "tenantId": "t", "subscriptionId": "s", "clientSecret": SECRET}
        found = opened(backend, admin, "azure-login", inputs)

        assert shown(found) == {"clientId": "c", "tenantId": "t", "subscriptionId": "s", "clientSecret": "[secret]"}

    def test_logs_in_with_a_token(self, backend: Backend, admin: Caller) -> None:
        """The identity token is the login."""
        found = revealed(opened(backend, admin, "azure-login", {"clientId": "c", "tenantId": "t", "oidc": True}))

        claims = claims_of(backend, found["oidc"]["token"])
        assert (claims["aud"], claims["sub"]) == ("azure:acme", LOGIN_SUBJECT)
        assert (claims["root_env"], claims["current_env"], claims["trigger_user"]) == ("shop/dev", "shop/logins", "admin")

    def test_needs_one_way_to_log_in(self, backend: Backend, admin: Caller) -> None:
        """Neither both ways nor none are a login."""
        for more in ({}, {"clientSecret": SECRET, "oidc": True}):
            with pytest.raises(WorldError, match="either clientSecret or oidc"):
                opened(backend, admin, "azure-login", {"clientId": "c", "tenantId": "t", **more})

    @pytest.mark.parametrize("login", [{"clientSecret": SECRET}, {"oidc": {"token": "signed"}}])
    def test_reads_secrets(self, backend: Backend, admin: Caller, login: dict[str, Any]) -> None:
        """Entra gives an access token for the secret or the identity token, and the vault takes it."""

        def token(asked: PeerRequest) -> PeerReply:
            proof = asked.form.get("client_secret") or asked.form["client_assertion"]
            assert proof in (SECRET, "signed")
            return PeerReply({"access_token": "for-the-vault"})

        def secret(asked: PeerRequest) -> PeerReply:
            assert bearer(asked) == "for-the-vault"
            return PeerReply({"value": f"{asked.path} {asked.query['api-version']}"})

        entra = StandIn({("POST", "/t/oauth2/v2.0/token"): token})
        vault = StandIn({("GET", "/secrets/key/"): secret, ("GET", "/secrets/key/3"): secret})
        inputs = {
            "login": {"clientId": "c", "tenantId": "t", **login},
            "vault": "acme",
            "get": {"a": {"name": "key"}, "b": {"name": "key", "version": "3"}},
        }
        with entra, vault:
            routes = {"login.microsoftonline.com": entra.url, "acme.vault.azure.net": vault.url}
            found = opened(routed(backend, routes), admin, "azure-secrets", inputs)

        assert revealed(found) == {"a": "/secrets/key/ 7.4", "b": "/secrets/key/3 7.4"}
        assert shown(found) == {"a": "[secret]", "b": "[secret]"}


class TestGoogleCloud:
    def test_logs_in_with_a_token(self, backend: Backend, admin: Caller) -> None:
        """The identity token is exchanged, and the service account's token is returned."""

        def exchange(asked: PeerRequest) -> PeerReply:
            claims = claims_of(backend, asked.form["subject_token"])
            assert (claims["aud"], claims["sub"]) == ("gcp:acme", LOGIN_SUBJECT)
            pool = "projects/42/locations/global/workloadIdentityPools/pool/providers/pulumi"
            assert asked.form["audience"] == f"//iam.googleapis.com/{pool}"
            return PeerReply({"access_token": "federated"})

        def impersonate(asked: PeerRequest) -> PeerReply:
            assert bearer(asked) == "federated"
            assert body(asked)["lifetime"] == "1800s"
            return PeerReply({"accessToken": SECRET, "expireTime": "2026-01-02T04:00:00Z"})

        account = "ci@acme.iam.gserviceaccount.com"
        served = {
            ("POST", "/v1/token"): exchange,
            ("POST", f"/v1/projects/-/serviceAccounts/{account}:generateAccessToken"): impersonate,
        }
        oidc = {"workloadPoolId": "pool", "providerId": "pulumi", "serviceAccount": account, "tokenLifetime": "30m"}
        with StandIn(served) as google:
            routes = dict.fromkeys(("sts.googleapis.com", "iamcredentials.googleapis.com"), google.url)
            found = opened(routed(backend, routes), admin, "gcp-login", {"project": 42, "oidc": oidc})

        assert revealed(found)["accessToken"] == SECRET
        shape = {"project": "42", "accessToken": "[secret]", "tokenType": "Bearer", "expiry": "2026-01-02T04:00:00Z"}
        assert shown(found) == shape

    def test_returns_an_access_token(self, backend: Backend, admin: Caller) -> None:
        """Without a service account the token is returned as it is."""
        found = opened(backend, admin, "gcp-login", {"project": 42, "accessToken": {"accessToken": SECRET}})

        assert shown(found) == {"project": "42", "accessToken": "[secret]", "tokenType": "Bearer"}

    def test_reads_secrets(self, backend: Backend, admin: Caller) -> None:
        """The latest version is read unless the definition has a number."""

        def access(asked: PeerRequest) -> PeerReply:
            assert bearer(asked) == SECRET
            return PeerReply({"payload": {"data": encoded(asked.path)}})

        path = "/v1/projects/42/secrets/key/versions"
        served = {("GET", f"{path}/latest:access"): access, ("GET", f"{path}/3:access"): access}
        inputs = {
            "login": {"accessToken": SECRET, "project": 42, "tokenType": "Bearer"},
            "access": {"a": {"name": "key"}, "b": {"name": "key", "version": 3}},
        }
        with StandIn(served) as google:
            found = opened(routed(backend, {"secretmanager.googleapis.com": google.url}), admin, "gcp-secrets", inputs)

        assert revealed(found) == {"a": f"{path}/latest:access", "b": f"{path}/3:access"}
        assert shown(found) == {"a": "[secret]", "b": "[secret]"}


class TestVault:
    def test_logs_in_with_a_token_of_ours(self, backend: Backend, admin: Caller) -> None:
        """Vault's JWT login takes the identity token, in a namespace and at a mount of the definition's choice."""

        def login(asked: PeerRequest) -> PeerReply:
            assert asked.headers["X-Vault-Namespace"] == "team"
            claims = claims_of(backend, body(asked)["jwt"])
            assert (body(asked)["role"], claims["aud"]) == ("ci", "vault:acme")
            return PeerReply({"auth": {"client_token": SECRET}})

        inputs = {"address": "https://vault.example.com/", "namespace": "team", "jwt": {"role": "ci", "mount": "pulumi"}}
        with StandIn({("POST", "/v1/auth/pulumi/login"): login}) as vault:
            found = opened(routed(backend, {"vault.example.com": vault.url}), admin, "vault-login", inputs)

        assert shown(found) == {"address": "https://vault.example.com/", "namespace": "team", "token": "[secret]"}

    def test_makes_a_child_token(self, backend: Backend, admin: Caller) -> None:
        """A token of Vault is replaced by a child that ends."""

        def create(asked: PeerRequest) -> PeerReply:
            assert asked.headers["X-Vault-Token"] == SECRET
            assert body(asked) == {"display_name": "pulumi", "explicit_max_ttl": "2h", "policies": ["read"]}
            return PeerReply({"auth": {"client_token": "child"}})

        inputs = {"address": "https://vault.example.com", "token": {"token": SECRET, "policies": ["read"]}}
        with StandIn({("POST", "/v1/auth/token/create"): create}) as vault:
            found = opened(routed(backend, {"vault.example.com": vault.url}), admin, "vault-login", inputs)

        assert revealed(found)["token"] == "child"

    def test_reads_secrets(self, backend: Backend, admin: Caller) -> None:
        """Whole data and single fields are read, also of version 2 of the key-value store."""
        served = {
            ("GET", "/v1/kv/shop"): lambda _: PeerReply({"data": {"user": "alice", "port": 1.50}}),
            ("GET", "/v1/secret/data/shop"): lambda _: PeerReply({"data": {"data": {"key": "x"}, "metadata": {"version": 2}}}),
        }
        read = {"all": {"path": "kv/shop"}, "user": {"path": "/kv/shop", "field": "user"}}
        read |= {"key": {"path": "secret/data/shop", "field": "key"}}
        login = {"address": "https://vault.example.com", "token": SECRET}
        with StandIn(served) as vault:
            backend = routed(backend, {"vault.example.com": vault.url})
            found = opened(backend, admin, "vault-secrets", {"login": login, "read": read})
            with pytest.raises(WorldError, match="key: Vault has no such field"):
                opened(backend, admin, "vault-secrets", {"login": login, "read": {"key": {"path": "kv/shop", "field": "no"}}})

        assert revealed(found) == {"all": {"user": "alice", "port": "1.5"}, "user": "alice", "key": "x"}
        assert shown(found) == "[secret]"


class TestDoppler:
    def test_logs_in(self, backend: Backend, admin: Caller) -> None:
        """Doppler gives an access token for the identity token."""

        def login(asked: PeerRequest) -> PeerReply:
            assert claims_of(backend, body(asked)["token"])["aud"] == "doppler:acme"
            return PeerReply({"token": SECRET})

        with StandIn({("POST", "/v3/auth/oidc"): login}) as doppler:
            backend = routed(backend, {"api.doppler.com": doppler.url})
            found = opened(backend, admin, "doppler-login", {"oidc": {"identityId": "i"}})

        assert shown(found) == {"accessToken": "[secret]"}

    def test_reads_secrets(self, backend: Backend, admin: Caller) -> None:
        """References in a secret are resolved."""

        def secret(asked: PeerRequest) -> PeerReply:
            assert (bearer(asked), asked.query) == (SECRET, {"project": "p", "config": "c", "name": "KEY"})
            return PeerReply({"name": "KEY", "value": {"raw": "${OTHER}", "computed": "x"}})

        inputs = {"login": {"accessToken": SECRET}, "project": "p", "config": "c", "get": {"a": {"name": "KEY"}}}
        with StandIn({("GET", "/v3/configs/config/secret"): secret}) as doppler:
            found = opened(routed(backend, {"api.doppler.com": doppler.url}), admin, "doppler-secrets", inputs)

        assert (revealed(found), shown(found)) == ({"a": "x"}, {"a": "[secret]"})


class TestInfisical:
    def test_logs_in(self, backend: Backend, admin: Caller) -> None:
        """Both ways to log in lead to an access token, at the vendor's site or at another one."""

        def with_token(asked: PeerRequest) -> PeerReply:
            assert claims_of(backend, body(asked)["jwt"])["aud"] == "infisical:acme"
            return PeerReply({"accessToken": "federated"})

        def with_secret(asked: PeerRequest) -> PeerReply:
            return PeerReply({"accessToken": body(asked)["clientSecret"]})

        kinds = {"oidc-auth": with_token, "universal-auth": with_secret}
        served = {("POST", f"/api/v1/auth/{kind}/login"): answer for kind, answer in kinds.items()}
        with StandIn(served) as site:
            backend = routed(backend, dict.fromkeys(("app.infisical.com", "secrets.example.com"), site.url))
            first = opened(backend, admin, "infisical-login", {"oidc": {"identityId": "i"}})
            static = {"clientId": "c", "clientSecret": SECRET}
            second = opened(backend, admin, "infisical-login", {"siteUrl": "https://secrets.example.com", "static": static})

        assert revealed(first) == {"accessToken": "federated"}
        assert shown(second) == {"accessToken": "[secret]", "siteUrl": "https://secrets.example.com"}

    def test_reads_secrets(self, backend: Backend, admin: Caller) -> None:
        """A secret is named by project, environment, path and key."""

        def secret(asked: PeerRequest) -> PeerReply:
            assert bearer(asked) == SECRET
            assert asked.query == {"workspaceId": "p", "environment": "dev", "secretPath": "/api"}
            return PeerReply({"secret": {"secretValue": "x"}})

        wanted = {"projectId": "p", "environment": "dev", "secretKey": "KEY", "secretPath": "/api"}
        with StandIn({("GET", "/api/v3/secrets/raw/KEY"): secret}) as site:
            backend = routed(backend, {"app.infisical.com": site.url})
            found = opened(backend, admin, "infisical-secrets", {"login": {"accessToken": SECRET}, "get": {"a": wanted}})

        assert (revealed(found), shown(found)) == ({"a": "x"}, {"a": "[secret]"})


class TestOnePassword:
    def test_reads_fields_and_files(self, backend: Backend, admin: Caller) -> None:
        """A reference names vault, item and field, also in a section; what several references share is read once."""
        item_id, vault = "i" * 26, "/v1/vaults/v1"
        in_section = {"id": "f2", "label": "port", "value": "3306", "section": {"id": "s1"}}
        fields = [
            {**in_section, "id": "f1", "label": "password", "value": "other"},
            in_section,
            {"id": "password", "label": "password", "value": SECRET},
            {"id": "f3", "label": "code", "value": "otpauth://x", "totp": "123456"},
        ]
        item = {"fields": fields, "sections": [{"id": "s1", "label": "Server"}], "files": [{"id": "k1", "name": "key.pem"}]}

        def listed(query: str, row_id: str) -> Callable[[PeerRequest], PeerReply]:
            def answer(asked: PeerRequest) -> PeerReply:
                assert (bearer(asked), asked.query) == (SECRET, {"filter": query})
                return PeerReply([{"id": row_id}])

            return answer

        served = {
            ("GET", "/v1/vaults"): listed('name eq "My \\"Shop\\""', "v1"),
            ("GET", f"{vault}/items"): listed('title eq "database"', item_id),
            ("GET", f"{vault}/items/{item_id}"): lambda _: PeerReply(item),
            ("GET", f"{vault}/items/{item_id}/files/k1/content"): lambda _: PeerReply(b"PEM"),
        }
        refs = {
            "password": 'op://My "Shop"/database/Password',
            "port": 'op://My "Shop"/database/server/port',
            "code": 'op://My "Shop"/database/code?attribute=otp',
            "key": f'op://My "Shop"/{item_id}/key.pem',
        }
        get = {name: {"ref": ref} for name, ref in refs.items()}
        login = {"connectHost": "https://connect.example.com", "connectToken": SECRET}
        with StandIn(served) as server:
            backend = routed(backend, {"connect.example.com": server.url})
            found = opened(backend, admin, "1password-secrets", {"login": login, "get": get})
            with pytest.raises(WorldError, match="b: the item has no such field"):
                opened(backend, admin, "1password-secrets", {"login": login, "get": {"b": {"ref": refs["port"] + "s"}}})

        assert revealed(found) == {"password": SECRET, "port": "3306", "code": "123456", "key": "PEM"}
        assert set(shown(found).values()) == {"[secret]"}
        assert len(server.asked) == 4 + 3


class TestGitHub:
    @pytest.mark.parametrize(("prefix", "more"), [("", {}), ("/api/v3", {"ghe": {"host": "github.example.com"}})])
    def test_logs_in(self, backend: Backend, admin: Caller, prefix: str, more: dict[str, Any]) -> None:
        """A token for the repositories of a user is had, of github.com and of a server of one's own."""

        def token(asked: PeerRequest) -> PeerReply:
            assert body(asked) == {"repositories": ["shop"], "permissions": {"contents": "read"}}
            return PeerReply({"token": SECRET, "expires_at": "2026-01-02T04:00:00Z"}, 201)

        served = {
            ("GET", f"{prefix}/app"): lambda _: PeerReply({"slug": "deployer"}),
            ("GET", f"{prefix}/users/alice/installation"): lambda _: PeerReply({"id": 77}),
            ("POST", f"{prefix}/app/installations/77/access_tokens"): token,
        }
        key = rsa_key("app").as_pem(private=True).decode()
        inputs = {"appId": 12, "privateKey": key, "owner": "alice", "repositories": ["shop"], "permissions": {"contents": "read"}}
        with StandIn(served) as github:
            backend = routed(backend, dict.fromkeys(("api.github.com", "github.example.com"), github.url))
            found = opened(backend, admin, "gh-login", {**inputs, **more})
            with pytest.raises(WorldError, match="not installed for 'bob'"):
                opened(backend, admin, "gh-login", {**inputs, **more, "owner": "bob"})

        assert shown(found) == {
            "appId": "12",
            "appSlug": "deployer",
            "installationId": "77",
            "accessToken": "[secret]",
            "expiry": "2026-01-02T04:00:00Z",
            "type": "installation",
        }


class TestTerraform:
    def test_reads_outputs(self, backend: Backend, admin: Caller) -> None:
        """Sensitive values, which the list leaves out, are read one by one, and every page of the list is read."""
        plain = [{"id": f"o{n}", "attributes": {"name": f"n{n}", "value": n, "sensitive": False}} for n in range(100)]
        hidden = {"id": "wsout-1", "attributes": {"name": "key", "value": None, "sensitive": True}}
        told = {"data": {"attributes": {"name": "key", "value": SECRET, "sensitive": True}}}

        def outputs(asked: PeerRequest) -> PeerReply:
            return PeerReply({"data": plain if asked.query["page[number]"] == "1" else [hidden]})

        served = {
            ("GET", "/api/v2/organizations/acme/workspaces/shop"): lambda _: PeerReply({"data": {"id": "ws-1"}}),
            ("GET", "/api/v2/workspaces/ws-1/current-state-version-outputs"): outputs,
            ("GET", "/api/v2/state-version-outputs/wsout-1"): lambda _: PeerReply(told),
        }
        remote = {"organization": "acme", "workspace": "shop", "token": SECRET}
        with StandIn(served) as site:
            backend = routed(backend, {"app.terraform.io": site.url})
            found = opened(backend, admin, "terraform-state", {"backend": {"remote": remote}})

        assert len(shown(found)["outputs"]) == 101
        assert (shown(found)["outputs"]["n7"], shown(found)["outputs"]["key"]) == ("7", "[secret]")
        assert revealed(found)["outputs"]["key"] == SECRET


class TestSnowflake:
    def test_returns_a_token(self, backend: Backend, admin: Caller) -> None:
        """The token names user and role as Snowflake reads them."""
        oidc = {"account": "acme-eu", "user": "DEPLOY", "role": "OPS"}
        found = opened(backend, admin, "snowflake-login", {"oidc": oidc})

        claims = claims_of(backend, revealed(found)["token"])
        assert (claims["aud"], claims["snowflake_user"], claims["scope"]) == ("snowflake:acme", "DEPLOY", "session:role:OPS")
        assert shown(found) == {"account": "acme-eu", "user": "DEPLOY", "token": "[secret]"}


class TestLoginIssuer:
    def test_signs_the_tokens(self, backend: Backend, admin: Caller) -> None:
        """Logins at vendors have the first issuer, and the attributes of the definition."""
        found = opened(backend, admin, "azure-login", {"clientId": "c", "tenantId": "t", "oidc": True})

        assert claims_of(backend, revealed(found)["oidc"]["token"])["iss"].endswith(Issuer.LOGIN.value)
