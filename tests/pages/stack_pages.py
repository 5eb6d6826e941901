"""A stack with everything that its pages show, made of values that a test chooses."""

from base64 import b64decode, b64encode
from typing import Any

from common.backend import Backend
from common.rights.caller import Caller
from common.stacks.model import StackPath
from common.stacks.state import service as state
from common.webhooks.model import Address
from tests.factories.stacks import Running, complete, make_ciphertext, make_stack, make_update, record_events, start
from tests.factories.webhooks import make_texts
from tests.stacks.engine.builders import ROOT, make_resource, make_state

STACK = "/acme/shop/dev"
PLAIN = "s3cret-value"
MARK, IS_SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"


def make_full_stack(backend: Backend, admin: Caller, text: str = "hello") -> StackPath:
    """Make acme/shop/dev with outputs, resources and one finished update, each of which says a text wherever it can."""
    path = make_stack(backend, admin, tags={"note": text[:200]})
    sealed = make_ciphertext(backend, admin, path, f'"{PLAIN}"'.encode())
    assert b64encode(b64decode(sealed)).decode() == sealed
    outputs = {"plain": text, "nested": {text: [text]}, "password": {MARK: IS_SECRET, "ciphertext": sealed}, "readme": text}
    root = {"urn": ROOT, "custom": False, "type": "pulumi:pulumi:Stack", "outputs": outputs}
    child = make_resource("a", parent=ROOT, inputs={text: text, "pw": {MARK: IS_SECRET, "ciphertext": sealed}}, id=text)
    other = make_resource("b", parent=ROOT, dependencies=[child["urn"]], propertyDependencies={text: [child["urn"]]})
    state.import_state(backend, admin, state.require_import(backend, admin, path), make_state(root, child, other))
    update = make_reported(backend, admin, path, text)
    complete(backend, update)
    make_texts(backend, admin, Address(path.org, path.project, path.name), text)
    return path


def make_reported(backend: Backend, admin: Caller, path: StackPath, text: str) -> Running:
    """Start an update that reports a step, a line of the log and a warning."""
    metadata = {"message": text, "environment": {"git.head": text, "ci.build.url": text, "ci.build.id": text, text: text}}
    config = {"shop:key": {"string": text, "secret": False}, "shop:password": {"string": "AAAA", "secret": True}}
    update = start(backend, admin, path, make_update(backend, admin, path, metadata=metadata, config=config))
    record_events(backend, update, *make_events(text))
    return update


def make_events(text: str) -> list[dict[str, Any]]:
    """The events of a step that changes a resource, a line and a warning."""
    urn = make_resource("a")["urn"]
    old, new = {"inputs": {"n": "before", text: text}}, {"inputs": {"n": text}}
    metadata = {"op": "update", "urn": urn, "type": text, "old": old, "new": new, "detailedDiff": None, "provider": ""}
    return [
        {"sequence": 1, "timestamp": 100, "resourcePreEvent": {"metadata": metadata}},
        {"sequence": 2, "timestamp": 103, "resOutputsEvent": {"metadata": metadata}},
        {"sequence": 3, "timestamp": 104, "stdoutEvent": {"message": f"line {text}\n", "color": "raw"}},
        {
            "sequence": 4,
            "timestamp": 104,
            "diagnosticEvent": {"message": f"warned {text}", "severity": "warning", "color": "raw"},
        },
        {"sequence": 5, "timestamp": 104, "policyEvent": {"message": text, "policyName": text, "policyPackName": text}},
        {"sequence": 6, "timestamp": 104, "summaryEvent": {"durationSeconds": 4, "resourceChanges": {"update": 1, "same": 2}}},
    ]
