"""Sign-in with an OpenID Connect provider: discovery, authorization code with PKCE, verification of the identity token.

Source: OpenID Connect Core 1.0, 3.1.3.7 (identity token) and 5.3 (userinfo); RFC 9207 (issuer in the response).
"""

import logging
from collections.abc import Mapping
from typing import Any

from common.backend import Backend
from common.config import identity_providers
from common.config.settings import Settings
from common.core.errors import Forbidden, Unauthorized
from common.sign_in.external.providers import oauth, provider_cache
from common.sign_in.model import (
    Account,
    AuthorizationResponse,
    BadAccount,
    Provider,
    Secrets,
    address_of,
    own_name,
    subject_of,
    text_of,
)
from common.sign_in.oidc import id_token
from common.sign_in.oidc.id_token import InvalidToken, WrongTime
from common.sign_in.oidc.metadata import Metadata

LOG = logging.getLogger("stackhold.identity")
# Tokens of people in many groups are long.
_TOKEN_LIMIT = 128 * 1_024
_Claims = dict[str, Any]


def name(settings: Settings) -> str:
    """Return the name of the configured provider in `identities`."""
    return own_name(Provider.OIDC, settings.oidc_issuer)


class OpenID:
    """The client of an OpenID Connect provider; see `providers.Client`."""

    def __init__(self, backend: Backend, label: str, redirect_uri: str) -> None:
        """Read the settings; the provider is called later."""
        self._backend = backend
        self._label = label
        self._redirect_uri = redirect_uri
        self._client_id = backend.settings.oidc_client_id

    def authorize_url(self, secrets: Secrets) -> str:
        """Return the address to send a browser to."""
        metadata = provider_cache.get_metadata(self._backend, self._label)
        registration = self._registration(metadata)
        return oauth.authorize_url(registration, metadata.authorization_endpoint, secrets, nonce=secrets.nonce)

    def fetch_account(self, response: AuthorizationResponse, secrets: Secrets) -> Account:
        """Return the account of the person who came back."""
        metadata = provider_cache.get_metadata(self._backend, self._label)
        if response.issuer != metadata.issuer and (response.issuer or metadata.names_issuer):
            raise self._bad("it comes from another provider")
        registration = self._registration(metadata)
        tokens = oauth.fetch_tokens(self._backend, registration, metadata.token_endpoint, response.code, secrets.verifier)
        claims = self._verify(tokens.identity, metadata, secrets)
        try:
            subject = subject_of(claims["sub"])
        except BadAccount as error:
            raise self._bad(str(error)) from None
        return self._account(subject, self._add_userinfo(claims, metadata, tokens.access))

    def _registration(self, metadata: Metadata) -> oauth.Registration:
        settings = self._backend.settings
        # The default method of a client's registration.
        method = "client_secret_basic"
        if metadata.auth_methods and method not in metadata.auth_methods:
            method = "client_secret_post"
        return oauth.Registration(
            self._label,
            self._client_id,
            settings.oidc_client_secret,
            settings.oidc_scopes,
            self._redirect_uri,
            method,
        )

    def _verify(self, token: str, metadata: Metadata, secrets: Secrets) -> _Claims:
        """Return the claims of an identity token with a valid signature and valid claims; raises Unauthorized."""
        try:
            claims = provider_cache.verify(
                self._backend,
                self._label,
                id_token.read(token, limit=_TOKEN_LIMIT),
                iss={"essential": True, "value": metadata.issuer},
                aud={"essential": True, "value": self._client_id},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": secrets.nonce},
            )
        except InvalidToken as error:
            LOG.warning("%s sent an identity token that is not valid: %s", self._label, error)
            is_clock = isinstance(error, WrongTime)
            raise self._bad(str(error) if is_clock else "its identity token cannot be trusted") from None
        # A token with several audiences must name its client, and it must be ours.
        if claims.get("azp", self._client_id) != self._client_id or (_has_audiences(claims) and "azp" not in claims):
            raise self._bad("its identity token was made for another program")
        return claims

    def _add_userinfo(self, claims: _Claims, metadata: Metadata, access_token: str) -> _Claims:
        """Return the claims with those of the userinfo endpoint, which is called only if a claim that we need is missing."""
        needed = ["email", *([self._groups_claim] if self._needs_groups else [])]
        if not metadata.userinfo_endpoint or all(claim in claims for claim in needed):
            return claims
        userinfo = oauth.fetch_json(self._backend, self._label, metadata.userinfo_endpoint, token=access_token)
        if not isinstance(userinfo, dict) or userinfo.get("sub") != claims["sub"]:
            raise self._bad("it is about two different people")
        # An address and `email_verified` belong together, so both come from the same place.
        from_token = {name: value for name, value in claims.items() if name != "email_verified" or "email" in claims}
        from_userinfo = {name: value for name, value in userinfo.items() if name != "email_verified" or "email" not in claims}
        return {**from_userinfo, **from_token}

    def _account(self, subject: str, claims: _Claims) -> Account:
        groups = self._groups(claims)
        email = address_of(claims.get("email"))
        # Some providers send the word instead of the value.
        is_verified = bool(email) and claims.get("email_verified") in (True, "true")
        self._require_allowed(email if is_verified else "", groups)
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
        """Return the groups of a person. A missing claim means no groups, so that it does not keep access open."""
        distributed = claims.get("_claim_names")
        if self._needs_groups and isinstance(distributed, dict) and self._groups_claim in distributed:
            LOG.error(
                "%s leaves out the groups because there are too many; have it send only those for this program", self._label
            )
            raise Forbidden(f"{self._label} does not say which groups you are in, because they are too many")
        value = claims.get(self._groups_claim)
        groups = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        return frozenset(group for group in groups if isinstance(group, str))

    def _require_allowed(self, address: str, groups: frozenset[str]) -> None:
        allowed_domains = identity_providers.listed(self._backend.settings.oidc_allowed_domains)
        domains = {domain.lower().removeprefix("@") for domain in allowed_domains}
        if domains and address.rpartition("@")[2] not in domains:
            raise Forbidden("only people with a verified address of certain domains may sign in here, and you have none of them")
        allowed = identity_providers.listed(self._backend.settings.oidc_allowed_groups)
        if allowed and groups.isdisjoint(allowed):
            raise Forbidden(f"only people in certain groups at {self._label} may sign in here, and you are in none of them")

    @property
    def _groups_claim(self) -> str:
        return self._backend.settings.oidc_groups_claim

    @property
    def _needs_groups(self) -> bool:
        return any(map(self._backend.settings.is_set, (Settings.oidc_allowed_groups, identity_providers.GROUP_TEAMS)))

    def _bad(self, reason: str) -> Unauthorized:
        return Unauthorized(f"the answer of {self._label} is not valid: {reason}")


def _has_audiences(claims: _Claims) -> bool:
    audience = claims["aud"]
    return isinstance(audience, list) and len(audience) > 1
