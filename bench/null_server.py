"""A server that answers everything at once and keeps nothing durable: the floor that a real server is measured against.

It speaks as much of the protocol as an update of the real command line needs, journals included. It looks into no batch;
a state is put together from the batches only when a client asks for it, so that no update waits for that.
"""

import asyncio
import itertools
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast
from urllib.parse import urlsplit

import httptools
import msgspec
import uvloop

from bench.servers import ORG
from common.core.compression import unpack
from common.stacks.engine import document, journal
from common.stacks.engine.entry import part_of
from common.wire import stacks as wire
from common.wire import updates as wire_updates
from common.wire.users import GetDefaultOrganizationResponse, OrganizationSummaryWithRole, User
from functions.api.capabilities import CAPABILITIES

Reply = tuple[int, bytes]
_LEASE = "lease"
_EXPIRES_AT = 4_000_000_000
_JOURNAL_VERSION = 2
_OK: Reply = (200, b"{}")
_EMPTY: Reply = (204, b"")
_MISSING: Reply = (404, b'{"code":404,"message":"Not Found: the null server does not have this"}')
_REASONS = {200: "OK", 204: "No Content", 404: "Not Found"}


@dataclass
class Stack:
    """What a client may ask back."""

    project: str
    name: str
    tags: dict[str, str] = field(default_factory=dict)
    version: int = 0
    settled: bytes = document.EMPTY
    batches: list[bytes] = field(default_factory=list)

    def state(self) -> bytes:
        """Return the state, put together now if batches came since the last time."""
        if self.batches:
            parts = [part_of(unpack(batch)) for batch in self.batches]
            replayed = journal.replay(self.settled, parts, cli_version="", now=datetime.now(UTC))
            self.settled, self.batches = replayed.text, []
        return self.settled


class Null:
    """The whole service, in memory."""

    def __init__(self) -> None:
        self._stacks: dict[str, Stack] = {}
        self._ids = itertools.count(1)

    def answer(self, method: str, path: str, body: bytes) -> Reply:
        """Return the reply to a request."""
        parts = path.split("/")
        if path.startswith("/api/stacks/") and len(parts) >= 5:
            return self._of_stack(method, parts, body)
        if path == "/api/capabilities":
            return _json(CAPABILITIES)
        if path == "/api/user":
            return _json(_USER)
        if path == "/api/user/organizations/default":
            return _json(GetDefaultOrganizationResponse(ORG, []))
        return _OK if path == "/healthz" else _MISSING

    def _of_stack(self, method: str, parts: list[str], body: bytes) -> Reply:
        project, name, call = parts[4], "/".join(parts[5:6]), parts[6:]
        if not name:
            return self._create(project, body) if method == "POST" else _MISSING
        stack = self._stacks.get(f"{project}/{name}")
        if stack is None:
            return _MISSING
        if not call:
            return self._whole(method, stack)
        if len(call) >= 3:
            return _of_update(stack, call[2], body)
        return self._named(stack, call, body)

    def _create(self, project: str, body: bytes) -> Reply:
        asked = msgspec.json.decode(body, type=wire.CreateStackRequest)
        stack = Stack(project, asked.stack_name, asked.tags or {})
        if bytes(asked.state) != b"null":
            stack.settled = bytes(asked.state)
        self._stacks[f"{project}/{asked.stack_name}"] = stack
        return _json(wire.CreateStackResponse([]))

    def _whole(self, method: str, stack: Stack) -> Reply:
        if method == "DELETE":
            del self._stacks[f"{stack.project}/{stack.name}"]
            return _EMPTY
        return _json(_shape(stack))

    def _named(self, stack: Stack, call: list[str], body: bytes) -> Reply:
        match call:
            case ["begin-update"]:
                return self._begin(stack, body)
            case ["export"]:
                return 200, stack.state()
            case ["import"]:
                stack.settled, stack.batches = unpack(body), []
                return 200, b'{"updateId":"1"}'
            case ["encrypt"]:
                return 200, body.replace(b'"plaintext"', b'"ciphertext"', 1)
            case [_kind]:
                return _json(wire_updates.UpdateProgramResponse(self._new_id()))
            case _:  # U: start, or the status that a client polls after an import
                if body:
                    return self._start(stack, body)
                return 200, b'{"status":"succeeded","events":[],"continuationToken":null}'

    def _start(self, stack: Stack, body: bytes) -> Reply:
        asked = msgspec.json.decode(body, type=wire_updates.StartUpdateRequest)
        journal_version = min(asked.journal_version, _JOURNAL_VERSION)
        return _json(wire_updates.StartUpdateResponse(stack.version + 1, _LEASE, _EXPIRES_AT, journal_version))

    def _begin(self, stack: Stack, body: bytes) -> Reply:
        asked = msgspec.json.decode(body, type=wire_updates.BeginUpdateRequest)
        state = stack.state()
        stack.tags = asked.tags or stack.tags
        reply = wire_updates.BeginUpdateResponse(
            version=stack.version + 1,
            token=_LEASE,
            token_expiration=_EXPIRES_AT,
            journal_version=min(asked.journal_version, _JOURNAL_VERSION),
            stack=_shape(stack),
            update_id=self._new_id(),
        )
        return 200, msgspec.json.encode(reply)[:-1] + b',"deployment":' + state + b"}"

    def _new_id(self) -> str:
        return str(uuid.UUID(int=next(self._ids)))


class Connection(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, answer: Callable[[str, str, bytes], Reply]) -> None:
        self._answer = answer
        self._parser = httptools.HttpRequestParser(self)
        self._path, self._parts = "", list[bytes]()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transports do not derive from asyncio's

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._parts = []

    def on_url(self, url: bytes) -> None:
        """Take the path, without the query."""
        self._path = urlsplit(url.decode("latin-1")).path

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._parts.append(body)

    def on_message_complete(self) -> None:
        """Answer."""
        method = self._parser.get_method().decode("ascii")
        status, text = self._answer(method, self._path, b"".join(self._parts))
        if method == "HEAD":
            text = b""
        head = f"HTTP/1.1 {status} {_REASONS[status]}\r\ncontent-type: application/json\r\ncontent-length: {len(text)}\r\n\r\n"
        self._transport.writelines([head.encode("ascii"), text])


def _of_update(stack: Stack, call: str, body: bytes) -> Reply:
    match call:
        case "journalentries":
            stack.batches.append(body)
            return _EMPTY
        case "checkpoint":
            stack.settled, stack.batches = unpack(body), []
            return _EMPTY
        case "renew_lease":
            return _json(wire_updates.RenewUpdateLeaseResponse(_LEASE, _EXPIRES_AT))
        case "complete":
            stack.version += 1
    return _OK


def _shape(stack: Stack) -> wire.Stack:
    return wire.Stack(
        id=stack.name,
        org_name=ORG,
        project_name=stack.project,
        stack_name=stack.name,
        active_update="",
        tags=stack.tags,
        version=stack.version,
    )


def _json(shape: object) -> Reply:
    return 200, msgspec.json.encode(shape)


_USER = User(
    id="1",
    github_login="admin",
    name="Admin",
    email="admin@example.com",
    avatar_url="",
    organizations=[OrganizationSummaryWithRole(name=ORG, github_login=ORG, avatar_url="", role="admin")],
    identities=[],
    site_admin=True,
)


async def _serve(port: int) -> None:
    service = Null()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(service.answer), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
