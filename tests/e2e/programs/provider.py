"""A resource provider that goes wrong on request, so that the CLI meets rare situations without a cloud.

It offers one resource, `brittle:index:Part`, whose inputs are all optional strings:

    value   anything; a change updates in place
    label   anything; a change replaces the part, the new one being made before the old one is deleted
    slot    anything; a change replaces the part, the old one being deleted first
    fail    create, update, delete or read: that operation fails
    gone    path of a file: while it exists, a read finds that the part has vanished
    drift   path of a file: while it exists, a read finds its text as the `value`
    hold    path of a file: while it exists, create, update and delete wait; `<hold>.reached` appears when they do

A part can be imported under the id `part-<value>`; any other id is unknown. Nothing is kept between operations.
"""

# ruff: noqa: N802 - the methods are named by the protocol

from __future__ import annotations

import json
import os
import time
import uuid
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

PACKAGE = "brittle"
VERSION = "1.0.0"
INPUTS = ("value", "label", "slot", "fail", "gone", "drift", "hold")
REPLACING = frozenset({"label", "slot"})
IMPORT_PREFIX = "part-"
HOLD_LIMIT_SECONDS = 60.0
POLL_SECONDS = 0.02

_PROPERTIES = {name: {"type": "string"} for name in INPUTS}
SCHEMA = {
    "name": PACKAGE,
    "version": VERSION,
    "resources": {
        f"{PACKAGE}:index:Part": {"properties": _PROPERTIES, "inputProperties": _PROPERTIES},
    },
}


class Brittle(provider_pb2_grpc.ResourceProviderServicer):
    """Serves the provider protocol; the method names are the protocol's."""

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=False)

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:
        """The CLI uses this running process (PULUMI_DEBUG_PROVIDERS) instead of starting one."""
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.GetSchemaResponse(schema=json.dumps(SCHEMA))

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=False)

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        old, new = MessageToDict(request.old_inputs), MessageToDict(request.news)
        changed = [name for name in INPUTS if old.get(name) != new.get(name)]
        response = provider_pb2.DiffResponse
        return response(
            changes=response.DIFF_SOME if changed else response.DIFF_NONE,
            diffs=changed,
            replaces=[name for name in changed if name in REPLACING],
            deleteBeforeReplace="slot" in changed,
        )

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        if not request.preview:
            self._work(request.properties, "create", context)
        return provider_pb2.CreateResponse(id=str(uuid.uuid4()), properties=request.properties)

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        if not request.preview:
            self._work(request.news, "update", context)
        return provider_pb2.UpdateResponse(properties=request.news)

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._work(request.properties, "delete", context)
        return empty_pb2.Empty()

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        wishes = MessageToDict(request.properties)
        if not wishes:
            return self._read_for_import(request.id)
        _fail_if_asked(wishes, "read", context)
        if "gone" in wishes and Path(wishes["gone"]).exists():
            return provider_pb2.ReadResponse()
        found = request.properties
        if "drift" in wishes and Path(wishes["drift"]).exists():
            found.update({"value": Path(wishes["drift"]).read_text(encoding="utf-8")})
        return provider_pb2.ReadResponse(id=request.id, properties=found, inputs=found)

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Interrupting the CLI interrupts no part: a person who cannot wait interrupts twice."""
        return empty_pb2.Empty()

    @staticmethod
    def _read_for_import(part_id: str) -> Any:
        if not part_id.startswith(IMPORT_PREFIX):
            return provider_pb2.ReadResponse()
        found = struct_pb2.Struct()
        found.update({"value": part_id.removeprefix(IMPORT_PREFIX)})
        return provider_pb2.ReadResponse(id=part_id, properties=found, inputs=found)

    @staticmethod
    def _work(properties: struct_pb2.Struct, operation: str, context: grpc.ServicerContext) -> None:
        wishes = MessageToDict(properties)
        if "hold" in wishes:
            _wait_while_held(Path(wishes["hold"]))
        _fail_if_asked(wishes, operation, context)


def _wait_while_held(hold: Path) -> None:
    if not hold.exists():
        return
    hold.with_name(hold.name + ".reached").touch()
    deadline = time.monotonic() + HOLD_LIMIT_SECONDS
    while hold.exists() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def _fail_if_asked(wishes: dict[str, Any], operation: str, context: grpc.ServicerContext) -> None:
    if wishes.get("fail") == operation:
        context.abort(grpc.StatusCode.UNKNOWN, f"{operation} fails, as asked")


def main() -> None:
    """Serves on a free port, tells it on standard output as the engine expects, and ends with its parent."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Brittle(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(1)
    server.stop(grace=None)


if __name__ == "__main__":
    main()
