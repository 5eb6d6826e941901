"""A language host for Node that runs policy packs alone, with the packages of the tests: the real one is not to be had as a module.

The command line starts it as `pulumi-language-nodejs`, and asks it to run each pack as a plugin. The pack itself, and the library that
runs its policies, are the real ones, from npm.
"""

# ruff: noqa: N802 - the methods are named by the protocol

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

RUN = "require(process.argv[1] + '/@pulumi/pulumi/cmd/run-policy-pack')"


class NodeHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Serves the language protocol; the method names are the protocol's."""

    def __init__(self, modules: Path) -> None:
        """Run packs with these packages."""
        self._modules = modules

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo(version="1.0.0")

    def GetRequiredPackages(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language_pb2.GetRequiredPackagesResponse()

    def InstallDependencies(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        """Link the packages of the tests into the pack, in place of `npm install`."""
        link_packages(Path(request.info.program_directory), self._modules)
        yield language_pb2.InstallDependenciesResponse(stdout=b"")

    def RunPlugin(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        """Run a policy pack, and pass on what it prints: the port that it listens on, first of all."""
        folder = Path(request.info.program_directory)
        link_packages(folder, self._modules)
        command = ["node", "-e", RUN, str(self._modules), *request.args, str(folder)]
        environment = {**os.environ, **dict(pair.split("=", 1) for pair in request.env)}
        with subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=sys.stderr
        ) as process:
            context.add_callback(process.kill)
            assert process.stdout is not None
            for line in process.stdout:
                yield language_pb2.RunPluginResponse(stdout=line)
            yield language_pb2.RunPluginResponse(exitcode=process.wait())

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()


def link_packages(folder: Path, modules: Path) -> None:
    """Give a pack its `node_modules`, unless it has them."""
    place = folder / "node_modules"
    if not place.exists():
        place.symlink_to(modules, target_is_directory=True)


def main() -> None:
    """Serve until the command line ends this process; the argument is a folder with packages."""
    server = grpc.server(futures.ThreadPoolExecutor(8))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(NodeHost(Path(sys.argv[1])), server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
