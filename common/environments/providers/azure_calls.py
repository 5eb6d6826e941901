"""Access tokens of Microsoft Entra, for providers and rotators that call Azure."""

import re
from collections.abc import Mapping
from typing import Any

from common.environments.language.interfaces import WorldError
from common.environments.providers import calls
from common.environments.providers.base import Access
from common.environments.providers.calls import Request
from common.environments.providers.values import require_text, text_at

_LOGIN_HOST = "login.microsoftonline.com"
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,253}")
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def access_token(access: Access, login: Mapping[str, Any], scope: str) -> str:
    """Return an access token for a login, the result of `azure-login`; raises WorldError."""
    if not _TENANT.fullmatch(login["tenantId"]):
        raise WorldError("tenantId must be the id or the domain of a tenant")
    form = {"client_id": login["clientId"], "grant_type": "client_credentials", "scope": scope}
    token = text_at(login, "oidc", "token")
    if token:
        form |= {"client_assertion_type": _ASSERTION, "client_assertion": token}
    elif login.get("clientSecret"):
        form["client_secret"] = login["clientSecret"]
    else:
        raise WorldError("the login has neither a client secret nor an identity token")
    url = f"https://{_LOGIN_HOST}/{login['tenantId']}/oauth2/v2.0/token"
    answer = calls.fetch(access, Request("POST", url, form=form, shows_code=True))
    return require_text(answer, _LOGIN_HOST, "access_token")
