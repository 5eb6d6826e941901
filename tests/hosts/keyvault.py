"""A stand-in for an Azure Key Vault: RSA keys with versions, the authentication challenge, and the refusals that matter.

It speaks as much of the vault's HTTP API as Microsoft's own client needs, over TLS with a certificate of its own.
"""

import base64
import json
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.hashes import SHA256

from tests.hosts.certificate import Certificate
from tests.hosts.identity import audience
from tests.hosts.loopback import Loopback, Reply, Request

ALL_OPERATIONS = ("encrypt", "decrypt", "wrapKey", "unwrapKey", "sign", "verify")
_CREATED = count(1_700_000_000)


@dataclass(slots=True)
class Version:
    """One version of a key."""

    private_key: rsa.RSAPrivateKey
    operations: tuple[str, ...] = ALL_OPERATIONS
    attributes: dict[str, Any] = field(default_factory=lambda: {"enabled": True, "created": next(_CREATED)})


class KeyVault(Loopback):
    """The vault; `log` lists the calls it let in, as (method, path)."""

    def __init__(self, certificate: Certificate) -> None:
        super().__init__(self._answer, certificate.server_context())
        self.authority_file = certificate.certificate
        # The client insists that the vault's address lies in the domain of the resource that the challenge names.
        self.resource = f"https://{self.authority.partition('.')[2]}"
        self.keys: dict[str, dict[str, Version]] = {}
        # What the identity may do with keys, by an access policy or a role; the key's own operations count besides.
        self.permissions = {"get", *map(str.lower, ALL_OPERATIONS)}
        self.log: list[tuple[str, str]] = []
        self.secrets: dict[str, str] = {}
        self._failures: list[tuple[int, dict[str, str]]] = []

    def rotate(self, name: str, operations: tuple[str, ...] = ALL_OPERATIONS) -> str:
        """Add a version, which becomes the latest, and return its name."""
        version = uuid4().hex
        private_key = rsa.generate_private_key(65537, 2048)
        self.keys.setdefault(name, {})[version] = Version(private_key, operations)
        return version

    def enable(self, name: str, version: str, *, enabled: bool) -> None:
        """Switches a version on or off."""
        self.keys[name][version].attributes["enabled"] = enabled

    def fail_next(self, times: int, status: int, **headers: str) -> None:
        """Refuses the next calls with a status."""
        self._failures += [(status, headers)] * times

    def calls(self, verb: str) -> list[str]:
        """The paths of the calls that end with a verb, or of those that fetch a key where the verb is `get`."""
        if verb == "get":
            return [path for method, path in self.log if method == "GET"]
        return [path for method, path in self.log if method == "POST" and path.endswith(f"/{verb}")]

    def _answer(self, request: Request) -> Reply:
        if audience(request.headers.get("authorization", "")) != self.resource:
            challenge = f'Bearer authorization="https://login.example.com/tenant", resource="{self.resource}"'
            return _refusal(401, "Unauthorized", "a token is needed", {"WWW-Authenticate": challenge})
        path = urlsplit(request.path).path
        self.log.append((request.method, path))
        if self._failures:
            status, headers = self._failures.pop()
            return _refusal(status, "Throttled" if status == 429 else "InternalServerError", "too much", headers)
        parts = path.strip("/").split("/")
        if parts[0] == "secrets":
            value = self.secrets.get("/".join(parts[1:]))
            return _not_found(path) if value is None else _json({"id": f"{self.url}{path}", "value": value})
        return self._key(request, *parts[1:4]) if parts[0] == "keys" and len(parts) > 1 else _not_found(path)

    def _key(self, request: Request, name: str, version: str = "", verb: str = "") -> Reply:
        versions = self.keys.get(name, {})
        version = version or next(reversed(versions), "")
        if (verb or "get") not in self.permissions:
            said = f"The user, group or application does not have keys {verb or 'get'} permission on key vault."
            return _refusal(403, "Forbidden", said, {}, "AccessDenied")
        found = versions.get(version)
        if found is None:
            return _not_found(f"{name}/{version}")
        if not found.attributes["enabled"]:
            said = f"Operation {verb or 'get'} is not allowed on a disabled key."
            return _refusal(403, "Forbidden", said, {}, "KeyDisabled")
        kid = f"{self.url}/keys/{name}/{version}"
        if not verb:
            return _json({"key": _public(found, kid), "attributes": found.attributes})
        allowed = {operation.lower(): operation for operation in found.operations}
        if verb not in allowed:
            return _refusal(403, "Forbidden", f"Operation {verb} is not permitted on this key.", {}, "KeyOperationForbidden")
        return _opened(found, kid, json.loads(request.body))


def _opened(found: Version, kid: str, asked: dict[str, str]) -> Reply:
    if asked["alg"] != "RSA-OAEP-256":
        return _refusal(400, "BadParameter", f"Algorithm {asked['alg']} is not supported here.")
    try:
        plain = found.private_key.decrypt(_decoded(asked["value"]), OAEP(MGF1(SHA256()), SHA256(), None))
    except ValueError:
        return _refusal(400, "BadParameter", "The parameter is incorrect.")
    return _json({"kid": kid, "value": _encoded(plain)})


def _public(found: Version, kid: str) -> dict[str, Any]:
    numbers = found.private_key.public_key().public_numbers()
    modulus, exponent = numbers.n.to_bytes(256, "big"), numbers.e.to_bytes(3, "big")
    return {"kid": kid, "kty": "RSA", "key_ops": found.operations, "n": _encoded(modulus), "e": _encoded(exponent)}


def _json(said: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, json.dumps(said).encode(), {"Content-Type": "application/json", **(headers or {})})


def _refusal(status: int, code: str, message: str, headers: dict[str, str] | None = None, inner: str = "") -> Reply:
    error: dict[str, Any] = {"code": code, "message": message}
    if inner:
        error["innererror"] = {"code": inner}
    return _json({"error": error}, status, headers)


def _not_found(what: str) -> Reply:
    return _refusal(404, "KeyNotFound", f"A key with (name/id) {what} was not found in this key vault.")


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
