"""The identity tokens that environments send to other systems: their claims and subjects (esc.md 3.2)."""

from collections.abc import Iterable
from dataclasses import replace

from common.environments import steps
from common.environments.language.environment import EscValue
from common.environments.language.interfaces import ANONYMOUS, Context, WorldError
from common.environments.model import DEFAULT_PROJECT, find_reference, oidc_subject
from common.environments.providers.base import Access
from common.oidc_issuer.model import Issuer

EXCHANGE_SECONDS = 3600


def login_token(
    access: Access,
    context: Context,
    audience: str,
    attributes: Iterable[str] = (),
    *,
    seconds: int = EXCHANGE_SECONDS,
    **more: str,
) -> str:
    """Return a token for a login at a vendor, such as `aws`; `more` are claims of that vendor."""
    claims = {**login_claims(access, context, f"{audience}:{access.membership.login}", attributes), **more}
    return access.sign(Issuer.LOGIN, claims, seconds)


def login_claims(access: Access, context: Context, audience: str, attributes: Iterable[str] = ()) -> dict[str, str]:
    """Return the claims of a login, without issuer, times and id."""
    org = access.membership.login
    root, current = _short(context.root_environment), _short(context.current_environment)
    subject = f"pulumi:environments:org:{org}:env:{root}"
    names = list(attributes)
    if names:
        values = "".join(f":{name}:{_attribute(context, name)}" for name in names if name != "pulumi.organization.login")
        subject = f"pulumi:environments:pulumi.organization.login:{org}{values}"
    return {
        "sub": subject,
        "aud": audience,
        "org": org,
        "current_env": current,
        "root_env": root,
        "trigger_user": _attribute(context, "pulumi.user.login"),
    }


def audience_claims(access: Access, context: Context, audience: str, provider: str) -> dict[str, str]:
    """Return the claims of a token for an audience; raises WorldError in a document that is not saved, and with overrides.

    With overrides a caller could have a saved environment sign for the audience that another environment names.
    """
    membership = access.membership
    if access.has_overrides:
        raise WorldError(f"{provider} cannot run while environmentOverrides replace environments")
    current = _environment_id(access, context.current_environment)
    if current is None:
        raise WorldError(f"{provider} cannot run in an unsaved environment document; save the environment and import it")
    root = _environment_id(access, context.root_environment)
    claims = {
        "sub": oidc_subject(membership.org_id, current),
        "aud": audience,
        "https://pulumi.com/org": membership.login,
        "https://pulumi.com/org_id": membership.org_id,
        "https://pulumi.com/current_env": context.current_environment,
        "https://pulumi.com/current_env_id": current,
        "https://pulumi.com/root_env": context.root_environment,
        "https://pulumi.com/root_env_id": root or "",
        "https://pulumi.com/actor": _attribute(context, "pulumi.user.login"),
    }
    return {name: value for name, value in claims.items() if value}


def _environment_id(access: Access, name: str) -> str | None:
    reference = find_reference(name) if name != ANONYMOUS else None
    if reference is None:
        return None
    with access.backend.db.connect() as connection:
        environment, _ = steps.find(connection, access.caller, access.membership, replace(reference, version="latest"))
    return environment.id if environment is not None else None


def _short(name: str) -> str:
    """Return the name of an environment without the default project."""
    return name.removeprefix(f"{DEFAULT_PROJECT}/")


def _attribute(context: Context, name: str) -> str:
    """Return the value of a subject attribute; the members of `context` are all texts."""
    if name == "currentEnvironment.name":
        return _short(context.current_environment)
    if name == "rootEnvironment.name":
        return _short(context.root_environment)
    value: object = EscValue(dict(context.values))
    for step in name.split("."):
        value = value.value.get(step) if isinstance(value, EscValue) and isinstance(value.value, dict) else None
    return str(value.value) if isinstance(value, EscValue) else ""
