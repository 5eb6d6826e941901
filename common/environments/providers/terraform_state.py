"""`fn::open::terraform-state`: the outputs in a state of Terraform, in S3 or in HCP Terraform."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.schemas.schema import ANY_OBJECT, STRING, AnySchema, one_of
from common.environments.providers import aws_calls, calls
from common.environments.providers.base import Access
from common.environments.providers.calls import Request, host_of, require_host
from common.environments.providers.schemas import AWS_LOGIN, members
from common.environments.providers.values import from_json, plain, record, require_text

_S3 = members({"bucket": STRING, "key": STRING, "login": AWS_LOGIN, "region": STRING}, title="TerraformS3Backend")
_REMOTE = members(
    {"organization": STRING, "workspace": STRING, "token": STRING}, {"hostname": STRING}, title="TerraformRemoteBackend"
)
INPUTS = members({"backend": one_of(members({"s3": _S3}), members({"remote": _REMOTE}))})
OUTPUTS = members({"outputs": ANY_OBJECT})
_HOST = "app.terraform.io"
_VERSION = "4"
_PAGE_SIZE = 100


class TerraformState:
    """Reads all outputs of a state; those that Terraform calls sensitive are secrets."""

    def __init__(self, access: Access) -> None:
        """Read for one caller."""
        self._access = access

    def schema(self) -> tuple[AnySchema, AnySchema]:
        """Return the schemas of inputs and outputs."""
        return INPUTS, OUTPUTS

    def open(self, inputs: dict[str, EscValue], context: Context) -> EscValue:  # noqa: ARG002 - of the protocol
        """Return the outputs; raises WorldError."""
        backend = plain(inputs)["backend"]
        # With both, the schema has looked at one of them only.
        if ("s3" in backend) is ("remote" in backend):
            raise WorldError("backend needs either s3 or remote")
        outputs = self._from_s3(backend["s3"]) if "s3" in backend else self._from_remote(backend["remote"])
        return record(outputs=EscValue(outputs))

    def _from_s3(self, place: Mapping[str, Any]) -> dict[str, EscValue]:
        credentials = aws_calls.credentials_of(place["login"])
        content = aws_calls.get_object(self._access, credentials, place["region"], place["bucket"], place["key"])
        state = calls.decode(content, "the object")
        outputs = state.get("outputs") if isinstance(state, dict) and state.get("version") == _VERSION else None
        if not isinstance(outputs, dict):
            raise WorldError("the object is not a state of Terraform of version 4")
        return {name: _output(output) for name, output in outputs.items() if isinstance(output, dict)}

    def _from_remote(self, place: Mapping[str, Any]) -> dict[str, EscValue]:
        api = f"https://{require_host(place.get('hostname') or _HOST, 'hostname')}/api/v2"
        headers = {"Authorization": f"Bearer {place['token']}", "Accept": "application/vnd.api+json"}
        names = [quote(place[name], safe="") for name in ("organization", "workspace")]
        workspace = self._fetch(f"{api}/organizations/{names[0]}/workspaces/{names[1]}", headers)
        workspace_id = quote(require_text(workspace, host_of(api), "data", "id"), safe="")
        outputs: dict[str, EscValue] = {}
        page = 1
        while True:
            query = f"page%5Bnumber%5D={page}&page%5Bsize%5D={_PAGE_SIZE}"
            answer = self._fetch(f"{api}/workspaces/{workspace_id}/current-state-version-outputs?{query}", headers)
            entries = _entries(answer)
            outputs |= {_name(entry): self._remote_output(api, headers, entry) for entry in entries}
            if len(entries) < _PAGE_SIZE:
                return outputs
            page += 1

    def _remote_output(self, api: str, headers: Mapping[str, str], entry: Mapping[str, Any]) -> EscValue:
        """Return one output; the list leaves out the values of sensitive ones."""
        attributes = entry["attributes"]
        if attributes.get("sensitive") is True:
            output_id = quote(require_text(entry, host_of(api), "id"), safe="")
            answer = self._fetch(f"{api}/state-version-outputs/{output_id}", headers)
            data = answer.get("data") if isinstance(answer, dict) else None
            attributes = data.get("attributes") if isinstance(data, dict) else None
        if not isinstance(attributes, dict):
            raise WorldError(f"{host_of(api)} does not answer with the attributes of an output")
        return _output(attributes)

    def _fetch(self, url: str, headers: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
        return calls.fetch(self._access, Request("GET", url, headers))


def _output(output: Mapping[str, Any]) -> EscValue:
    value = from_json(output.get("value"))
    return EscValue(value.value, secret=output.get("sensitive") is True)


def _entries(answer: object) -> list[dict[str, Any]]:
    data = answer.get("data") if isinstance(answer, dict) else None
    entries = data if isinstance(data, list) else []
    return [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("attributes"), dict)]


def _name(entry: Mapping[str, Any]) -> str:
    return str(entry["attributes"].get("name", ""))
