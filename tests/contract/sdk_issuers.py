"""Scenes of issuers of identity tokens, their policies, and the exchange. The issuer is on loopback."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from pulumi_cloud_sdk import models

from tests.contract.sdk_scene import Scene, refused, scene, unique
from tests.peers.workload_issuer import Pipeline, WorkloadIssuer

DAY_SECONDS = 86_400


@contextmanager
def trusted(where: Scene) -> Iterator[tuple[WorkloadIssuer, models.OidcIssuerRegistrationResponse]]:
    """Yield an issuer that the organization trusts, and its registration."""
    with WorkloadIssuer(time.time) as peer:
        asked = models.OidcIssuerRegistrationRequest(unique("ci"), peer.url, max_expiration=DAY_SECONDS)
        yield peer, where.admin.orgs.register_oidc_issuer(where.org, asked)


def allow(where: Scene, issuer_id: str) -> models.AuthPolicy:
    """Lets the subject `ci` in as a member."""
    policy = where.admin.orgs.get_auth_policy(where.org, issuer_id)
    statement = models.AuthPolicyDefinition("allow", "organization", ["standard"], {"sub": "ci"})
    return where.admin.orgs.update_auth_policy(where.org, policy.id, models.AuthPolicyUpdateRequest([statement]))


@scene
def register_oidc_issuer(where: Scene) -> None:
    """An issuer is trusted once, with what it says of itself."""
    with trusted(where) as (peer, made):
        again = models.OidcIssuerRegistrationRequest("again", peer.url, max_expiration=0)
        with refused(400):
            where.admin.orgs.register_oidc_issuer(where.org, again)

    assert (peer.url, peer.url, DAY_SECONDS) == (made.url, made.issuer, made.max_expiration)


@scene
def list_orgs_oidc_issuers(where: Scene) -> None:
    """All issuers are listed."""
    with trusted(where) as (_, made):
        found = where.admin.orgs.list_orgs_oidc_issuers(where.org).oidc_issuers

    assert [(made.id, made.name)] == [(one.id, one.name) for one in found]


@scene
def get_oidc_issuer(where: Scene) -> None:
    """An issuer is read by its id; plain members may not know of it."""
    with trusted(where) as (_, made):
        found = where.admin.orgs.get_oidc_issuer(where.org, made.id)
        with refused(403):
            where.person().orgs.get_oidc_issuer(where.org, made.id)

    assert (made.name, made.created) == (found.name, found.created)


@scene
def update_oidc_issuer(where: Scene) -> None:
    """A name, thumbprints and the longest life of tokens are changed."""
    with trusted(where) as (_, made):
        change = models.OidcIssuerUpdateRequest("renamed", ["ab" * 32], 3_600)
        found = where.admin.orgs.update_oidc_issuer(where.org, made.id, change)

    assert ("renamed", ["ab" * 32], 3_600, made.url) == (found.name, found.thumbprints, found.max_expiration, found.url)


@scene
def regenerate_thumbprints(where: Scene) -> None:
    """The certificates that an issuer has now are trusted; loopback speaks without TLS and has none."""
    with trusted(where) as (_, made):
        found = where.admin.orgs.regenerate_thumbprints(where.org, made.id)

    assert (made.id, None) == (found.id, found.thumbprints)


@scene
def delete_oidc_issuer(where: Scene) -> None:
    """An issuer that is gone is gone."""
    with trusted(where) as (_, made):
        where.admin.orgs.delete_oidc_issuer(where.org, made.id)
        with refused(404):
            where.admin.orgs.get_oidc_issuer(where.org, made.id)


@scene
def get_auth_policy(where: Scene) -> None:
    """The policy of a new issuer is there, and has no statements."""
    with trusted(where) as (_, made):
        found = where.admin.orgs.get_auth_policy(where.org, made.id)

    assert (1, []) == (found.version, found.policies)


@scene
def update_auth_policy(where: Scene) -> None:
    """Statements are replaced as a whole, and the version rises."""
    with trusted(where) as (_, made):
        found = allow(where, made.id)
        with refused(400):
            where.admin.orgs.update_auth_policy(where.org, found.id, models.AuthPolicyUpdateRequest([]))

    statement = found.policies[0]
    assert (2, "allow", "organization", ["standard"], {"sub": "ci"}) == (
        found.version,
        statement.decision,
        statement.token_type,
        statement.authorized_permissions,
        statement.rules,
    )


@scene
def token(where: Scene) -> None:
    """An identity token becomes an access token, which is renewed; what the policy does not allow is refused."""
    with trusted(where) as (peer, made):
        allow(where, made.id)
        form = Pipeline(peer, where.org).form(peer.mint(aud=f"urn:pulumi:org:{where.org}"))
        given = where.admin.general.token(form)
        renewed = where.admin.general.token({"grant_type": "refresh_token", "refresh_token": given.refresh_token})
        with refused(400):
            where.admin.general.token(form | {"scope": "admin"})

    assert ("token", 7_200, "") == (given.token_type, given.expires_in, given.scope)
    assert where.org == where.with_token(renewed.access_token).users.get_current_user().github_login
