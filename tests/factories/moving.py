"""A backend to move stacks from that is a few values, and the API of a service as the commands call it."""

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import Any

from starlette.testclient import TestClient

from common.core.errors import StartUpError
from common.installation.moving.model import ConfigValue, MovedStack, MovingError, StackName, Update
from tests.factories.people import ADMIN_TOKEN
from tests.stacks.engine.builders import make_resource, make_state

MARK = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
SALT = {"type": "passphrase", "state": {"salt": "v1:AAAA:v1:BBBB:CCCC"}}
SERVICE = {"type": "service", "state": {"url": "https://api.example.com", "owner": "old", "project": "shop", "stack": "dev"}}
NAME = StackName("shop", "dev")


def sealed(plaintext: str) -> str:
    """Return the ciphertext that a FakeSource decrypts."""
    return b64encode(plaintext.encode()).decode()


def secret(ciphertext: str) -> dict[str, str]:
    """Return a secret of a state."""
    return {**MARK, "ciphertext": ciphertext}


def state_with(ciphertext: str, provider: dict[str, Any], *, size: int = 1) -> bytes:
    """Return a state of shop/dev with one secret."""
    return make_state(make_resource("a", inputs={"size": size, "password": secret(ciphertext)}), secrets_providers=provider)


def make_update(version: int, **members: Any) -> Update:
    """Return an update that succeeded."""
    return Update(version, "update", "succeeded", 1_700_000_000 + version, 1_700_000_060 + version, state=str(version), **members)


def make_moved(*updates: Update, name: StackName = NAME, **members: Any) -> MovedStack:
    """Return a stack with a tag."""
    return MovedStack(name, {"group": "web"}, list(updates), **members)


@dataclass
class FakeSource:
    """Stacks with the states after their updates, by version."""

    stacks: dict[StackName, MovedStack] = field(default_factory=dict)
    states: dict[tuple[StackName, int], bytes | None] = field(default_factory=dict)
    words: str = "the test"
    has_service: bool = True

    def add(self, stack: MovedStack, *states: bytes | None) -> MovedStack:
        """Add a stack with a state for each update."""
        self.stacks[stack.name] = stack
        self.states |= {(stack.name, update.version): state for update, state in zip(stack.updates, states, strict=True)}
        return stack

    def list_names(self) -> list[StackName]:
        """Return the names."""
        return sorted(self.stacks, key=str)

    def load(self, name: StackName) -> MovedStack:
        """Return a stack."""
        return self.stacks[name]

    def get_state(self, stack: MovedStack, update: Update) -> bytes | None:
        """Return a state; MovingError for a version without one."""
        if (stack.name, update.version) not in self.states:
            raise MovingError("lost")
        return self.states[stack.name, update.version]

    def decrypt(self, name: StackName, ciphertexts: list[str]) -> dict[str, bytes]:
        """Return what `sealed` has sealed."""
        return {text: b64decode(text) for text in ciphertexts}


class FakeApi:
    """The API of the backend under test, as an ApiClient calls it."""

    url = "https://api.example.com"

    def __init__(self, client: TestClient, token: str = ADMIN_TOKEN) -> None:
        self._client = client
        self._headers = {"Authorization": f"token {token}", "Accept": "application/vnd.pulumi+8"}

    def get(self, path: str, **query: str) -> Any:
        """Return the JSON of a reply."""
        return json.loads(self._text(self._client.get(path, params=query, headers=self._headers)))

    def get_text(self, path: str) -> str:
        """Return the text of a reply."""
        return self._text(self._client.get(path, headers=self._headers))

    def post(self, path: str, body: object = None) -> Any:
        """Return the JSON of a reply to a body."""
        return json.loads(self._text(self._client.post(path, json=body, headers=self._headers)))

    def _text(self, reply: Any) -> str:
        if reply.status_code >= 400:
            raise StartUpError(reply.json()["message"])
        return str(reply.text)


SECRET_CONFIG = {
    "shop:name": ConfigValue("alice"),
    "shop:pin": ConfigValue(sealed("4711"), secret=True),
    "shop:keys": ConfigValue(json.dumps({"a": {"secure": sealed("1")}, "b": [2]}), secret=True, object=True),
}
