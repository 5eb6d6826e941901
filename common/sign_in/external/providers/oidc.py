"""Sign-in with any OpenID Connect provider: discovery, authorization code with PKCE, an identity token that is checked whole.

Source: OpenID Connect Core 1.0, 3.1.3.7 (identity token) and 5.3 (userinfo); RFC 9207 (issuer in the answer).
"""

import logging
from collections.abc import Mapping
from typing import Any

from common.backend import Backend
from common.config import identity_providers
from common.config.settings import Settings
from common.core.clock import clock_problem, unix_seconds
from common.core.errors import Forbidden, Unauthorized
from common.sign_in.external.providers import oauth, oidc_discovery
from common.sign_in.model import Account, Answer, BadAccount, Provider, Secrets, address_of, own_name, subject_of, text_of

LOG = logging.getLogger("stackhold.identity")
SKEW_SECONDS = 60
# By a private key alone: `none` proves nothing, and with a shared secret the published key could be taken for the secret.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
_Claims = dict[str, Any]


def name(settings: Settings) -> str:
    """Return what `identities` call the configured provider."""
    return own_name(Provider.OIDC, settings.text("STACKHOLD_OIDC_ISSUER"))


class OpenID:
    """A provider's client, as providers.Client says."""

    def __init__(self, backend: Backend, label: str, redirect_uri: str) -> None:
        """Read the settings; the provider is asked later."""
        self._backend = backend
        self._label = label
        self._redirect_uri = redirect_uri
        self._client_id = backend.settings.text("STACKHOLD_OIDC_CLIENT_ID")

    def authorize_url(self, secrets: Secrets) -> str:
        """Return where to send a browser."""
        found = oidc_discovery.metadata(self._backend, self._label)
        return oauth.authorize_url(self._registration(found), found.authorize, secrets, nonce=secrets.nonce)

    def fetch_account(self, answer: Answer, secrets: Secrets) -> Account:
        """Return who came back with an answer."""
        found = oidc_discovery.metadata(self._backend, self._label)
        if answer.issuer != found.issuer and (answer.issuer or found.names_issuer):
            raise self._bad("it comes from another provider")
        tokens = oauth.fetch_tokens(self._backend, self._registration(found), found.token, answer.code, secrets.verifier)
        claims = self._verified(tokens.identity, found, secrets)
        try:
            subject = subject_of(claims["sub"])
        except BadAccount as error:
            raise self._bad(str(error)) from None
        return self._account(subject, self._completed(claims, found, tokens.access))

    def _registration(self, found: oidc_discovery.Metadata) -> oauth.Registration:
        settings = self._backend.settings
        # What a client is registered for where nobody says otherwise.
        method = "client_secret_basic"
        if found.methods and method not in found.methods:
            method = "client_secret_post"
        return oauth.Registration(
            self._label,
            self._client_id,
            settings.text("STACKHOLD_OIDC_CLIENT_SECRET"),
            settings.text("STACKHOLD_OIDC_SCOPES"),
            self._redirect_uri,
            method,
        )

    def _verified(self, token: str, found: oidc_discovery.Metadata, secrets: Secrets) -> _Claims:
        """Return the claims of an identity token whose signature and claims are all good; raises Unauthorized."""
        from joserfc import jwt  # noqa: PLC0415 - loading it takes longer than most requests
        from joserfc.errors import JoseError  # noqa: PLC0415 - as above

        try:
            read = oidc_discovery.verified_by(
                self._backend, self._label, lambda keys: jwt.decode(token, keys, algorithms=ALGORITHMS)
            )
            claims: _Claims = read.claims
            self._require_time(claims)
            self._registry(found, secrets).validate(claims)
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            LOG.warning("%s gives an identity token that is not good: %s", self._label, type(error).__name__)
            raise self._bad("its identity token cannot be trusted") from None
        # A token for several says for whom it was made, and one for us alone must not say that it was for another.
        if claims.get("azp", self._client_id) != self._client_id or (_is_for_several(claims) and "azp" not in claims):
            raise self._bad("its identity token was made for another program")
        return claims

    def _require_time(self, claims: _Claims) -> None:
        """Raise Unauthorized for a signed token whose times do not fit this server's clock; page and log say by how much."""
        if problem := clock_problem(claims, self._backend.clock.now(), SKEW_SECONDS):
            LOG.warning("an identity token of %s is refused: %s", self._label, problem)
            raise self._bad(problem)

    def _registry(self, found: oidc_discovery.Metadata, secrets: Secrets) -> Any:  # noqa: ANN401 - joserfc's, imported below
        from joserfc.jwt import JWTClaimsRegistry  # noqa: PLC0415 - as above

        return JWTClaimsRegistry(
            now=unix_seconds(self._backend.clock.now()),
            leeway=SKEW_SECONDS,
            iss={"essential": True, "value": found.issuer},
            aud={"essential": True, "value": self._client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": secrets.nonce},
        )

    def _completed(self, claims: _Claims, found: oidc_discovery.Metadata, access: str) -> _Claims:
        """Return the claims with those that the provider gives away at another address, if what we need is not among them."""
        needed = ["email", *([self._groups_claim] if self._asks_for_groups else [])]
        if not found.userinfo or all(one in claims for one in needed):
            return claims
        more = oauth.fetch_json(self._backend, self._label, found.userinfo, token=access)
        if not isinstance(more, dict) or more.get("sub") != claims["sub"]:
            raise self._bad("it speaks of two different people")
        # An address and whether it is verified belong together, wherever they come from.
        kept = {key: value for key, value in claims.items() if key != "email_verified" or "email" in claims}
        taken = {key: value for key, value in more.items() if key != "email_verified" or "email" not in claims}
        return {**taken, **kept}

    def _account(self, subject: str, claims: _Claims) -> Account:
        groups = self._groups(claims)
        email = address_of(claims.get("email"))
        # Some send the word instead of the value.
        is_verified = bool(email) and claims.get("email_verified") in (True, "true")
        self._require_welcome(email if is_verified else "", groups)
        return Account(
            provider=name(self._backend.settings),
            subject=subject,
            login=text_of(claims, "preferred_username", "nickname", "email", "name"),
            name=text_of(claims, "name", "preferred_username", "email"),
            email=email,
            is_verified=is_verified,
            is_own=True,
            groups=groups,
        )

    def _groups(self, claims: Mapping[str, Any]) -> frozenset[str]:
        """Return somebody's groups; none of them where the provider names none, so that nobody stays in by silence."""
        distributed = claims.get("_claim_names")
        if self._asks_for_groups and isinstance(distributed, dict) and self._groups_claim in distributed:
            LOG.error("%s leaves out the groups, which are too many: have it send those of this program alone", self._label)
            raise Forbidden(f"{self._label} does not say which groups you are in, because they are too many")
        value = claims.get(self._groups_claim)
        found = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        return frozenset(one for one in found if isinstance(one, str))

    def _require_welcome(self, address: str, groups: frozenset[str]) -> None:
        domains = {one.lower().removeprefix("@") for one in self._listed("STACKHOLD_OIDC_ALLOWED_DOMAINS")}
        if domains and address.rpartition("@")[2] not in domains:
            raise Forbidden("only people with a verified address of certain domains may sign in here, and you have none of them")
        allowed = self._listed("STACKHOLD_OIDC_ALLOWED_GROUPS")
        if allowed and groups.isdisjoint(allowed):
            raise Forbidden(f"only people in certain groups at {self._label} may sign in here, and you are in none of them")

    @property
    def _groups_claim(self) -> str:
        return self._backend.settings.text("STACKHOLD_OIDC_GROUPS_CLAIM")

    @property
    def _asks_for_groups(self) -> bool:
        return any(map(self._backend.settings.is_set, ("STACKHOLD_OIDC_ALLOWED_GROUPS", identity_providers.GROUP_TEAMS)))

    def _listed(self, setting: str) -> tuple[str, ...]:
        return identity_providers.listed(self._backend.settings.text(setting))

    def _bad(self, reason: str) -> Unauthorized:
        return Unauthorized(f"the answer of {self._label} is not good: {reason}")


def _is_for_several(claims: _Claims) -> bool:
    audience = claims["aud"]
    return isinstance(audience, list) and len(audience) > 1
