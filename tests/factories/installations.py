"""Fills an installation with one of everything, through its API, and reads it again to compare."""

import json
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

from httpx2 import Client
from starlette.testclient import TestClient

from common.audit import integrity
from common.backend import Backend
from common.environments.model import EnvironmentPath
from common.rights.caller import Caller
from common.rights.permissions import Role
from tests.factories import policies, teams, tokens
from tests.factories.clients import make_client
from tests.factories.environments import ENVIRONMENTS, make_environment, opened_values
from tests.factories.people import make_user
from tests.factories.webhooks import make_webhook
from tests.stacks.engine.builders import dump, entry, make_resource
from tests.wire import begin, create_stack, export, import_state

ODD = "🦉 ünï\u0000'\"\\ \r\n %s {} -- 0x"
SECRET = "values:\n  pw:\n    fn::secret: hunter2\n  odd: 'é 🦉'\n"
STATES = {"acme/shop/dev": (1, 2, 3), "acme/shop/prod": (1,)}


@dataclass(frozen=True, slots=True)
class Filled:
    """What the world has that only its maker knows."""

    member_token: str
    org_token: str
    ciphertext: str


def fill(backend: Backend, client: TestClient, admin: Caller) -> Filled:
    """Make stacks with history and secrets, people, teams, tokens, webhooks, environments and policies."""
    member_token = make_user(backend, "alice", org="acme", role=Role.MEMBER)
    teams.create(client, "ops")
    teams.act(client, "add", "alice")
    org_token = tokens.create(client, "/api/orgs/acme/tokens", name="ci", admin=False)["tokenValue"]
    make_webhook(backend, admin, "https://example.com/hook", secret="s3cret-of-hook")
    make_environment(backend, admin, "app/dev", SECRET)
    policies.publish(client)
    policies.enable(client, tag="1.0.0", config={"no-public-buckets": {"allowed": ["a"]}})
    dev, prod = create_stack(client, "dev", tags={"odd": ODD.replace("\u0000", "")[:30]}), create_stack(client, "prod")
    teams.give(client, 102, "dev")
    ciphertext = client.post(f"{dev}/encrypt", json={"plaintext": b64encode(b"plain of dev").decode()}).json()["ciphertext"]
    import_state(client, dev, _container("dev", ciphertext))
    _update(client, dev, 1)
    _update(client, dev, 3, config={"shop:large": {"string": "x" * 80_000}})
    import_state(client, prod, _container("prod", ciphertext))
    client.delete(create_stack(client, "gone"))
    integrity.sign_heads(backend, "")
    return Filled(member_token, org_token, ciphertext)


def read_all(backend: Backend, filled: Filled) -> dict[str, bytes]:
    """Return replies of the API that show what an installation has, by their addresses."""
    with make_client(backend) as client, make_client(backend, filled.member_token) as member:
        addresses = [
            "/api/user",
            "/api/user/stacks",
            "/api/orgs/acme/members",
            "/api/orgs/acme/teams",
            "/api/orgs/acme/tokens",
            "/api/orgs/acme/hooks",
            "/api/orgs/acme/policypacks",
            "/api/orgs/acme/policygroups",
            "/api/orgs/acme/policypacks/guard/versions/1.0.0",
            f"{ENVIRONMENTS}/app/dev/versions",
            *(f"/api/stacks/{stack}{what}" for stack in STATES for what in ("", "/updates")),
            "/api/stacks/acme/shop/dev/teams",
        ]
        replies = {address: _get(client, address) for address in addresses}
        replies |= {
            f"{stack} {version}": export(client, f"/api/stacks/{stack}", version)
            for stack, versions in STATES.items()
            for version in versions
        }
        replies["as a member"] = _get(member, "/api/user/stacks")
        replies["of events"] = _get(client, f"{_newest_update(client)}/events")
        return replies


def read_secrets(backend: Backend, admin: Caller, filled: Filled) -> dict[str, object]:
    """Return secrets that the installation opens: of a stack, and of an environment."""
    with make_client(backend, filled.org_token) as client:
        plain = client.post("/api/stacks/acme/shop/dev/decrypt", json={"ciphertext": filled.ciphertext}).json()
    return {"stack": plain, "environment": opened_values(backend, admin, EnvironmentPath("acme", "app", "dev"))}


def _get(client: Client, address: str) -> bytes:
    reply = client.get(address)
    assert 200 == reply.status_code, (address, reply.text)
    return reply.content


def _newest_update(client: Client) -> str:
    history = client.get("/api/stacks/acme/shop/dev/updates?output-type=service").json()
    return f"/api/stacks/acme/shop/dev/update/{history['updates'][0]['updateID']}"


def _container(name: str, ciphertext: str) -> bytes:
    secret: dict[str, Any] = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": ciphertext}
    resource = make_resource(name, outputs={"odd": ODD, "secret": secret, "number": 1.0})
    return dump({"version": 3, "deployment": {"manifest": {}, "resources": [resource]}})


def _entries(first: int, *, large: bool = False) -> list[dict[str, Any]]:
    text = "".join(map(str, range(120_000))) if large else "small"
    return [
        entry(first, 0, first, operation={"resource": make_resource(f"r{first}"), "type": "creating"}),
        entry(first + 1, 1, first, state=make_resource(f"r{first}", outputs={"text": text})),
    ]


def _update(client: Client, stack: str, first: int, **members: Any) -> None:
    """Run an update; its second batch and its events are too large for a row."""
    update = begin(client, stack, **members)
    for entries in (_entries(1), _entries(3, large=True)):
        reply = update.journal(*entries)
        assert reply.status_code < 300, reply.text
    texts = "".join(map(str, range(150_000)))
    events = [{"sequence": number, "timestamp": 1, "stdoutEvent": {"message": texts, "color": "raw"}} for number in (1, 2)]
    assert update.events(*events).status_code < 300
    assert update.complete().status_code < 300, json.dumps(first)
