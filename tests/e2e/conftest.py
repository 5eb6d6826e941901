"""One server, one provider process and one home folder for each CLI version serve all tests of a worker."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.e2e import toolchain
from tests.e2e.cli import Cli, Server
from tests.e2e.environments import Env
from tests.e2e.policy_packs import Pack
from tests.e2e.programs import node_host, provider, python_host
from tests.e2e.project import Project, ProjectFactory
from tests.e2e.server import ServerProcess, remove_stacks, running_server
from tests.node_packages import installed
from tests.reporting import missing_tool

NEWEST_ONLY = "newest_cli_only"
NODE_POLICIES = Path(__file__).parent / "node_policies"
PROVIDER_STOP_SECONDS = 10.0


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test that uses the CLI once for each version."""
    if "cli_version" not in metafunc.fixturenames:
        return
    versions = toolchain.versions_to_test()
    if metafunc.definition.get_closest_marker(NEWEST_ONLY):
        versions = versions[:1]
    metafunc.parametrize("cli_version", versions, scope="session")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the tests of this folder, which is where this hook is called."""
    item.add_marker(pytest.mark.e2e)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker of these tests."""
    config.addinivalue_line("markers", f"{NEWEST_ONLY}: runs with the first of the CLI versions under test only")


@pytest.fixture(scope="session")
def toolset(cli_version: str) -> toolchain.Toolset:
    """The commands of the CLI version under test."""
    try:
        return toolchain.toolset(cli_version)
    except toolchain.ToolUnavailableError as error:
        missing_tool(str(error))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server under test: one that is named by STACKHOLD_E2E_URL, else one of our own."""
    named = running_server()
    if named is not None:
        yield named
        return
    own = ServerProcess(tmp_path_factory.mktemp("server") / "data")
    own.start()
    yield own.server
    own.stop()


@pytest.fixture(scope="session")
def provider_port() -> Iterator[int]:
    """The port of a running test provider: attaching saves a second of start-up for every command."""
    command = [sys.executable, provider.__file__]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.terminate()
        process.wait(PROVIDER_STOP_SECONDS)


@pytest.fixture(scope="session")
def tools_root(toolset: toolchain.Toolset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose `bin` holds exactly the commands of one CLI version, as an installed CLI has it."""
    root = tmp_path_factory.mktemp("tools")
    folder = root / "bin"
    folder.mkdir()
    (folder / "pulumi").symlink_to(toolset.pulumi)
    (folder / "pulumi-language-yaml").symlink_to(toolset.language_yaml)
    plugin = folder / f"pulumi-resource-{provider.PACKAGE}"
    plugin.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{provider.__file__}" "$@"\n', encoding="utf-8")
    plugin.chmod(0o700)
    host = folder / "pulumi-language-python"
    host.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{python_host.__file__}" "$@"\n', encoding="utf-8")
    host.chmod(0o700)
    return root


@pytest.fixture(scope="session")
def make_cli(
    toolset: toolchain.Toolset, tools_root: Path, provider_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Server], Cli]:
    """Make a CLI with an empty home folder for a server."""

    def make(server: Server) -> Cli:
        environment = {"PULUMI_DEBUG_PROVIDERS": f"{provider.PACKAGE}:{provider_port}"}
        return Cli(toolset.version, server, tmp_path_factory.mktemp("home"), tools_root, environment)

    return make


@pytest.fixture(scope="session")
def cli(make_cli: Callable[[Server], Cli], server: Server) -> Cli:
    """The CLI under test, signed in to the server."""
    signed_in = make_cli(server)
    signed_in.login()
    return signed_in


@pytest.fixture
def make_project(cli: Cli, server: Server, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ProjectFactory]:
    """Make projects with names that no other test and no other run uses; a server that lives on is left as it was."""
    made: list[str] = []
    label = re.sub(r"[^a-z0-9]+", "-", request.node.originalname.removeprefix("test_"))[:40].strip("-")

    def make(using: Cli = cli) -> Project:
        made.append(f"{label}-{uuid.uuid4().hex[:8]}")
        return Project(using, tmp_path / made[-1], made[-1])

    yield make
    for name in made if running_server() else ():
        remove_stacks(server, name)


@pytest.fixture
def project(make_project: ProjectFactory) -> Project:
    """An empty project without a stack."""
    return make_project()


@pytest.fixture
def env(project: Project) -> Env:
    """Environments of a project of the test's own."""
    return Env(project)


@pytest.fixture
def pack(cli: Cli, tmp_path: Path) -> Pack:
    """A policy pack in Python that is published."""
    if reason := os.environ.get("STACKHOLD_E2E_WITHOUT_UPLOADS"):
        pytest.skip(reason)
    if find_spec("pulumi_policy") is None:
        missing_tool("pulumi-policy (requirements/policies.txt; `make e2e` installs it)")
    made = Pack(cli, tmp_path / "pack")
    made.run("publish", cli.server.org)
    return made


@pytest.fixture(scope="session")
def node_modules(tools_root: Path) -> Path:
    """The packages of policy packs for Node; the command line finds a language host that runs packs with them."""
    modules = installed(NODE_POLICIES, "the policy packs for Node need npm, to install @pulumi/policy")
    host = tools_root / "bin" / "pulumi-language-nodejs"
    host.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{node_host.__file__}" "{modules}" "$@"\n', encoding="utf-8")
    host.chmod(0o700)
    return modules
