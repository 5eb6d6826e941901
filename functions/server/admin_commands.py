"""Commands that the operator runs on the server's own machine: add a user or an organization, create a link, and so on."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from common.backend import Backend
from common.config.public_urls import base_path
from common.config.settings import Settings
from common.core.errors import BackendError, StartUpError
from common.installation import operator
from common.installation.operator import NewPerson
from common.rights.permissions import Role
from common.sign_in.accounts.service import sign_in_links
from functions.server import startup
from functions.server.listener import is_everywhere, login_address
from functions.server.welcome import link_address

_ROLES = {role.value: role for role in Role if role is not Role.NONE}


def add_user(settings: Settings, login: str, *, name: str, email: str, org: str | None, role: str) -> str:
    """Make a person and return what to tell them: the line that signs them in. Raises StartUpError with what is wrong."""
    if role not in _ROLES:
        raise StartUpError(f"--role must be one of {', '.join(_ROLES)}")
    with _opened(settings) as backend:
        user = operator.add_person(backend, NewPerson(login, name, email, org, _ROLES[role]))
    return f"PULUMI_ACCESS_TOKEN={user.token} pulumi login {login_address(settings)}{_advice(settings)}"


def sign_in_link(settings: Settings, login: str) -> str:
    """Create a link that signs a user in once and return its address; raises StartUpError for an unknown user."""
    with _opened(settings) as backend:
        link = sign_in_links.create_link(backend, login)
    url = login_address(settings).removesuffix(base_path(settings))
    return f"{link_address(settings, url, link)}\nIt works once, within an hour.{_advice(settings)}"


def add_organization(settings: Settings, login: str, *, admin: str) -> str:
    """Make an organization and return what was done; raises StartUpError with what is wrong."""
    with _opened(settings) as backend:
        operator.add_organization(backend, login, admin)
    return f"Added organization {login}; {admin} is its administrator."


def stop_requiring_saml(settings: Settings, org: str) -> str:
    """Let an organization's members in without its SAML provider and return what was done; raises StartUpError."""
    with _opened(settings) as backend:
        operator.stop_requiring_saml(backend, org)
    return f"Members of {org} can sign in without SAML now."


def _advice(settings: Settings) -> str:
    """Return what to do where the address is good on this machine only, although the server listens to others."""
    if settings.api_domain or not is_everywhere(settings.host):
        return ""
    return f"\nThis address works on this machine only: set {Settings.api_domain} to the server's public name to see that here."


@contextmanager
def _opened(settings: Settings) -> Iterator[Backend]:
    try:
        with closing(startup.open_existing(settings)) as backend:
            yield backend
    except BackendError as error:
        raise StartUpError(error.detail) from error
