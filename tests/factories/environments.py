"""Makes environments for tests, through the services that requests go through."""

import msgspec

from common.backend import Backend
from common.environments.model import EnvironmentPath
from common.environments.service import definitions, opening
from common.rights.caller import Caller
from tests.factories.people import ORG

ENVIRONMENTS = f"/api/esc/environments/{ORG}"


def make_environment(backend: Backend, caller: Caller, name: str, text: str = "", *, org: str = ORG) -> EnvironmentPath:
    """Make an environment, named `project/name`, with a definition if there is a text, and return its path."""
    project, _, short = name.partition("/")
    path = EnvironmentPath(org, project, short)
    definitions.create(backend, caller, org, project, short)
    if text:
        definitions.update(backend, caller, path, text.encode())
    return path


def opened_values(backend: Backend, caller: Caller, path: EnvironmentPath) -> dict[str, object]:
    """Return the values of an opened environment as plain JSON."""
    session = opening.open_environment(backend, caller, path)
    found = msgspec.json.decode(opening.read_open(backend, caller, path, session, None))
    return {name: plain(value) for name, value in found.get("properties", {}).items()}


def plain(value: dict[str, object]) -> object:
    """Return a value of the wire as plain JSON."""
    content = value["value"]
    if isinstance(content, dict):
        return {name: plain(member) for name, member in content.items()}
    return [plain(element) for element in content] if isinstance(content, list) else content
