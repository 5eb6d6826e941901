"""`fn::open::1password-secrets`: secrets of 1Password, by a Connect server.

The protocol of service accounts is not published: it is for the SDK of the vendor alone, which makes its calls itself, past the
guarded client. So a login with such a token is known to checks, and an open says what to use in its place.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.schemas.schema import STRING, AnySchema, Schema
from common.environments.providers import calls
from common.environments.providers.base import Access
from common.environments.providers.calls import Request, host_of, require_origin
from common.environments.providers.schemas import SECRETS, map_of, members
from common.environments.providers.values import plain, require_text, secrets

_GET = members({"ref": Schema("string", pattern="op://.+")}, title="1PasswordSecretsGet")
_ACCOUNT = members({"serviceAccountToken": STRING})
# Not upstream's, which knows service accounts alone.
_CONNECT = members({"connectHost": STRING, "connectToken": STRING})
_LOGIN = Schema("object", one_of=(_ACCOUNT, _CONNECT), title="1PasswordSecretsLogin")
INPUTS = members({"get": map_of(_GET), "login": _LOGIN})
_ID = re.compile("[a-z0-9]{26}")
_OTP = "attribute=otp"


class OnePasswordSecrets:
    """Reads fields and files of items one by one; a vault and an item that several of them are in are read once."""

    def __init__(self, access: Access) -> None:
        """Read for one caller."""
        self._access = access

    def schema(self) -> tuple[AnySchema, AnySchema]:
        """Return the schemas of inputs and outputs."""
        return INPUTS, SECRETS

    def open(self, inputs: dict[str, EscValue], context: Context) -> EscValue:  # noqa: ARG002 - of the protocol
        """Return the secrets by the names of the definition; raises WorldError."""
        settings = plain(inputs)
        login = settings["login"]
        if "connectHost" not in login:
            raise WorldError(
                "1password-secrets needs connectHost and connectToken: service accounts are not available on this server"
            )
        server = _Server(self._access, require_origin(login["connectHost"], "connectHost"), login["connectToken"])
        texts = {}
        for name, wanted in settings["get"].items():
            try:
                texts[name] = server.read(wanted["ref"])
            except WorldError as error:
                raise WorldError(f"{name}: {error}") from None
        return secrets(texts)


class _Server:
    """A Connect server (developer.1password.com/docs/connect/api-reference)."""

    def __init__(self, access: Access, origin: str, token: str) -> None:
        self._access, self._origin = access, origin
        self._headers = {"Authorization": f"Bearer {token}"}
        self._replies: dict[str, Any] = {}

    def read(self, ref: str) -> str:
        """Return the value of a reference `op://vault/item/[section/]field`."""
        path, _, query = ref.removeprefix("op://").partition("?")
        parts = path.split("/")
        if len(parts) not in (3, 4) or not all(parts):
            raise WorldError("ref must be a reference such as op://vault/item/field or op://vault/item/section/field")
        if query not in ("", _OTP):
            raise WorldError(f"ref may have ?{_OTP} and no other attribute")
        vault, item, section, name = parts[0], parts[1], parts[2] if len(parts) == 4 else "", parts[-1]
        vault_address = f"/v1/vaults/{self._id_of('/v1/vaults', 'name', vault, 'vault')}"
        address = f"{vault_address}/items/{self._id_of(f'{vault_address}/items', 'title', item, 'item')}"
        content = self._fetch(address)
        field = _find(_rows(content, "fields"), content, section, name, ("label", "id"))
        if field is not None:
            return require_text(field, host_of(self._origin), "totp" if query else "value")
        file = _find(_rows(content, "files"), content, section, name, ("name", "id"))
        if file is None or query:
            raise WorldError("the item has no such field")
        file_id = quote(require_text(file, host_of(self._origin), "id"), safe="")
        reply = calls.send(self._access, Request("GET", f"{self._origin}{address}/files/{file_id}/content", self._headers))
        try:
            return reply.body.decode()
        except UnicodeDecodeError:
            raise WorldError("the file is not text") from None

    def _id_of(self, address: str, attribute: str, name: str, kind: str) -> str:
        """Return the id of the only vault or item of a name; a name that is an id stands for itself."""
        if _ID.fullmatch(name):
            return name
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        query = urlencode({"filter": f'{attribute} eq "{escaped}"'})
        answer = self._fetch(f"{address}?{query}")
        rows = answer if isinstance(answer, list) else []
        if len(rows) != 1:
            raise WorldError(f"there are {len(rows)} {kind}s of this name; use the id" if rows else f"there is no such {kind}")
        return quote(require_text(rows[0], host_of(self._origin), "id"), safe="")

    def _fetch(self, address: str) -> Any:  # noqa: ANN401 - JSON
        if address not in self._replies:
            self._replies[address] = calls.fetch(self._access, Request("GET", f"{self._origin}{address}", self._headers))
        return self._replies[address]


def _find(
    rows: Iterable[Mapping[str, Any]], item: object, section: str, name: str, keys: tuple[str, ...]
) -> Mapping[str, Any] | None:
    """Return the field or file of a name, whatever its case; without a section, first one that is in none."""
    named = [row for row in rows if _is_named(row, name, keys)]
    if section:
        sections = {row.get("id") for row in _rows(item, "sections") if _is_named(row, section, ("label", "id"))}
        named = [row for row in named if _section_of(row) in sections]
    named.sort(key=lambda row: bool(_section_of(row)))
    return named[0] if named else None


def _is_named(row: Mapping[str, Any], name: str, keys: tuple[str, ...]) -> bool:
    return any(str(row.get(key) or "").casefold() == name.casefold() for key in keys)


def _section_of(row: Mapping[str, Any]) -> object:
    section = row.get("section")
    return section.get("id") if isinstance(section, dict) else None


def _rows(item: object, name: str) -> list[dict[str, Any]]:
    rows = item.get(name) if isinstance(item, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
