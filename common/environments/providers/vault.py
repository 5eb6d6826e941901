"""`fn::open::vault-login` and `fn::open::vault-secrets`: a token of HashiCorp Vault, and what Vault keeps."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.schemas.schema import STRING, STRINGS, AnySchema, Schema
from common.environments.providers import calls, identity
from common.environments.providers.base import Access
from common.environments.providers.calls import Request, host_of, require_origin
from common.environments.providers.schemas import DURATION, SUBJECT_ATTRIBUTES, map_of, members
from common.environments.providers.values import from_json, plain, record, require_text, secret

_JWT = members({"role": STRING}, {"mount": STRING, "subjectAttributes": SUBJECT_ATTRIBUTES})
_TOKEN = members(
    {"token": STRING},
    {"displayName": STRING, "maxTtl": DURATION, "metadata": Schema("object"), "policies": STRINGS},
)
LOGIN_INPUTS = members({"address": STRING}, {"namespace": STRING, "jwt": _JWT, "token": _TOKEN})
LOGIN = members({"address": STRING, "token": STRING}, {"namespace": STRING}, title="VaultSecretsLogin")
_READ = members({"path": STRING}, {"field": STRING}, title="VaultSecretsRead")
SECRETS_INPUTS = members({"login": LOGIN, "read": map_of(_READ)})
SECRETS_OUTPUTS = Schema("object", additional_properties=True)


class VaultLogin:
    """Returns a token that ends with the environment: for an identity token, or as the child of another token."""

    def __init__(self, access: Access) -> None:
        """Log in for one caller."""
        self._access = access

    def schema(self) -> tuple[AnySchema, AnySchema]:
        """Return the schemas of inputs and outputs."""
        return LOGIN_INPUTS, LOGIN

    def open(self, inputs: dict[str, EscValue], context: Context) -> EscValue:
        """Return the token; raises WorldError."""
        settings = plain(inputs)
        if ("jwt" in settings) is ("token" in settings):
            raise WorldError("vault-login needs either jwt or token")
        origin, namespace = require_origin(settings["address"], "address"), settings.get("namespace")
        if "jwt" in settings:
            jwt = settings["jwt"]
            token = identity.login_token(self._access, context, "vault", jwt.get("subjectAttributes") or ())
            url = f"{origin}/v1/auth/{_path(jwt.get('mount') or 'jwt')}/login"
            request = Request("POST", url, _headers(namespace), json={"role": jwt["role"], "jwt": token})
        else:
            parent = settings["token"]
            headers = _headers(namespace, parent["token"])
            request = Request("POST", f"{origin}/v1/auth/token/create", headers, json=_child(parent))
        child = require_text(calls.fetch(self._access, request), host_of(origin), "auth", "client_token")
        return record(address=settings["address"], namespace=namespace, token=secret(child))


class VaultSecrets:
    """Reads paths of Vault one by one."""

    def __init__(self, access: Access) -> None:
        """Read for one caller."""
        self._access = access

    def schema(self) -> tuple[AnySchema, AnySchema]:
        """Return the schemas of inputs and outputs."""
        return SECRETS_INPUTS, SECRETS_OUTPUTS

    def open(self, inputs: dict[str, EscValue], context: Context) -> EscValue:  # noqa: ARG002 - of the protocol
        """Return the data of each path, or one field of it, by the names of the definition; raises WorldError."""
        settings = plain(inputs)
        login = settings["login"]
        origin = require_origin(login["address"], "address")
        headers = _headers(login.get("namespace"), login["token"])
        values = {}
        for name, wanted in settings["read"].items():
            request = Request("GET", f"{origin}/v1/{_path(wanted['path'])}", headers)
            try:
                values[name] = from_json(_data(calls.fetch(self._access, request), wanted.get("field")))
            except WorldError as error:
                raise WorldError(f"{name}: {error}") from None
        return EscValue(values, secret=True)


def _headers(namespace: str | None, token: str = "") -> dict[str, str]:
    headers = {"X-Vault-Request": "true"}
    headers |= {"X-Vault-Namespace": namespace} if namespace else {}
    return headers | ({"X-Vault-Token": token} if token else {})


def _child(parent: Mapping[str, Any]) -> dict[str, object]:
    options = {"display_name": parent.get("displayName") or "pulumi", "explicit_max_ttl": parent.get("maxTtl") or "2h"}
    return {**options, **({"meta": parent["metadata"]} if parent.get("metadata") else {}), **_policies(parent)}


def _policies(parent: Mapping[str, Any]) -> dict[str, object]:
    return {"policies": parent["policies"]} if parent.get("policies") else {}


def _path(text: str) -> str:
    """Return a path of Vault as part of an address; raises WorldError for one that would lead elsewhere."""
    parts = text.strip("/").split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise WorldError("a path of Vault has names between its slashes")
    return "/".join(quote(part, safe="") for part in parts)


def _data(answer: object, field: str | None) -> object:
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict):
        raise WorldError("Vault answers without data")
    if not field:
        return data
    # Version 2 of the key-value store puts the values one level deeper.
    for values in (data, data.get("data")):
        if isinstance(values, dict) and field in values:
            return values[field]
    raise WorldError("Vault has no such field")
